"""Decoding by example: every reason, what is kept as written, and that a bad message costs only itself."""

from __future__ import annotations

import json
import tracemalloc

import numpy as np
import polars as pl
import pytest

from topics.decode import Decoded, decode, schema_of
from topics.errors import Broken
from topics.player_events import TOPIC
from topics.topic import Topic

ARRIVED_MS = 1_795_323_600_000  # 2026-11-22T05:00:00Z
GOOD = {
    "player_id": "p",
    "event_type": "move",
    "level_id": "l",
    "map_id": "m",
    "timestamp": "2026-11-22T05:00:00.123Z",
}


def message(**changed: object) -> bytes:
    """A good event with some fields changed; `...` leaves one out."""
    return json.dumps({name: value for name, value in (GOOD | changed).items() if value is not ...}).encode()


def raw(name: str, value: bytes) -> bytes:
    """A good event with one field's JSON written by hand."""
    return message(**{name: "HERE"}).replace(b'"HERE"', value)


def decoded(*values: bytes | None) -> Decoded:
    return decode(TOPIC, values, np.full(len(values), ARRIVED_MS))


POISON: list[tuple[bytes | None, str, str]] = [
    (None, "tombstone", ""),
    (b"", "not_json", ""),
    (b" ", "not_json", ""),
    (b"\n", "not_json", ""),
    (b"not json", "not_json", ""),
    (b"{", "not_json", ""),
    (b"{}}", "not_json", ""),
    (message()[:-1], "not_json", ""),
    (message() + b"{}", "not_json", ""),
    (message() + b"\n" + message(), "not_json", ""),
    (b"\xef\xbb\xbf" + message(), "not_json", ""),
    (b"\x00", "not_json", ""),
    (b"{'player_id': 'p'}", "not_json", ""),
    (b'{"a":' + b"[" * 100_000, "not_json", ""),
    (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "not_json", ""),
    (b'{"a":' * 65 + b"1" + b"}" * 65, "not_json", ""),
    (raw("health", b"NaN"), "not_json", ""),
    (raw("health", b"-Infinity"), "not_json", ""),
    (raw("health", b"01"), "not_json", ""),
    (raw("health", b"1."), "not_json", ""),
    (raw("player_id", b'"a\nb"'), "not_json", ""),
    (raw("player_id", b'"a\x00b"'), "not_json", ""),
    (raw("unknown", b'"\\x"'), "not_json", ""),
    (b'"\\"' * 300_000, "not_json", ""),
    (b"\xff\xfe", "not_utf8", ""),
    (raw("player_id", b'"\xff"'), "not_utf8", ""),
    (raw("unknown", b'"\xed\xa0\x80"'), "not_utf8", ""),
    (raw("player_id", b'"\\ud800"'), "not_utf8", ""),
    (raw("unknown", b'"\\udc00 \\\\ud800"'), "not_utf8", ""),
    (b"[]", "not_object", ""),
    (b" [1, 2]", "not_object", ""),
    (b"null", "not_object", ""),
    (b"5", "not_object", ""),
    (b'"text"', "not_object", ""),
    (b"x" * (1 << 20) + b"x", "oversize", ""),
    (message(note="x" * (1 << 20)), "oversize", ""),
    (b'{"a":"' + b"x" * 10_000_000 + b'"}', "oversize", ""),
    (b"{}", "field_missing", "player_id"),
    (message(player_id=...), "field_missing", "player_id"),
    (message(player_id=None), "field_missing", "player_id"),
    (message(event_type=...), "field_missing", "event_type"),
    (message(timestamp=...), "field_missing", "timestamp"),
    (message(timestamp=None), "field_missing", "timestamp"),
    (message(level_id=...), "field_missing", "level_id"),
    (message(map_id=None), "field_missing", "map_id"),
    (message(event_type="level_skipped", map_id=...), "field_missing", "map_id"),
    (message(event_type="interaction", level_id=None), "field_missing", "level_id"),
    (message(player_id=True), "field_type", "player_id"),
    (message(player_id=1.5), "field_type", "player_id"),
    (raw("player_id", b"1e3"), "field_type", "player_id"),
    (message(player_id=["p"]), "field_type", "player_id"),
    (message(player_id={"id": "p"}), "field_type", "player_id"),
    (message(event_type=5), "field_type", "event_type"),
    (message(health="12"), "field_type", "health"),
    (message(health=True), "field_type", "health"),
    (message(quantity=1.0), "field_type", "quantity"),
    (message(quantity="1"), "field_type", "quantity"),
    (message(guild_name=7), "field_type", "guild_name"),
    (message(player_id=""), "field_range", "player_id"),
    (message(level_id=""), "field_range", "level_id"),
    (message(item_id=""), "field_range", "item_id"),
    (message(player_id="a\0b"), "field_range", "player_id"),
    (message(quantity=1 << 63), "field_range", "quantity"),
    (raw("quantity", b"9" * 5000), "field_range", "quantity"),
    (raw("health", b"1e999"), "field_range", "health"),
    (raw("health", b"-1e12"), "field_range", "health"),
    (message(timestamp="yesterday"), "time_invalid", "timestamp"),
    (message(timestamp=""), "time_invalid", "timestamp"),
    (message(timestamp="2026-11-22T05:00:00"), "time_invalid", "timestamp"),
    (message(timestamp=1795323600000.5), "time_invalid", "timestamp"),
    (message(timestamp="1795323600000"), "time_invalid", "timestamp"),
    (message(timestamp=True), "time_invalid", "timestamp"),
    (message(timestamp=[1]), "time_invalid", "timestamp"),
    (message(sent_at="soon"), "time_invalid", "sent_at"),
    (message(timestamp=-1), "time_too_old", "timestamp"),
    (message(timestamp="0000-01-01T00:00:00Z"), "time_too_old", "timestamp"),
    (raw("timestamp", b"-" + b"9" * 5000), "time_too_old", "timestamp"),
    (message(timestamp=1795323600000000), "time_future", "timestamp"),
    (message(timestamp="9999-12-31T23:59:59Z"), "time_future", "timestamp"),
    (raw("timestamp", b"9" * 5000), "time_future", "timestamp"),
    (message(timestamp="2026-11-22T05:05:00.001Z"), "time_future", "timestamp"),
]


