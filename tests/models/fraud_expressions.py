"""Random expressions and purchases, for laws of fraud rules: many, made from seeds."""

import math
from collections.abc import Sequence
from random import Random

from hypothesis import strategies as st

from models.fraud_columns import Value
from models.fraud_expression import Kind

TYPES: dict[str, Kind] = {
    "price": "number",
    "spend": "number",
    "mean": "number",
    "country": "text",
    "region": "text",
    "first": "flag",
    "odd": "flag",
}
SIGNS = ["==", "!=", "<", "<=", ">", ">="]
LISTS = ["['DE', '']", "('US', 'FR')"]
WHOLE = [-3.0, -1.0, 0.0, 1.0, 2.0, 2.5, 3.0]
ODD = [*WHOLE, None, math.nan, math.inf, -math.inf, -0.0, 1e308, -1e308, 5e-324]
seeds = st.integers(0, 2**40).map(Random)


def number(random: Random, depth: int) -> str:
    """Make a part that is a number."""
    if depth == 0 or random.random() < 0.4:
        return random.choice(["price", "spend", "mean", "0", "1", "2.5", "3", "1e300"])
    one, other = number(random, depth - 1), number(random, depth - 1)
    return random.choice(
        [
            f"({one} {random.choice('+-*/')} {other})",
            f"-{one}",
            f"abs({one})",
            f"min({one}, {other})",
            f"max({one}, {other})",
        ]
    )


def comparison(random: Random) -> str:
    """Make a part that is true or false and has no such parts."""
    one, other, third = (number(random, 2) for _ in range(3))
    text, other_text = (random.choice(["country", "region", "'DE'", "''"]) for _ in range(2))
    among = random.choice(["in", "not in"])
    return random.choice(
        [
            f"{one} {random.choice(SIGNS)} {other}",
            f"{one} {random.choice(SIGNS)} {other} {random.choice(SIGNS)} {third}",
            f"{one} {among} {random.choice(['[0, 1, -2]', '(2.5,)'])}",
            f"{text} {random.choice(['==', '!='])} {other_text}",
            f"{text} {among} {random.choice(LISTS)}",
            random.choice(
                ["first", "odd", "True", "False", "missing(price)", "missing(region)", "missing(odd)"]
            ),
        ]
    )


def condition(random: Random, depth: int = 3) -> str:
    """Make an expression; it uses the feature `price` at least."""
    if depth == 0 or random.random() < 0.3:
        return (
            f"price {random.choice(SIGNS)} {number(random, 2)}"
            if random.random() < 0.5
            else comparison(random)
        )
    parts = [condition(random, depth - 1) for _ in range(random.randint(2, 3))]
    return random.choice([f"({' and '.join(parts)})", f"({' or '.join(parts)})", f"not ({parts[0]})"])


def purchase(random: Random, numbers: Sequence[float | None], nothing: Sequence[None]) -> dict[str, Value]:
    """Make a purchase whose numbers are among these, with texts and flags that are sometimes missing."""
    kinds: dict[Kind, Sequence[Value]] = {
        "number": numbers,
        "text": ["DE", "FR", "US", "", *nothing],
        "flag": [True, False, *nothing],
    }
    return {name: random.choice(kinds[kind]) for name, kind in TYPES.items()}


def odd_purchase(random: Random) -> dict[str, Value]:
    """Make a purchase with anything missing or strange."""
    strange = random.uniform(-5, 5) * 10 ** random.randint(-300, 300)
    return purchase(random, [*ODD, strange], [None])
