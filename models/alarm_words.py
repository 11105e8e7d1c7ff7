"""Alarms and incidents in words: one plain sentence each, for who is woken by it.

Rules: ids come from strangers. In a sentence they are short, and hold no letter that is invisible or that
chats take for markup or a mention; exact ids stand in fields of their own.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from models.incident import Incident
from models.server_alarm import Alarm, Change, Kind

LONGEST = 60  # letters of an id in a sentence
MARKUP = frozenset("<>&@`*\\")
UNITS: Final = {"latency": " ms", "tick_ms": " ms", "cpu_load": " %", "memory_usage": " %"}
WORDS: Final = {
    Kind.SPIKE: "spike",
    Kind.SHIFT: "shift",
    Kind.FLATLINE: "standing still",
    Kind.MISSED_HEARTBEAT: "silent",
}
MOST_WORDS = 4
SMALL = 100.0  # below it three digits are shown, above it whole numbers


def said(alarm: Alarm) -> str:
    """Say an alarm in one sentence, with its end if it is resolved."""
    end = f"; over at {clock(alarm.time_ms)}" if alarm.change is Change.RESOLVED else ""
    return seen(alarm) + end


def seen(alarm: Alarm) -> str:
    """Say what an alarm saw, and since when."""
    since = f"since {clock(alarm.since_ms)}"
    server = named(alarm.server_id)
    if alarm.kind is Kind.MISSED_HEARTBEAT:
        return f"{server} has been silent {since}"
    unit = UNITS.get(alarm.metric, "")
    what = f"{named(alarm.metric)} of {server}"
    if alarm.kind is Kind.FLATLINE:
        return f"{what} has stood still at {number(alarm.value)}{unit} {since}"
    return f"{what} at {number(alarm.value)}{unit}{_expected(alarm)}, {since}"


def told(incident: Incident) -> str:
    """Say an incident in one sentence, with its end if it is over."""
    return _what(incident) + _end(incident)


def clock(time_ms: int) -> str:
    """Write an event time as people say it.

    >>> clock(1_700_000_000_123)
    '22:13:20Z'

    """
    return f"{datetime.fromtimestamp(time_ms // 1000, UTC):%H:%M:%S}Z"


def number(value: float) -> str:
    """Write a value with as many digits as one reads.

    >>> number(812.34), number(14.04), number(0.012345), number(1_234_567.0)
    ('812', '14', '0.0123', '1,234,567')

    """
    return f"{value:,.0f}" if abs(value) >= SMALL else f"{value:.3g}"


def named(name: str) -> str:
    r"""Write an id so that no chat and no eye misreads it.

    >>> named("server_07"), named("<!channel>\n"), named("")
    ('server_07', '?!channel??', '(no name)')

    """
    plain = "".join(
        letter if letter.isprintable() and letter not in MARKUP else "?" for letter in name[: LONGEST + 1]
    )
    return (plain if len(name) <= LONGEST else f"{plain[: LONGEST - 1]}…") or "(no name)"


def _expected(alarm: Alarm) -> str:
    if alarm.low is None and alarm.high is None:
        return ""
    if alarm.low is None or alarm.high is None:
        bound = (
            f"at most {number(alarm.high)}"
            if alarm.high is not None
            else f"at least {number(alarm.low or 0)}"
        )
        return f", expected {bound}"
    return f", expected {number(alarm.low)} to {number(alarm.high)}"


def _what(incident: Incident) -> str:
    if incident.alarms == 1:
        return seen(incident.first)
    servers = len(incident.servers)
    whose = named(incident.first.server_id) if servers == 1 else f"{servers:,} servers{_where(incident)}"
    kinds = sorted(incident.what, key=lambda of: (-incident.what[of], of))
    words = [_word(*of) for of in kinds[:MOST_WORDS]]
    if len(kinds) > 1:
        words = [f"{word} ({incident.what[of]:,})" for word, of in zip(words, kinds, strict=False)]
    words += ["more"] * (len(kinds) > MOST_WORDS)
    return f"{whose}: {', '.join(words)}; first: {seen(incident.first)}"


def _word(metric: str, kind: str) -> str:
    word = WORDS[Kind(kind)]
    return word if kind == Kind.MISSED_HEARTBEAT else f"{named(metric)} {word}"


def _where(incident: Incident) -> str:
    region, fleet = (next(iter(of)) if len(of) == 1 else "" for of in (incident.regions, incident.fleets))
    place = f" of fleet {named(fleet)}" if fleet else ""
    return place + (f" in {named(region)}" if region else "")


def _end(incident: Incident) -> str:
    if incident.over_ms is None:
        return ""
    if left := len(incident.unresolved):
        alarms = "alarm was" if left == 1 else "alarms were"
        return f"; given up after a day without news, {left:,} {alarms} never resolved"
    return f"; over at {clock(incident.over_ms)}"
