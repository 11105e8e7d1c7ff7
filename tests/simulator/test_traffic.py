from collections import Counter
from hashlib import sha256
from itertools import islice

import pytest

from simulator.levels import TRAP
from simulator.malformed import KINDS
from simulator.traffic import DUPLICATE_WITHIN, Message, Shares, Traffic, traffic
from topics.errors import Broken
from topics.rejects import Reason

START_MS = 1_767_225_600_000
EVERYTHING = Shares(late=0.05, beyond=0.02, duplicates=0.05, malformed=0.02)


def some(count: int, seed: int = 3, shares: Shares = EVERYTHING, rate: int = 1000) -> list[Message]:
    return list(islice(traffic(seed, START_MS, rate, shares), count))


def digest(messages: list[Message]) -> str:
    return sha256(repr([(message.key, message.value) for message in messages]).encode()).hexdigest()


def test_the_same_arguments_give_the_same_bytes_and_other_arguments_others() -> None:
    assert digest(some(20_000)) == digest(some(20_000))
    assert len({digest(some(500, seed=seed)) for seed in range(5)}) == 5


def test_the_bytes_of_a_seed_never_change() -> None:
    assert digest(some(20_000)) == "72ed2435c65579c52b59437e084e2c2d802b6de70e9dec9e156e33606e5c6e7f"


def test_shares_are_kept() -> None:
    kinds = Counter(message.kind for message in some(100_000))
    assert kinds["malformed"] == pytest.approx(2_000, rel=0.15)
    assert kinds["duplicate"] == pytest.approx(5_000, rel=0.15)
    assert kinds["beyond"] == pytest.approx(2_000, rel=0.15)
    assert 2_000 < kinds["late"] < 5_000  # some are still held back


def test_event_times_follow_the_rate_and_late_ones_come_up_to_five_minutes_later() -> None:
    behind: dict[str, list[int]] = {}
    for tick, message in enumerate(some(400_000)):
        if message.event_time_ms is not None:
            behind.setdefault(message.kind, []).append(START_MS + tick - message.event_time_ms)
    assert 0 <= min(behind["good"]) < max(behind["good"]) <= 1_500
    assert 5_000 <= min(behind["late"]) < 60_000 < max(behind["late"]) <= 302_000
    assert 900_000 <= min(behind["beyond"]) < max(behind["beyond"]) <= 3_602_000


def test_a_duplicate_is_the_same_message_again_soon_after() -> None:
    first: dict[bytes | None, tuple[int, bytes]] = {}
    again = 0
    for tick, message in enumerate(some(50_000)):
        if message.kind == "duplicate":
            before, key = first[message.value]
            assert key == message.key
            assert 0 < tick - before < 2 * DUPLICATE_WITHIN
            again += 1
        elif message.kind != "malformed":
            assert message.value not in first
            first[message.value] = (tick, message.key)
    assert again > 1_000


def test_at_least_eight_kinds_of_malformed_messages_with_reasons_of_the_contract() -> None:
    assert len(KINDS) >= 8
    assert {reason for reason, _ in KINDS} == {reason.value for reason in Reason} - {"oversize"}


def test_traps_stop_most_attempts_and_other_levels_do_not() -> None:
    run = Traffic(3, START_MS, 1000, Shares(late=0, duplicates=0, malformed=0))
    ends: dict[str, Counter[str]] = {}
    for message in islice(run.messages(), 100_000):
        if (
            message.action
            and message.action.place
            and message.action.event_type in {"level_complete", "level_fail"}
        ):
            ends.setdefault(message.action.place.level_id, Counter())[message.action.event_type] += 1
    shares = {level.level_id: ends[level.level_id] for level in run.levels}
    measured = {name: kinds["level_fail"] / kinds.total() for name, kinds in shares.items()}
    traps = {level.level_id for level in run.levels if level.trap}
    assert len(traps) == 2
    assert {name for name, share in measured.items() if share > 0.7} == traps
    assert [measured[name] for name in sorted(traps)] == pytest.approx([TRAP, TRAP], abs=0.05)


def test_a_mistake_in_a_window_size_is_told() -> None:
    from simulator.truth import starts

    with pytest.raises(Broken, match="not by 15 s"):
        starts(1, 15)
