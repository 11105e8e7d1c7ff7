"""Features of purchases: the same as worked out from all purchases, whatever the batches and restarts."""

import random
from collections.abc import Iterable, Sequence
from itertools import pairwise

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from models.fraud_features import COLUMNS, GROUPS, SCHEMA, Histories
from tests.models import fraud_purchases
from tests.models.fraud_oracle import Oracle

OF_HISTORY = [name for group in GROUPS for name in COLUMNS[group]]
OWN = COLUMNS["event"][: COLUMNS["event"].index("since_account_created_s") + 1]
TIMES = st.one_of(
    st.integers(0, 200_000), st.integers(0, 40 * 86_400_000), st.sampled_from([0, 59_999, 60_000, 86_400_000])
)
PURCHASES = st.lists(
    st.tuples(
        st.sampled_from("ab"),
        st.sampled_from("xy"),
        st.sampled_from([0, 9_900, 10**16 - 1]),
        st.sampled_from(["EUR", "USD", ""]),
        TIMES.map(lambda time: fraud_purchases.START_MS + time),
        st.sampled_from(fraud_purchases.ADDRESSES),
        st.sampled_from([None, "s"]),
        st.sampled_from(["", "g"]),
        st.none(),
        st.sampled_from([None, "DE", "FR"]),
        st.sampled_from([None, "", "d", "e"]),
        st.sampled_from([None, "t", "u"]),
    ),
    min_size=1,
    max_size=60,
)


def framed(rows: Sequence[tuple[object, ...]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=fraud_purchases.SCHEMA, orient="row")


def folded(purchases: pl.DataFrame, cuts: Iterable[int] = ()) -> pl.DataFrame:
    histories = Histories()
    edges = [0, *sorted(cuts), len(purchases)]
    return pl.concat([histories.fold(purchases[a:b]) for a, b in pairwise(edges)])


def compare(features: pl.DataFrame, purchases: pl.DataFrame, numbers: Iterable[int]) -> None:
    oracle = Oracle(purchases.to_dicts())
    for number in numbers:
        expected = {**dict.fromkeys(OF_HISTORY), **oracle.features(number)}
        assert features[number].select(OF_HISTORY).row(0, named=True) == expected, number


@given(PURCHASES, st.lists(st.integers(0, 60), max_size=5))
@settings(max_examples=150, deadline=None)
def test_features_are_those_worked_out_from_all_purchases_before(
    rows: list[tuple[object, ...]], cuts: list[int]
) -> None:
    purchases = framed(rows)
    compare(folded(purchases, [min(cut, len(rows)) for cut in cuts]), purchases, range(len(rows)))


def test_features_of_50000_purchases_are_those_worked_out_from_all_before() -> None:
    purchases = fraud_purchases.made(50_000, seed=7)
    cuts = random.Random(7).sample(range(50_000), 40)
    features = folded(purchases, cuts)
    assert dict(features.schema) == SCHEMA
    compare(features, purchases, random.Random(8).sample(range(50_000), 200))


def test_later_purchases_and_batches_change_no_feature() -> None:
    purchases = fraud_purchases.made(3000, seed=1, players=50)
    whole = folded(purchases)
    assert_frame_equal(folded(purchases, range(1, 3000, 7)), whole)
    assert_frame_equal(folded(purchases[:1700]), whole[:1700])


def test_own_features_are_read_from_the_purchase() -> None:
    friday = 1_700_265_599_999  # 2023-11-17T23:59:59.999Z
    rows = [
        ("p", "i", 49_900, "EUR", time, "1.2.3.4", None, "g", "eu", "DE", None, None)
        for time in (friday, friday + 1)
    ]
    purchases = framed(rows).with_columns(account_created_ms=pl.Series([None, friday - 1999]))
    found = Histories().fold(purchases).select(OWN)
    same = (4.99, "EUR", "DE", "eu", "i", "p", "g", "1.2.3.4")
    assert found.rows() == [(*same, 23.0, False, None), (*same, 0.0, True, 2.0)]


def test_no_purchases_have_no_features() -> None:
    assert Histories().fold(framed([])).schema == SCHEMA