@pytest.mark.parametrize(("value", "reason", "path"), POISON, ids=range(len(POISON)))
def test_poison_gets_its_reason_and_costs_only_itself(value: bytes | None, reason: str, path: str) -> None:
    good = message()
    batch = decoded(good, value, good)
    assert [(r.row, r.reason, r.path) for r in batch.rejects] == [(1, reason, path)]
    assert batch.rows.tolist() == [0, 2]
    assert batch.frame["event_time"].to_list() == [ARRIVED_MS + 123] * 2


def test_all_poison_at_once_is_counted_to_the_message() -> None:
    values = [value for poison, _, _ in POISON for value in (poison, message())]
    batch = decoded(*values)
    assert [reject.reason for reject in batch.rejects] == [reason for _, reason, _ in POISON]
    assert batch.rows.tolist() == list(range(1, len(values), 2))


def first_row(value: bytes) -> dict[str, object]:
    return decoded(value).frame.row(0, named=True)


@pytest.mark.parametrize("written", [b"7", b"-0", b"0", b"18446744073709551616", b"9" * 60])
def test_an_integer_id_is_kept_as_written(written: bytes) -> None:
    row = first_row(raw("player_id", written))
    assert row["player_id"] == written.decode()


def test_a_string_id_is_kept_as_it_is() -> None:
    names = ["7", "1.50", "true", "null", " ", "é\N{PILE OF POO}", "[1]", ":", "a\nb", '"']
    values = [message(player_id=name) for name in names]
    assert decoded(*values).frame["player_id"].to_list() == names


def test_an_empty_map_is_a_value_and_a_missing_one_is_blank_where_it_may_be_missing() -> None:
    values = [
        message(map_id=""),
        message(event_type="weapon_use", map_id=...),
        message(event_type="weapon_use", map_id=None),
        message(event_type="weapon_use", level_id=..., map_id=...),
    ]
    assert decoded(*values).frame["map_id"].to_list() == ["", "", "", None]


