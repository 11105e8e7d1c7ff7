"""Messages that are no events: what broken clients, proxies and old versions send.

Rules: every kind has exactly one fault, and the reason that the contract gives it stands beside it. Kinds
that no line of a file can hold, a message without value and an empty one, come first.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from simulator.plan import PLAYER_EVENTS, PURCHASE_EVENTS, SERVER_METRICS

Faulty = tuple[str, bytes | None]  # reason, value

LINELESS = 2  # kinds that are no line
BROKEN_CLOCK = -2  # in the place of a kind: an event whose client lives decades ahead
SOUND = -1  # in the place of a kind: nothing is wrong with the value
BROKEN_CLOCK_REASON = "time_future"


def _kinds(head: str, rest: str, time: str) -> tuple[Faulty, ...]:
    """Give the faults that any topic may have; `head` is the key field, `rest` the other required fields."""
    now = f'"{time}":"2026-01-01T00:00:00Z"'
    name = head.partition(":")[0]
    return (
        ("tombstone", None),
        ("not_json", b""),
        ("not_json", f'{{{head},"event_ty'.encode()),
        ("not_json", b"player=1&event_type=move"),
        ("not_json", f"{{{head},{rest},{now},}}".encode()),
        ("not_utf8", f"{{{head[:-1]}".encode() + b'\xff\xfe",' + f"{rest},{now}}}".encode()),
        ("not_object", f"[{{{head},{rest},{now}}}]".encode()),
        ("not_object", b"42"),
        ("field_missing", f"{{{rest},{now}}}".encode()),
        ("field_missing", f"{{{name}:null,{rest},{now}}}".encode()),
        ("field_missing", f"{{{head},{rest}}}".encode()),
        ("field_type", f'{{{name}:{{"id":1}},{rest},{now}}}'.encode()),
        ("field_range", f'{{{name}:"",{rest},{now}}}'.encode()),
        ("time_invalid", f'{{{head},{rest},"{time}":"yesterday"}}'.encode()),
        ("time_invalid", f'{{{head},{rest},"{time}":"2026-02-30T00:00:00Z"}}'.encode()),
        ("time_invalid", f'{{{head},{rest},"{time}":"2026-01-01T00:00:00"}}'.encode()),
        ("time_future", f'{{{head},{rest},"{time}":"2100-01-01T00:00:00Z"}}'.encode()),
        ("time_too_old", f'{{{head},{rest},"{time}":"1969-12-31T23:59:59Z"}}'.encode()),
    )


def _wrong(head: str, now: str, fields: tuple[tuple[str, str], ...]) -> tuple[Faulty, ...]:
    return tuple((reason, f"{{{head},{text},{now}}}".encode()) for reason, text in fields)


PLAYER, SERVER = '"player_id":"player_1"', '"server_id":"server_01"'
MOVE = '"event_type":"move","level_id":"level_01","map_id":"map_01"'
SALE = '"item_id":"skin_dragon","price":4.99,"currency":"USD","ip_address":"198.18.0.1"'
LOAD = '"cpu_load":78,"memory_usage":65,"latency":120'
NOW, BOUGHT = '"timestamp":"2026-01-01T00:00:00Z"', '"purchase_timestamp":"2026-01-01T00:00:00Z"'


def _price(written: str) -> str:
    return SALE.replace("4.99", written)


FAULTS: Mapping[str, tuple[Faulty, ...]] = MappingProxyType(
    {
        PLAYER_EVENTS: (
            *_kinds(PLAYER, MOVE, "timestamp"),
            *_wrong(
                PLAYER,
                NOW,
                (
                    ("field_missing", '"event_type":"move","map_id":"map_01"'),
                    ("field_type", '"event_type":7'),
                    ("field_range", '"event_type":"level_fail","level_id":"","map_id":"map_01"'),
                ),
            ),
        ),
        PURCHASE_EVENTS: (
            *_kinds(PLAYER, SALE, "purchase_timestamp"),
            *_wrong(
                PLAYER,
                BOUGHT,
                (
                    ("field_range", _price('"NaN"')),
                    ("field_range", _price('"Infinity"')),
                    ("field_range", _price("1e999")),
                    ("field_range", _price("-4.99")),
                    ("field_range", _price("4.99999")),
                    ("field_range", _price('"0.00001"')),
                    ("field_type", _price('"free"')),
                    ("field_type", _price("true")),
                    ("field_missing", _price("null")),
                    ("not_json", _price("NaN")),
                    ("field_missing", SALE.replace('"currency":"USD",', "")),
                ),
            ),
        ),
        SERVER_METRICS: (
            *_kinds(SERVER, LOAD, "timestamp"),
            *_wrong(
                SERVER,
                NOW,
                (
                    ("field_type", LOAD.replace("78", '"78 %"')),
                    ("field_range", LOAD.replace("120", "1e12")),
                    ("field_missing", '"cpu_load":78,"memory_usage":65'),
                    ("not_json", LOAD.replace("65", "Infinity")),
                ),
            ),
        ),
    }
)


def reason_of(topic: str, fault: int) -> str:
    """Give the reason that a fault's dead letter must have."""
    return BROKEN_CLOCK_REASON if fault == BROKEN_CLOCK else FAULTS[topic][fault][0]
