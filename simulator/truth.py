"""What really happened: counts of the traffic that was sent, made apart from the flows' code.

Rules: good and late events count once; duplicates, malformed messages and those beyond allowed
lateness do not. Counts are kept by 10 s and added up for any multiple of it; players and sessions
are sets of names, so distinct counts are exact.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from simulator.levels import Place
from simulator.traffic import Message
from topics.errors import Broken

FINEST_S = 10
TYPES = ("move", "interaction", "level_start", "level_complete", "level_fail")


class LevelRow(NamedTuple):
    """A row of `engagement_by_level` besides its key."""

    events: int
    moves: int
    interactions: int
    level_starts: int
    level_completes: int
    level_fails: int
    players: int


class GameRow(NamedTuple):
    """A row of `engagement` besides its key."""

    events: int
    players: int
    sessions: int


class LevelKey(NamedTuple):
    """`window_start` is in epoch seconds."""

    game_id: str
    window_start: int
    level_id: str
    map_id: str


class GameKey(NamedTuple):
    """`window_start` is in epoch seconds."""

    game_id: str
    window_start: int


LevelCell = tuple[Counter[str], set[str]]  # events by type, players
GameCell = tuple[set[str], set[tuple[str, str]]]  # players, (player, session)


class Truth:
    """Counts messages one by one."""

    def __init__(self) -> None:
        self.kinds: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self._levels: dict[tuple[str, int, Place], LevelCell] = {}
        self._games: dict[tuple[str, int], GameCell] = {}
        self._events: Counter[tuple[str, int]] = Counter()

    def add(self, message: Message) -> None:
        """Count one message that was sent."""
        self.kinds[message.kind] += 1
        if message.kind == "malformed":
            self.reasons[message.reason] += 1
        if message.kind not in {"good", "late"} or message.event_time_ms is None or message.action is None:
            return
        who = message.who
        window = message.event_time_ms // (FINEST_S * 1000)
        game = (who.game_id, window)
        self._events[game] += 1
        players, sessions = self._games.get(game) or self._games.setdefault(game, (set(), set()))
        players.add(who.player_id)
        if who.session_id:
            sessions.add((who.player_id, who.session_id))
        if message.action.place is not None:
            cell = (who.game_id, window, message.action.place)
            types, players = self._levels.get(cell) or self._levels.setdefault(cell, (Counter(), set()))
            types[message.action.event_type] += 1
            players.add(who.player_id)

    def engagement_by_level(self, window_s: int) -> dict[LevelKey, LevelRow]:
        """Give what the view must show for one window size, by game, window start, level and map."""
        cells: dict[LevelKey, LevelCell] = {}
        for (game_id, window, place), (types, players) in self._levels.items():
            key = LevelKey(game_id, starts(window, window_s), *place)
            all_types, all_players = cells.setdefault(key, (Counter(), set()))
            all_types.update(types)
            all_players |= players
        return {key: level_row(types, players) for key, (types, players) in cells.items()}

    def engagement(self, window_s: int) -> dict[GameKey, GameRow]:
        """Give what the view must show for one window size, by game and window start."""
        events: Counter[GameKey] = Counter()
        cells: dict[GameKey, GameCell] = {}
        for (game_id, window), (players, sessions) in self._games.items():
            key = GameKey(game_id, starts(window, window_s))
            events[key] += self._events[game_id, window]
            all_players, all_sessions = cells.setdefault(key, (set(), set()))
            all_players |= players
            all_sessions |= sessions
        return {key: GameRow(events[key], len(cell[0]), len(cell[1])) for key, cell in cells.items()}


def level_row(types: Counter[str], players: set[str]) -> LevelRow:
    """Count one cell."""
    moves, interactions, begun, completed, failed = (types[name] for name in TYPES)
    return LevelRow(types.total(), moves, interactions, begun, completed, failed, len(players))


def starts(window: int, window_s: int) -> int:
    """Find the start (epoch seconds) of the larger window that holds the `window`-th 10 s.

    Raises:
        Broken: the size is no multiple of 10 s.

    """
    if window_s % FINEST_S:
        raise Broken(f"the simulator counts by {FINEST_S} s, not by {window_s} s")
    return window * FINEST_S // window_s * window_s
