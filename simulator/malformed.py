"""Messages that are no events: what broken clients, proxies and old versions send.

Rules: every kind has exactly one fault, and the reason that the contract gives it stands beside it.
"""

from __future__ import annotations

from random import Random

Faulty = tuple[str, bytes | None]  # reason, value

REST = '"event_type":"move","level_id":"level_01","map_id":"map_01"'
NOW = '"timestamp":"2026-01-01T00:00:00Z"'

KINDS: tuple[Faulty, ...] = (
    ("not_json", b'{"player_id":"player_1","event_type":"mo'),
    ("not_json", b"player=1&event_type=move"),
    ("not_json", b""),
    ("not_utf8", b'{"player_id":"player_\xff\xfe",' + f"{REST},{NOW}}}".encode()),
    ("not_object", f'[{{"player_id":"player_1",{REST},{NOW}}}]'.encode()),
    ("not_object", b"42"),
    ("tombstone", None),
    ("field_missing", f"{{{REST},{NOW}}}".encode()),
    ("field_missing", f'{{"player_id":null,{REST},{NOW}}}'.encode()),
    ("field_missing", f'{{"player_id":"player_1","event_type":"move","map_id":"map_01",{NOW}}}'.encode()),
    ("field_missing", f'{{"player_id":"player_1",{REST}}}'.encode()),
    ("field_type", f'{{"player_id":{{"id":1}},{REST},{NOW}}}'.encode()),
    ("field_type", f'{{"player_id":"player_1","event_type":7,{NOW}}}'.encode()),
    ("field_range", f'{{"player_id":"",{REST},{NOW}}}'.encode()),
    ("time_invalid", f'{{"player_id":"player_1",{REST},"timestamp":"yesterday"}}'.encode()),
    ("time_invalid", f'{{"player_id":"player_1",{REST},"timestamp":"2026-02-30T00:00:00Z"}}'.encode()),
    ("time_future", f'{{"player_id":"player_1",{REST},"timestamp":"2100-01-01T00:00:00Z"}}'.encode()),
    ("time_too_old", f'{{"player_id":"player_1",{REST},"timestamp":"1969-12-31T23:59:59Z"}}'.encode()),
)


def malformed(random: Random) -> Faulty:
    """Give one of them."""
    return KINDS[random.randrange(len(KINDS))]
