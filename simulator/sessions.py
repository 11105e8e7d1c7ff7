"""Players who come, try levels until they are through or tired, and leave.

Rules: a session is one player's visit; its actions depend on the random numbers alone. Session ids
hold the run's start, so that two runs never share one. One session in 20 has no id, one in 10 plays
another game than the default one, and clients write their time in three ways.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from simulator.levels import SESSION_END, SESSION_START, Action, Level

PLAYERS_PER_SEAT = 20  # known players for each that is in play
SHORTEST, LONGEST = 4, 15  # deeds in one attempt
FEWEST, MOST = 3, 14  # attempts in one session
ANONYMOUS = 20
OTHER_GAME = 10
CLOCKS = ("zulu", "zulu", "zulu", "zulu", "zulu", "zulu", "offset", "epoch")


class Who(NamedTuple):
    """Whose event it is; an empty session id means none."""

    game_id: str
    player_id: str
    session_id: str


class Session(NamedTuple):
    """One visit: its first JSON fields as text, how its client writes time, and what is left to do."""

    who: Who
    key: bytes
    head: str
    clock: str
    actions: Iterator[Action]


def play(random: Random, world: tuple[Level, ...]) -> Iterator[Action]:
    """Act out one session: a level is tried again until it is completed."""
    yield SESSION_START
    at = random.randrange(len(world))
    for _ in range(random.randint(FEWEST, MOST)):
        level = world[at]
        arena = level.arenas[random.randrange(len(level.arenas))]
        yield arena.start
        yield from random.choices(arena.deeds, k=random.randint(SHORTEST, LONGEST))
        if random.random() < level.fail_share:
            yield arena.fail
        else:
            yield arena.complete
            at = (at + 1) % len(world)
    yield SESSION_END


def arrive(random: Random, world: tuple[Level, ...], seats: int, run: str, number: int) -> Session:
    """Let some player begin session `number` of this run."""
    player = random.randrange(seats * PLAYERS_PER_SEAT)
    game_id = "arena" if player % OTHER_GAME == 1 else ""
    session_id = "" if number % ANONYMOUS == 1 else f"session_{run}_{number}"
    who = Who(game_id, f"player_{player}", session_id)
    head = f'{{"player_id":"{who.player_id}",'
    if session_id:
        head += f'"session_id":"{session_id}",'
    if game_id:
        head += f'"game_id":"{game_id}",'
    clock = CLOCKS[player % len(CLOCKS)]
    return Session(who, who.player_id.encode(), head, clock, play(random, world))
