"""The end of a demo: what the tables say against what the simulator knows it sent.

Rules: every row and column of both views at both window sizes is compared, and every count of the
accounting; a row that only one side has is wrong. *lost* and *double* are events of the finest
windows that are missing in or too many in the tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TypeVar

from demo.figures import FINEST_S, Figures, Reader, whole
from simulator.plan import PLAYER_EVENTS
from simulator.truth import Truth
from simulator.truth_rows import GameKey, GameRow, LevelKey, LevelRow

WINDOWS_S = (FINEST_S, 60)
GOAL_S = 20  # from a warm start to the first row on screen
BY_LEVEL = """
SELECT game_id, toUnixTimestamp(window_start), level_id, map_id,
    events, moves, interactions, level_starts, level_completes, level_fails, players
FROM engagement_by_level WHERE window_seconds = {size:UInt32}
"""
WHOLE_GAME = """
SELECT game_id, toUnixTimestamp(window_start), events, players, sessions
FROM engagement WHERE window_seconds = {size:UInt32}
"""

KeyT = TypeVar("KeyT", LevelKey, GameKey)
Row = LevelRow | GameRow


@dataclass(frozen=True, slots=True)
class Compared:
    """One view at one window size against the truth."""

    view: str
    window_s: int
    rows: int
    wrong: int
    lost: int
    double: int


@dataclass(frozen=True, slots=True)
class Sent:
    """What the simulator knows about its messages, by the fate that each must have."""

    read: int
    aggregated: int
    late: int
    dead: int
    duplicates: int


def compare(reader: Reader, truth: Truth) -> tuple[Compared, ...]:
    """Compare both views at all window sizes.

    Raises:
        ClickHouseError: whatever the driver says.

    """
    return tuple(each for size in WINDOWS_S for each in compare_size(reader, truth, size))


def compare_size(reader: Reader, truth: Truth, size: int) -> tuple[Compared, Compared]:
    """Compare both views at one window size."""
    levels = {
        LevelKey(str(game), whole(start), str(level), str(where)): LevelRow(*map(whole, counts))
        for game, start, level, where, *counts in reader.rows(BY_LEVEL, {"size": size})
    }
    games = {
        GameKey(str(game), whole(start)): GameRow(*map(whole, counts))
        for game, start, *counts in reader.rows(WHOLE_GAME, {"size": size})
    }
    return (
        against("engagement_by_level", size, levels, truth.engagement_by_level(size)),
        against("engagement", size, games, truth.engagement(size)),
    )


def against(view: str, size: int, found: Mapping[KeyT, Row], true: Mapping[KeyT, Row]) -> Compared:
    """Compare what a view shows with what is true.

    >>> here = GameKey("", 0)
    >>> against("engagement", 10, {here: GameRow(5, 2, 2)}, {here: GameRow(6, 2, 2)})
    Compared(view='engagement', window_s=10, rows=1, wrong=1, lost=1, double=0)

    """
    keys = found.keys() | true.keys()
    wrong = [key for key in keys if found.get(key) != true.get(key)]
    missing = [events_at(true, key) - events_at(found, key) for key in wrong]
    lost = sum(count for count in missing if count > 0)
    double = -sum(count for count in missing if count < 0)
    return Compared(view, size, len(keys), len(wrong), lost, double)


def events_at(rows: Mapping[KeyT, Row], key: KeyT) -> int:
    """Count a row's events; a row that is not there has none."""
    row = rows.get(key)
    return row.events if row else 0


def sent(truth: Truth) -> Sent:
    """Say what must become of what was sent."""
    kinds = truth.counts.kinds[PLAYER_EVENTS]
    return Sent(
        kinds.total(), kinds["good"] + kinds["late"], kinds["beyond"], kinds["malformed"], kinds["duplicate"]
    )


def faults(compared: tuple[Compared, ...], figures: Figures, truth: Truth) -> list[str]:
    """Name everything that is not as it must be; empty when all is right."""
    found = [
        f"{each.view} at {each.window_s} s has {each.wrong:,} wrong rows" for each in compared if each.wrong
    ]
    if [book.window_s for book in figures.books] != list(WINDOWS_S):
        found.append("accounting lacks a window size")
    expected = sent(truth)
    for book in figures.books:
        if book.difference:
            found.append(f"the accounting identity at {book.window_s} s is off by {book.difference:+,}")
        for field in fields(expected):
            is_now, must_be = getattr(book, field.name), getattr(expected, field.name)
            if is_now != must_be:
                found.append(f"{field.name} at {book.window_s} s is {is_now:,}, not {must_be:,}")
    reasons = truth.counts.reasons[PLAYER_EVENTS]
    for reason in sorted(figures.dead.keys() | reasons.keys()):
        is_now, must_be = figures.dead[reason], reasons[reason]
        if is_now != must_be:
            found.append(f"dead letters with {reason} are {is_now:,}, not {must_be:,}")
    return found


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a demo ended; `compared` is empty when nothing could be, `first_row_s` None when none was seen."""

    events: int
    traffic_s: float
    compared: tuple[Compared, ...]
    faults: tuple[str, ...]
    first_row_s: float | None

    @property
    def line(self) -> str:
        """Say it all in the last line."""
        rate = self.events / self.traffic_s if self.traffic_s else 0
        finest = next((each for each in self.compared if each.view == "engagement"), None)
        parts = [f"{self.events:,} events", f"{rate:,.0f} events/s"]
        if finest:
            rows, wrong = (sum(getattr(each, name) for each in self.compared) for name in ("rows", "wrong"))
            parts += [f"{rows:,} rows compared", f"{wrong:,} wrong"]
            parts += [f"{finest.lost:,} lost", f"{finest.double:,} double"]
        seen = "never" if self.first_row_s is None else f"after {self.first_row_s:.1f} s"
        parts.append(f"first row on screen {seen} (goal {GOAL_S} s)")
        said = ", ".join(parts)
        return f"FALLS SHORT {said}: {'; '.join(self.faults)}" if self.faults else f"OK {said}"
