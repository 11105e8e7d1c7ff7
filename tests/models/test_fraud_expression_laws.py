"""Laws of expressions: one meaning by purchase and by column, Python's own where nothing is missing."""

import math
from random import Random

import polars as pl
from hypothesis import assume, given, settings

from models.fraud_columns import Columns
from models.fraud_expression import BadExpression, Expression, compile_expression
from tests.models.fraud_expressions import TYPES, WHOLE, condition, odd_purchase, purchase, seeds

_POLARS = {"number": pl.Float64(), "text": pl.String(), "flag": pl.Boolean()}
SCHEMA = {name: _POLARS[kind] for name, kind in TYPES.items()}
FUNCTIONS: dict[str, object] = {"abs": abs, "min": min, "max": max, "missing": lambda value: value is None}


def compiled(text: str) -> Expression:
    try:
        return compile_expression(text, TYPES)
    except BadExpression as error:
        assume("uses no feature" not in error.message)
        raise


@settings(max_examples=400, deadline=None)
@given(seeds)
def test_a_column_says_what_is_said_of_each_purchase_alone(random: Random) -> None:
    found, bought = compiled(condition(random)), [odd_purchase(random) for _ in range(12)]
    frame = pl.DataFrame(bought, schema=SCHEMA)
    alone = [found.holds(values) for values in bought]
    assert found.over(Columns(frame)).tolist() == alone
    assert frame.select(found.column.alias("found"))["found"].to_list() == alone


@settings(max_examples=400, deadline=None)
@given(seeds)
def test_where_nothing_is_missing_an_expression_means_what_it_means_in_python(random: Random) -> None:
    text, values = condition(random).replace("1e300", "4"), purchase(random, WHOLE, [])
    found = compiled(text)
    try:
        expected = eval(text, {"__builtins__": {}}, {**FUNCTIONS, **values})
    except ZeroDivisionError:
        assume(False)
    assert found.holds(values) == expected


@settings(max_examples=400, deadline=None)
@given(seeds)
def test_what_is_true_has_reasons_whose_numbers_can_be_stored(random: Random) -> None:
    text, values = condition(random).replace("True", "odd").replace("False", "first"), odd_purchase(random)
    found = compiled(text)
    assume(found.holds(values))
    reasons = found.reasons(values)
    assert reasons
    assert all(math.isfinite(reason.value) for reason in reasons if isinstance(reason.value, float))
