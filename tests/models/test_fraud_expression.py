"""Expressions of fraud rules: what they say of a purchase, why, and what is refused with which words."""

import polars as pl
import pytest

from models.fraud_expression import BadExpression, Kind, Reason, compile_expression

TYPES: dict[str, Kind] = {
    "price": "number",
    "amount_to_item_mean": "number",
    "spend": "number",
    "country": "text",
    "region": "text",
    "first_purchase": "flag",
}
BOUGHT = {
    "price": 90.0,
    "amount_to_item_mean": 4.5,
    "spend": None,
    "country": "DE",
    "region": None,
    "first_purchase": True,
}

HOLDS = """
price > 89.5                                | True
price >= 90 and price <= 90 and price == 90 | True
price != 90                                 | False
0 < price < 50                              | False
50 < price <= 90 < 100                      | True
price in [10, 90]                           | True
price in (-90, 90.5)                        | False
price not in [1, 2]                         | True
price / 2 + 1 == 46                         | True
-price * 2 < -179                           | True
abs(10 - price) == 80                       | True
min(price, 5, 7) == 5                       | True
max(price, 5, 7) == 90                      | True
price - amount_to_item_mean > 85            | True
country == 'DE'                             | True
country != 'DE'                             | False
country in ['FR', "DE"]                     | True
country not in ['FR', 'US']                 | True
'DE' == country                             | True
first_purchase                              | True
not first_purchase                          | False
first_purchase and price > 100              | False
first_purchase or price > 100               | True
price > 100 or first_purchase and price > 1 | True
not (price > 100 or price < 1)              | True
False or price > 1                          | True
price > 1 and not True                      | False
spend > 0                                   | False
spend <= 0                                  | False
spend == spend                              | False
spend != 3                                  | False
spend in [3]                                | False
spend not in [3]                            | False
not spend > 0                               | True
missing(spend)                              | True
missing(price)                              | False
missing(region) and missing(spend)          | True
missing(first_purchase)                     | False
region == 'BY'                              | False
region != 'BY'                              | False
region != country                           | False
region not in ['BY']                        | False
spend + 1 > 0                               | False
max(spend, 1) > 0                           | False
abs(spend) >= 0                             | False
price / 0 > 1                               | False
price / (price - 90) < 1                    | False
not price / 0 > 1                           | True
price * 1e300 * 1e300 > 1                   | False
1 / 0 not in [3] or price > 100             | False
1 in [1, 2] and 'a' not in ['b'] and price  > 1 | True
1 < 2 and 'a' != 'b' and price > 1          | True
price > 1 # a dear one                      | True
"""


@pytest.mark.parametrize("line", HOLDS.strip().splitlines())
def test_an_expression_says_the_same_of_a_purchase_and_of_its_column(line: str) -> None:
    text, expected = (part.strip() for part in line.rsplit("|", 1))
    found = compile_expression(text, TYPES)
    frame = pl.DataFrame([BOUGHT, BOUGHT], schema_overrides={"spend": pl.Float64, "region": pl.String})
    columns = frame.select(found.column.alias("found"))["found"].to_list()
    assert [found.holds(BOUGHT), *columns] == [expected == "True"] * 3


BAD = """
price                                | 1:1 | 'price' (a number) is not a condition
price >                              | 1:8 | this is no expression
price > 1) or (price < 2             | 1:10 | brackets do not match
price > 1] or [price < 2             | 1:1 | its brackets must match
price > 1, price < 2                 | 1:1 | write one expression
price = 3                            | 1:1 | Maybe you meant '=='
amount_to_item_maen > 3              | 1:1 | 'amount_to_item_maen'; did you mean 'amount_to_item_mean'?
price > 1\\nand counry == 'DE'       | 2:5 | 'counry'; did you mean 'country'?
'é' == country and prise > 1         | 1:20 | 'prise'; did you mean 'price'?
price > missing(spend)               | 1:9 | a condition is not a number
missing(price + 1) and price > 1     | 1:1 | missing takes the name of one feature
country > 'DE'                       | 1:1 | 'country' (a text) and a text: texts have only ==, != and in
country == 3                         | 1:1 | 'country' (a text) is compared with a number
price == 'x'                         | 1:1 | 'price' (a number) is compared with a text
first_purchase == True               | 1:1 | 'first_purchase' (a flag) is not a number; a flag stands
price > 1 and spend                  | 1:15 | 'spend' (a number) is not a condition
price in ['a']                       | 1:11 | 'price' (a number); it may have numbers only
price in [True]                      | 1:11 | 'price' (a number); it may have numbers only
country in ['a', 3]                  | 1:18 | 'country' (a text); it may have texts only
price in []                          | 1:10 | a list with entries
price in country                     | 1:10 | a list with entries
price in [spend]                     | 1:11 | `spend` in a list for 'price' (a number)
price is 3                           | 1:1 | write == or !=
price.real > 1                       | 1:1 | `price.real` is not in the language
price[0] > 1                         | 1:1 | `price[0]` is not in the language
price ** 9 ** 9 > 1                  | 1:1 | `price ** 9 ** 9` is not in the language
price << 9 > 1                       | 1:1 | `price << 9` is not in the language
price % 2 > 1                        | 1:1 | `price % 2` is not in the language
~price > 1                           | 1:1 | `~price` is not in the language
(price := 3) > 1                     | 1:2 | `(price := 3)` is not in the language
f'{price}' == 'x'                    | 1:1 | is not in the language
price > 1 if first_purchase else 2   | 1:1 | is not in the language
[x for x in [1]] == price            | 1:1 | is not in the language
(lambda: price)() > 1                | 1:1 | is not in the language
__import__('os').system('x') > price | 1:1 | is not in the language
len(country) > 2                     | 1:1 | `len(country)` is not in the language
max(*[price], 2) > 1                 | 1:5 | `*[price]` is not in the language
max(price, key=2) > 1                | 1:1 | max takes two numbers or more
abs(price, 2) > 1                    | 1:1 | abs takes one number
price > None                         | 1:9 | `None` is not in the language
price > 1j                           | 1:9 | `1j` is not in the language
price > 1e999                        | 1:9 | this number is too large
1 < 2                                | 1:1 | this uses no feature
"""


