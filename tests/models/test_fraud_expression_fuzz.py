"""Whatever text is sent as a rule, the answer is an expression or a refusal, in bounded steps."""

import sys
import warnings
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.fraud_columns import Value
from models.fraud_expression import BadExpression, compile_expression
from models.fraud_features import FEATURES
from models.fraud_syntax import MOST_CHARACTERS
from tests.models.fraud_expressions import TYPES, condition, seeds

KINDS = TYPES | {name: feature.kind for name, feature in FEATURES.items()}
MOST_STEPS = 60_000  # calls made while one text is compiled, of Python functions and built-in ones
BOUGHT: dict[str, Value] = {"price": 3.0, "country": "DE", "first": True}
SOUP = """
price spend mean country region odd True False None 1 2.5 1e999 -1 'DE' "x" b'x' ( ) [ ] { } , : := . ...
= == != < <= > >= + - * / ** // % << >> & | ^ ~ @ -> ! ? $ ` # ; and or not in is if else for lambda await
async yield import del abs min max missing __import__ eval price.real price[0] *price **price f'{price}' é
""".split()  # noqa: SIM905 - words, to be read as such
SOUP += ["\\", "\n", "\r", "\t", "\x00", "\ud800", "\ufeff", "\u202e"]
DEEP = [
    "(",
    "[",
    "{",
    "{1:",
    "abs(",
    "min(1,",
    "not ",
    "-",
    "~",
    "not (",
    "lambda:",
    "lambda a:(",
    "price[",
    "price.",
    "1 if first else ",
    "(x:=",
    "f'{",
    "price ** ",
    "a(a=",
    "[a for a in ",
    "yield ",
    "await ",
    "first and(",
]


def outcome(text: str) -> str:
    """Compile a text, ask what came of it, and count the steps."""
    steps = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal steps
        steps += event in {"call", "c_call"}

    before = sys.getprofile()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sys.setprofile(count)
        try:
            said = str(compile_expression(text, KINDS).holds(BOUGHT))
        except BadExpression as error:
            within = 1 <= error.line <= len(text.splitlines()) + 1 and 1 <= error.column <= len(text) + 1
            said = "refused" if within else str(error)
        finally:
            sys.setprofile(before)
    return said if steps < MOST_STEPS else f"{steps} steps"


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=300), st.binary(max_size=300).map(lambda raw: raw.decode("latin-1"))))
def test_any_text_is_an_expression_or_refused(text: str) -> None:
    assert outcome(text) in {"refused", "True", "False"}


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(SOUP), max_size=60), st.sampled_from(["", " "]))
def test_any_soup_of_words_is_an_expression_or_refused(words: list[str], between: str) -> None:
    assert outcome(between.join(words)) in {"refused", "True", "False"}


@settings(max_examples=300, deadline=None)
@given(seeds, st.integers(0, 200), st.integers(0, 5), st.sampled_from(SOUP))
def test_a_rule_with_a_slip_in_it_is_an_expression_or_refused(
    random: Random, at: int, cut: int, slip: str
) -> None:
    text = condition(random)
    at %= len(text) + 1
    assert outcome(text[:at] + slip + text[at + cut :]) in {"refused", "True", "False"}


@pytest.mark.parametrize("opening", DEEP)
def test_a_deep_text_is_refused(opening: str) -> None:
    most = MOST_CHARACTERS // len(opening)
    for times in (30, 95, 190, most):
        for end in ("", "price", "price > 1", ")", "]", "!", "1 a", "\n"):
            text = (opening * times + end)[:MOST_CHARACTERS]
            assert outcome(text) == "refused"


def test_a_long_text_is_as_bounded_as_a_short_one() -> None:
    near = "player_purchases_1x " * 90 + "> 1"
    listed = f"price in [{','.join(['1'] * 500)}] " + "or price in [3]" * 40
    assert {outcome(near), outcome(listed), outcome("or ".join(["price > 1 "] * 60))} == {"refused", "True"}
