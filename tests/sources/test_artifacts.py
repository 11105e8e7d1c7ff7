"""Stored models: versions are whole, pointers move at once, and nothing that was touched is ever loaded."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from models.fraud_card import CARD, FOREST, ONNX, Card, Refused, encode
from models.fraud_folds import fold_from, weekly
from models.fraud_learning import Learned, Wish, learn
from sinks.artifacts import keep, promote, roll_back, stop_shadow
from sources.artifacts import CURRENT, NAME, SHADOW, Pointer, load_model, read_pointer, read_version, versions
from tests.models.made_past import FIRST_DAY, made_past
from topics.errors import BadInput, NeedsOperator


@pytest.fixture(scope="session")
def learned() -> Learned:
    folds = weekly(fold_from(FIRST_DAY), 1)
    return learn(made_past(22), fold_from(FIRST_DAY + 7), folds, Wish(NAME, 5))


@pytest.fixture
def kept(tmp_path: Path, learned: Learned) -> Callable[[], Card]:
    def once_more() -> Card:
        return keep(tmp_path, NAME, lambda version: learned.card_of(version, "2026-01-01"), learned.files)

    return once_more


def test_without_a_pointer_there_is_no_model(tmp_path: Path, kept: Callable[[], Card]) -> None:
    assert load_model(tmp_path / "nowhere") is None
    kept()
    assert load_model(tmp_path) is None


def test_versions_count_up_and_the_promoted_one_is_loaded(tmp_path: Path, kept: Callable[[], Card]) -> None:
    cards = [kept(), kept(), kept()]
    assert versions(tmp_path, NAME) == [card.version for card in cards] == [1, 2, 3]
    promote(tmp_path, NAME, 2)
    model = load_model(tmp_path)
    assert model is not None
    assert (model.name, model.version, model.threshold) == (NAME, 2, cards[1].threshold)
    assert model.features == tuple(of.name for of in cards[1].features)
    assert {file.name for file in (tmp_path / NAME / "2").iterdir()} == {CARD, FOREST, ONNX}


def test_rolling_back_goes_the_way_of_the_promotions_and_ends_with_rules_alone(
    tmp_path: Path, kept: Callable[[], Card]
) -> None:
    for _ in range(3):
        kept()
    for version in (1, 2, 3, 2):
        promote(tmp_path, NAME, version)
    seen = []
    while (pointer := roll_back(tmp_path, NAME)) is not None:
        seen.append(pointer.version)
    assert seen == [3, 1]
    assert load_model(tmp_path) is None
    with pytest.raises(BadInput, match="nothing to roll back"):
        roll_back(tmp_path, NAME)


def test_a_candidate_watches_until_it_is_promoted_or_taken_away(
    tmp_path: Path, kept: Callable[[], Card]
) -> None:
    kept()
    kept()
    promote(tmp_path, NAME, 1)
    promote(tmp_path, NAME, 2, SHADOW)
    working, watching = load_model(tmp_path), load_model(tmp_path, pointer=SHADOW)
    assert working is not None
    assert watching is not None
    assert (working.version, watching.version) == (1, 2)
    promote(tmp_path, NAME, 2)
    assert load_model(tmp_path, pointer=SHADOW) is None
    promote(tmp_path, NAME, 1, SHADOW)
    assert [stop_shadow(tmp_path, NAME), stop_shadow(tmp_path, NAME)] == [True, False]


def refusal(models: Path) -> str:
    with pytest.raises(Refused) as refused:
        load_model(models)
    return str(refused.value)


@pytest.mark.parametrize(
    ("harm", "why"),
    [
        (lambda home: (home / "1" / ONNX).write_bytes(b"other"), "model.onnx is not the file"),
        (lambda home: (home / "1" / ONNX).unlink(), "model.onnx cannot be read"),
        (lambda home: (home / "1" / CARD).unlink(), "card.json cannot be read"),
        (lambda home: (home / "1" / CARD).write_bytes(b"{}"), "not the card that was promoted"),
        (lambda home: (home / "1").rename(home / "9"), "cannot be read"),
        (lambda home: (home / CURRENT).write_bytes(b"1"), "current.json cannot be read"),
    ],
)
def test_a_model_that_was_touched_is_refused(
    tmp_path: Path, kept: Callable[[], Card], harm: Callable[[Path], object], why: str
) -> None:
    kept()
    promote(tmp_path, NAME, 1)
    harm(tmp_path / NAME)
    assert why in refusal(tmp_path)
    assert issubclass(Refused, NeedsOperator)


def test_a_card_with_another_threshold_is_refused_though_its_files_fit(
    tmp_path: Path, kept: Callable[[], Card]
) -> None:
    card = kept()
    promote(tmp_path, NAME, 1)
    eased = msgspec.structs.replace(card, threshold=1.0)
    (tmp_path / NAME / "1" / CARD).write_bytes(encode(eased))
    assert "not the card that was promoted" in refusal(tmp_path)


def test_a_version_that_does_not_fit_is_never_promoted(tmp_path: Path, kept: Callable[[], Card]) -> None:
    kept()
    kept()
    promote(tmp_path, NAME, 1)
    before = read_pointer(tmp_path / NAME / CURRENT)
    (tmp_path / NAME / "2" / FOREST).write_bytes(b"other")
    with pytest.raises(Refused, match=r"model\.skops is not the file"):
        promote(tmp_path, NAME, 2)
    with pytest.raises(BadInput, match=r"no version 7 of model fraud; there are: 1, 2"):
        promote(tmp_path, NAME, 7)
    (tmp_path / NAME / "2").rename(tmp_path / NAME / "4")
    with pytest.raises(Refused, match="put it back"):
        read_version(tmp_path, NAME, 4)
    assert read_pointer(tmp_path / NAME / CURRENT) == before


def test_who_reads_while_pointers_move_always_finds_a_whole_one(
    tmp_path: Path, kept: Callable[[], Card]
) -> None:
    kept()
    kept()
    promote(tmp_path, NAME, 1)
    done = threading.Event()
    seen: set[int] = set()
    failed: list[Exception] = []

    def read() -> None:
        while not done.is_set():
            try:
                pointer = read_pointer(tmp_path / NAME / CURRENT)
            except Refused as error:
                failed.append(error)
                return
            seen.add(pointer.version if pointer else 0)

    reader = threading.Thread(target=read)
    reader.start()
    for turn in range(60):
        promote(tmp_path, NAME, 1 + turn % 2)
    done.set()
    reader.join()
    assert failed == []
    assert seen <= {1, 2}
    assert seen


def test_two_that_store_at_once_get_two_versions(tmp_path: Path, kept: Callable[[], Card]) -> None:
    threads = [threading.Thread(target=kept) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert versions(tmp_path, NAME) == [1, 2, 3, 4]
    for version in (1, 2, 3, 4):
        assert read_version(tmp_path, NAME, version)[0].version == version


def test_what_a_crash_left_behind_is_no_version(tmp_path: Path, kept: Callable[[], Card]) -> None:
    (tmp_path / NAME / ".unfinished").mkdir(parents=True)
    (tmp_path / NAME / ".unfinished" / CARD).write_bytes(b"{")
    (tmp_path / NAME / "5").mkdir()
    assert versions(tmp_path, NAME) == []
    assert kept().version == 1


def test_a_pointer_names_the_card_and_the_way_back(tmp_path: Path, kept: Callable[[], Card]) -> None:
    kept()
    kept()
    promote(tmp_path, NAME, 1)
    pointer = promote(tmp_path, NAME, 2)
    assert read_pointer(tmp_path / NAME / CURRENT) == pointer
    assert pointer == Pointer(2, pointer.card_sha256, (1,))