@pytest.mark.parametrize("line", BAD.strip().splitlines())
def test_what_is_no_rule_is_refused_with_its_place_and_the_feature(line: str) -> None:
    text, place, message = (part.strip() for part in line.split(" | "))
    with pytest.raises(BadExpression) as refused:
        compile_expression(text.replace("\\n", "\n"), TYPES)
    assert (f"{refused.value.line}:{refused.value.column}", message in refused.value.message) == (place, True)


@pytest.mark.parametrize(
    ("at_most", "too_much"),
    [
        ("price > 1".ljust(2_000), "price > 1".ljust(2_001)),
        (f"price in [{','.join(['1'] * 500)}]", f"price in [{','.join(['1'] * 501)}]"),
        ("or ".join(["price>1 "] * 66), "or ".join(["price>1 "] * 67)),
        ("price" + "+1" * 18 + ">1", "price" + "+1" * 19 + ">1"),
    ],
    ids=["characters", "entries", "parts", "depth"],
)
def test_an_expression_is_bounded(at_most: str, too_much: str) -> None:
    assert compile_expression(at_most, TYPES).holds(BOUGHT) in {True, False}
    with pytest.raises(BadExpression, match=r"are the most"):
        compile_expression(too_much, TYPES)


REASONS: list[tuple[str, list[Reason]]] = [
    ("amount_to_item_mean > 3", [Reason("amount_to_item_mean", 4.5, 3.0)]),
    ("3 < amount_to_item_mean", [Reason("amount_to_item_mean", 4.5, 3.0)]),
    ("50 < price < 100", [Reason("price", 90.0, 50.0), Reason("price", 90.0, 100.0)]),
    ("price > 10 * amount_to_item_mean", [Reason("price", 90.0, 45.0)]),
    ("price / 2 > 40", [Reason("price / 2", 45.0, 40.0)]),
    (
        "price > 1 and price > 1 and first_purchase",
        [Reason("price", 90.0, 1.0), Reason("first_purchase", True, True)],
    ),
    (
        "price > 100 or country == 'DE' or price > 80",
        [Reason("country", "DE", "DE"), Reason("price", 90.0, 80.0)],
    ),
    ("country in ['DE', 'FR']", [Reason("country", "DE", "['DE', 'FR']")]),
    ("not (price > 100 and first_purchase)", [Reason("price", 90.0, 100.0)]),
    ("not (price > 100 or price < 3)", [Reason("price", 90.0, 100.0), Reason("price", 90.0, 3.0)]),
    ("not spend > 3", [Reason("spend", None, 3.0)]),
    ("missing(spend)", [Reason("missing(spend)", True, True)]),
    (
        "price > 1 and not missing(price)",
        [Reason("price", 90.0, 1.0), Reason("missing(price)", False, False)],
    ),
]


@pytest.mark.parametrize(("text", "expected"), REASONS)
def test_reasons_are_the_comparisons_that_made_it_true(text: str, expected: list[Reason]) -> None:
    found = compile_expression(text, TYPES)
    assert (found.holds(BOUGHT), found.reasons(BOUGHT)) == (True, expected)


def test_an_expression_knows_the_features_that_it_uses() -> None:
    found = compile_expression("price > 3 and missing(region) and 2 * price > spend", TYPES)
    assert found.names == ("price", "region", "spend")