def test_absent_fields_are_null_and_an_absent_game_is_blank() -> None:
    row = first_row(message(game_id=None, session_id=None))
    absent = set(row) - set(GOOD) - {"event_time", "game_id"}
    assert {row[name] for name in absent} == {None}
    assert row["game_id"] == ""


def test_of_a_key_given_twice_the_last_counts_however_it_is_spelled() -> None:
    twice = raw("player_id", b'"a", "player_id": "b"')
    escaped = raw("player_id", b'"a", "\\u0070layer_id": "c"')
    assert decoded(twice, escaped).frame["player_id"].to_list() == ["b", "c"]


@pytest.mark.parametrize("space", [b" ", b"\t", b"\r", b"\n", b" \t "])
def test_space_before_a_colon_hides_neither_a_second_key_nor_a_type(space: bytes) -> None:
    twice = raw("player_id", b'"a", "player_id"' + space + b': "b"')
    number = message().replace(b'"player_id":', b'"player_id"' + space + b":").replace(b'"p"', b"1.50")
    alone = message(player_id=...)[:-1] + b', "player_id"' + space + b':"c"}'
    batch = decoded(twice, number, alone)
    assert batch.frame["player_id"].to_list() == ["b", "c"]
    assert [(reject.row, reject.reason) for reject in batch.rejects] == [(1, "field_type")]


def test_a_negative_zero_is_zero() -> None:
    values = [raw("health", b"-0.0"), raw("health", b"-0"), raw("health", b"-0e0")]
    assert [str(health) for health in decoded(*values).frame["health"]] == ["0.0"] * 3


def test_optional_fields_keep_their_types() -> None:
    row = first_row(message(health=5, quantity=-3, duration_ms=1.25, sent_at=1, schema_version=2, item_id=9))
    assert (row["health"], row["quantity"], row["duration_ms"], row["sent_at"]) == (5.0, -3, 1.25, 1)
    assert (row["schema_version"], row["item_id"]) == ("2", "9")


def test_unknown_fields_and_unknown_kinds_are_no_error() -> None:
    batch = decoded(
        message(event_type="dance", mood={"happy": [1, True, None]}), message(zone=1e300, note="x")
    )
    assert batch.rejects == []


@pytest.mark.parametrize("values", [[], [None], [b""], [message()], [message()] * 3])
def test_every_batch_has_the_same_columns(values: list[bytes | None]) -> None:
    assert dict(decoded(*values).frame.schema) == schema_of(TOPIC)


def test_the_first_fault_in_the_order_of_the_fields_counts() -> None:
    worst = message(player_id="", event_type=None, level_id=5.5, timestamp="x")
    assert [reject.path for reject in decoded(worst).rejects] == ["player_id"]


def test_a_topic_without_a_time_takes_the_record_time() -> None:
    topic = Topic("timeless", key="player_id", time=None, event=TOPIC.event)
    batch = decode(topic, [message(), message(quantity="x"), message()], np.array([5, 6, 7]))
    assert batch.frame["event_time"].to_list() == [5, 7]
    assert batch.frame.schema["event_time"] == pl.Int64
    assert [reject.path for reject in batch.rejects] == ["quantity"]


def test_a_topic_without_an_event_struct_cannot_be_decoded() -> None:
    with pytest.raises(Broken, match="fraud-rules"):
        decode(Topic("fraud-rules", key="id", time=None, event=None), [b"{}"], np.array([0]))


def test_of_a_message_that_is_too_large_nothing_is_looked_at() -> None:
    tracemalloc.start()
    try:
        reasons = [str(reject.reason) for reject in decoded(message(), b"\xff" * 30_000_000).rejects]
        assert (reasons, tracemalloc.get_traced_memory()[1] < 40_000_000) == (["oversize"], True)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("backslashes", range(1, 8))
def test_half_a_pair_is_told_from_backslashes_before_its_letters(backslashes: int) -> None:
    value = message()[:-1] + b',"x":"' + b"\\" * backslashes + b'ud800"}'
    expected = ["not_utf8"] if backslashes % 2 else []
    assert [str(reject.reason) for reject in decoded(value).rejects] == expected
