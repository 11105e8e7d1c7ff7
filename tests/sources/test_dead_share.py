"""The pause rule by hand: more than half of the last 10,000 messages and of the last minute."""

from __future__ import annotations

from sources.dead_share import DeadShare
from topics.dead_letters import DeadLetter


def letters(count: int, reason: str = "not_json", path: str = "", replays: int = 0) -> list[DeadLetter]:
    letter = DeadLetter(reason, path, "", "0a1b2c3d", "player-events", 0, 1, b"", b"", 1, replays)
    return [letter] * count


def test_fewer_than_ten_thousand_messages_never_pause() -> None:
    share = DeadShare("player-events")
    assert not share.saw(0, 9_999, letters(9_999))
    assert share.saw(1, 1, letters(1))


def test_half_is_not_more_than_half() -> None:
    share = DeadShare("player-events")
    assert not share.saw(0, 10_000, letters(5_000))
    assert share.saw(0, 1, letters(1))


def test_a_burst_after_a_good_minute_is_let_pass_until_it_outweighs_the_minute() -> None:
    share = DeadShare("player-events")
    share.saw(0, 30_000, [])
    assert not share.saw(30, 20_000, letters(20_000))
    assert share.saw(59, 20_000, letters(20_000))


def test_bad_messages_of_long_ago_weigh_only_while_they_are_among_the_last_ten_thousand() -> None:
    share = DeadShare("player-events")
    share.saw(0, 9_000, letters(9_000))
    assert not share.saw(100, 11_000, letters(5_000))
    assert share.saw(200, 1_000, letters(1_000)) is False


def test_a_slow_stream_is_judged_by_its_last_ten_thousand_too() -> None:
    share = DeadShare("player-events")
    verdicts = [share.saw(second, 100, letters(100)) for second in range(0, 1_000, 10)]
    assert [place for place, now in enumerate(verdicts) if now] == [99]


def test_replays_that_are_bad_again_do_not_count() -> None:
    share = DeadShare("player-events")
    assert not share.saw(0, 50_000, letters(50_000, replays=1))


def test_the_line_names_the_top_reasons_and_is_said_once() -> None:
    share = DeadShare("player-events")
    dead = letters(6_000) + letters(3_000, "field_missing", "level_id") + letters(9, "oversize")
    assert [share.saw(0, 10_000, dead), share.saw(1, 10_000, dead)] == [True, False]
    assert share.why is not None
    assert share.why.startswith(
        "9009 of the last 10000 messages of player-events are dead letters "
        "(not_json 6000, field_missing level_id 3000, oversize 9): "
    )
