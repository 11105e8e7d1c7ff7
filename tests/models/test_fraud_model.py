"""The model that serves scores as the forest that was trained, at split points and for what is missing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest
from sklearn.ensemble import RandomForestClassifier

from models.fraud_card import FOREST, ONNX, Calibration, Card, Refused, check, decode, digest, encode, major
from models.fraud_fit import as_skops, fit_calibration, from_skops, rounded_down, shares_of
from models.fraud_folds import DAY_MS, fold_from, weekly
from models.fraud_learning import Wish, learn
from models.fraud_matrix import MISSING, matrix
from models.fraud_proof import edges, expected, prove
from models.fraud_serving import Model, calibrated, logit, opened
from models.fraud_training import Past
from tests.models.made_past import FIRST_DAY, made_past


@dataclass(frozen=True)
class Trained:
    past: Past
    card: Card
    files: dict[str, bytes]
    model: Model
    forest: RandomForestClassifier


@pytest.fixture(scope="module")
def trained() -> Trained:
    past = made_past(42)
    learned = learn(past, fold_from(FIRST_DAY + 28), weekly(fold_from(FIRST_DAY + 21), 2), Wish("fraud", 5))
    card = learned.card_of(3, "2026-01-01T00:00:00.000Z")
    model = prove(card, learned.files[FOREST], learned.files[ONNX])
    return Trained(past, card, learned.files, model, from_skops(learned.files[FOREST]))


def frame_of(trained: Trained) -> pl.DataFrame:
    """Features of purchases, with holes."""
    chance = np.random.default_rng(5)
    rows = chance.lognormal(2, 2, (3_000, len(trained.card.features)))
    rows[chance.random(rows.shape) < 0.1] = np.nan
    frame = pl.DataFrame(rows, schema=list(trained.model.features), orient="row")
    return frame.with_columns(pl.when(pl.first() < 3).then(None).otherwise(pl.first()).name.keep())


def test_serving_equals_the_forest_that_was_stored(trained: Trained) -> None:
    frame = frame_of(trained)
    rows = matrix(frame, trained.model.features)
    wanted = calibrated(trained.forest.predict_proba(rows)[:, 1], trained.card.calibration)
    assert np.abs(trained.model.score(frame) - wanted).max() < 1e-6
    assert ((wanted > 0) & (wanted < 1)).all()


def test_no_split_point_is_moved_by_float32(trained: Trained) -> None:
    rows = edges(trained.forest, np.array([of.median for of in trained.card.features], np.float32))
    assert len(rows) > 1_000
    wanted = expected(trained.card, trained.forest, rows)
    assert np.abs(trained.model.score_rows(rows) - wanted).max() < 1e-6


def test_rounding_down_parts_float32_numbers_as_the_exact_split_does() -> None:
    chance = np.random.default_rng(2)
    low = chance.lognormal(0, 6, 5_000).astype(np.float32)
    high = np.nextafter(low, np.float32(np.inf))
    middle = (low.astype(np.float64) + high.astype(np.float64)) / 2
    rounded = rounded_down(middle)
    assert np.array_equal(low <= rounded, low <= middle)
    assert np.array_equal(high <= rounded, high <= middle)
    assert (high <= middle.astype(np.float32)).any()  # plain rounding does move some


def test_a_purchase_scores_the_same_in_any_batch(trained: Trained) -> None:
    frame = frame_of(trained).head(50)
    together = trained.model.score(frame)
    assert together.tolist() == [trained.model.score(frame[row]).item() for row in range(50)]
    assert trained.model.score(frame.head(0)).tolist() == []


def test_what_is_missing_is_one_value_below_all_others() -> None:
    frame = pl.DataFrame(
        {"price": [None, float("nan"), float("inf"), 1e300, 0.0], "weekend": [None, True, False] + 2 * [True]}
    )
    assert matrix(frame, ("price", "weekend"))[:, 0].tolist() == [MISSING] * 4 + [0.0]
    assert matrix(frame, ("weekend", "price"))[:, 0].tolist() == [MISSING, 1.0, 0.0, 1.0, 1.0]


def test_reasons_are_the_features_that_speak_for_fraud(trained: Trained) -> None:
    honest = {of.name: of.median for of in trained.card.features}
    found = trained.model.reasons(honest | {"price": 260.0})
    assert found[0].name == "price"
    assert found[0].value == 260.0
    assert found[0].threshold == pytest.approx(honest["price"], rel=1e-5)
    assert len(found) <= 3
    assert trained.model.reasons(honest) == []


def test_calibration_brings_back_probabilities_and_keeps_the_order() -> None:
    chance = np.random.default_rng(4)
    truth = chance.random(20_000) < 0.1
    shares = np.clip(np.where(truth, chance.beta(5, 3, 20_000), chance.beta(2, 12, 20_000)), 0, 1)
    by = fit_calibration(shares, truth.astype(np.int64))
    found = calibrated(shares, by)
    assert found.mean() == pytest.approx(truth.mean(), abs=1e-3)
    assert np.mean((found - truth) ** 2) < np.mean((shares - truth) ** 2)
    assert np.array_equal(np.argsort(found, kind="stable"), np.argsort(shares, kind="stable"))
    assert (np.diff(logit(np.linspace(0, 1, 101))) > 0).all()


def test_the_card_says_what_was_learned(trained: Trained) -> None:
    card, span = trained.card, trained.card.trained
    days = trained.past.known.filter(pl.col("day").is_between(FIRST_DAY + 28, FIRST_DAY + 34))
    assert (span.from_ms // DAY_MS, span.to_ms // DAY_MS) == (FIRST_DAY + 28, FIRST_DAY + 35)
    assert (span.purchases, span.frauds) == (days.height, days["fraud"].sum())
    assert [fold.test_from for fold in card.folds] == ["2024-11-08", "2024-11-01"]
    assert all(fold.measures.average_precision > 0.5 for fold in card.folds)
    assert card.files == {name: digest(content) for name, content in trained.files.items()}
    assert decode(encode(card)) == card


def refusal(card: Card, files: dict[str, bytes], libraries: dict[str, str]) -> str:
    with pytest.raises(Refused) as refused:
        check(card, files, libraries)
    return str(refused.value)


def changed(card: Card, **fields: object) -> Card:
    return type(card)(**{name: getattr(card, name) for name in card.__struct_fields__} | fields)


def test_whatever_does_not_fit_the_card_is_refused(trained: Trained) -> None:
    card, files = trained.card, trained.files
    check(card, files, card.libraries)
    assert "model.onnx is not the file" in refusal(card, {ONNX: files[ONNX] + b"\0"}, {})
    assert "model.skops is not the file" in refusal(card, {FOREST: b""}, {})
    strange = (type(card.features[0])("shoe_size", 1.0), *card.features[1:])
    assert "does not compute (shoe_size)" in refusal(changed(card, features=strange), {}, {})
    assert "does not compute (none at all)" in refusal(changed(card, features=()), {}, {})
    assert "made with onnxruntime 1.32.0, here is 2.0.0" in refusal(
        changed(card, libraries={"onnxruntime": "1.32.0"}), {}, {"onnxruntime": "2.0.0"}
    )
    assert "has format 2" in refusal(changed(card, format=2), {}, {})
    assert "has format 1" in refusal(changed(card, missing=0.0), {}, {})


def test_a_model_that_takes_other_features_than_its_card_is_refused(trained: Trained) -> None:
    fewer = changed(trained.card, features=trained.card.features[1:])
    with pytest.raises(Refused, match="does not take the card's features"):
        opened(fewer, trained.files[ONNX])
    with pytest.raises(Refused, match="cannot be run"):
        opened(changed(trained.card, files={ONNX: digest(b"no model")}), b"no model")


def test_a_model_that_serves_other_trees_than_were_trained_is_refused(trained: Trained) -> None:
    other = RandomForestClassifier(5, max_depth=2, random_state=1)
    rows = trained.past.rows[:, : len(trained.card.features)]
    other.fit(rows, (rows[:, 1] > 12).astype(np.int64))
    assert shares_of(other, rows).max() > 0.5
    with pytest.raises(Refused, match="differs by"):
        prove(trained.card, as_skops(other), trained.files[ONNX])


class Strange(RandomForestClassifier):  # type: ignore[misc]
    """A type that no forest of ours has."""


def test_a_file_of_other_types_is_refused_before_any_of_them_is_made(trained: Trained) -> None:
    rows = trained.past.rows[:50]
    strange = Strange(2, max_depth=1).fit(rows, np.arange(50) % 2)
    with pytest.raises(Refused, match=r"types that are not allowed: .*Strange"):
        from_skops(as_skops(strange))
    with pytest.raises(Refused, match="cannot be read"):
        from_skops(b"\x80\x04K\x01.")  # a pickle


@pytest.mark.parametrize("content", [b"", b"[]", b'{"name": 1}', b"\xff"])
def test_a_broken_card_is_refused(content: bytes) -> None:
    with pytest.raises(Refused, match="card cannot be read"):
        decode(content)


def test_a_library_is_another_one_when_its_major_version_is() -> None:
    assert major("1.9.1") == major("1.32.0") != major("2.0")
    assert major("0.16.0") == major("0.16.9") != major("0.17.0")


def test_a_calibration_that_would_turn_the_order_round_is_not_used() -> None:
    shares = np.linspace(0, 1, 100)
    assert fit_calibration(shares, (shares < 0.5).astype(np.int64)) == Calibration(1.0, 0.0)
    assert fit_calibration(shares, np.zeros(100, np.int64)) == Calibration(1.0, 0.0)
