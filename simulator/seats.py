"""Who is in play: at each seat somebody starts levels, does things there, completes or fails, and leaves.

Rules: a step of a seat follows its last one, so a block of steps is done in rounds in which no seat occurs
twice. A level is tried again until it is completed. Who fails too often in a row gives up, and may never come
back. A purchase comes between two steps. When somebody leaves, the next one sits down at once. In an outage
of their server players leave or wait (`simulator.outages`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from simulator.levels import (
    ARENA,
    COMPLETE,
    DEEDS,
    FAIL,
    FIRST_DEED,
    LEVELS,
    MAPS,
    NOWHERE,
    SESSION_END,
    SESSION_START,
    START,
    Levels,
)
from simulator.outages import NONE, began_ms, leaves
from simulator.plan import Floats, Ints
from simulator.players import Players
from simulator.servers import Outage

COMING, STARTING, LEAVING, ENDED = (
    -3,
    -2,
    -1,
    0,
)  # what comes next at a seat; above 0: deeds left in the attempt
SHORTEST, LONGEST = 4, 15  # deeds in one attempt
FEWEST, MOST = 3, 14  # attempts in one session
ELSEWHERE = 0.4  # share of the sessions that go to any level, not to the player's own
SKILL = 1.0  # how much of a level's fail share depends on who tries
CHURN = 0.25  # of those who give up, so many never come back
BUYS, WAITS = -1, -2  # the action of a purchase, and of nothing
ALWAYS = 1.0  # who buys at every step plays on meanwhile


class Steps(NamedTuple):
    """What happened at each tick: whose it was, in which session, the action's code, `BUYS` or `WAITS`."""

    player: Ints
    session: Ints
    action: Ints


@dataclass(frozen=True, slots=True)
class Turn:
    """One round: each seat once, with its moment (epoch microseconds) and random numbers of its own."""

    seats: Ints
    at_us: Ints
    luck: Floats
    place: Floats
    purse: Floats

    def of(self, some: Ints) -> Turn:
        """Take some of the seats."""
        return Turn(self.seats[some], self.at_us[some], self.luck[some], self.place[some], self.purse[some])


class Seats:
    """The state of all seats; `spends` has the share of purchases for each player."""

    def __init__(self, random: np.random.Generator, players: Players, levels: Levels, spends: Floats) -> None:
        self.random = random
        self.players = players
        self.spends = spends
        self.fail_share = levels.fail_share
        self.sessions = 0
        self.count = players.seats
        self.player, self.session, self.level, self.arena, self.tries = np.zeros((5, self.count), np.int64)
        self.step = np.full(self.count, COMING)
        self._sit_down(np.arange(self.count))

    def act(self, seats: Ints, at_us: Ints, outages: Sequence[Outage]) -> Steps:
        """Let seats act in the given order, at these moments, in which there are these outages."""
        order, bounds = rounds(seats)
        asked, times, draws = seats[order], at_us[order], self.random.random((3, seats.size))
        done = np.empty((3, seats.size), np.int64)
        for first, last in pairwise(bounds.tolist()):
            turn = Turn(asked[first:last], times[first:last], *draws[:, first:last])
            done[:, first:last] = self._round(turn, outages)
        steps = np.empty_like(done)
        steps[:, order] = done
        return Steps(*steps)

    def on_servers(self, servers: int) -> Ints:
        """Count the players on each server."""
        return np.bincount(self.players.server[self.player[self.step > COMING]], minlength=servers)

    def _round(self, turn: Turn, outages: Sequence[Outage]) -> Steps:
        """Let each seat act, where its server is out by the rules of outages."""
        player, session = self.player[turn.seats], self.session[turn.seats]
        outage_ms = began_ms(outages, self.players.server[player], turn.at_us)
        if not outage_ms.any():
            return Steps(player, session, self._play(turn))
        action = np.full(player.size, WAITS)
        fine = np.flatnonzero(outage_ms == NONE)
        action[fine] = self._play(turn.of(fine))
        begun = self.step[turn.seats] > COMING
        going = np.flatnonzero((outage_ms != NONE) & begun & leaves(player, outage_ms))
        if going.size:
            action[going] = self._leave(turn.of(going))
        return Steps(player, session, action)

    def _play(self, turn: Turn) -> Ints:
        seats = turn.seats
        player, step = self.player[seats], self.step[seats]
        action: Ints = self.arena[seats] + FIRST_DEED + (turn.luck * DEEDS).astype(np.int64)
        buys = turn.purse < self.spends[player]
        stays = buys & (self.spends[player] < ALWAYS)
        self.step[seats] -= (step > ENDED) & ~stays
        for state, act in (
            (ENDED, self._end_attempt),
            (STARTING, self._start_attempt),
            (LEAVING, self._leave),
            (COMING, self._come),
        ):
            some = np.flatnonzero((step == state) & ~stays)
            if some.size:
                action[some] = act(turn.of(some))
        action[buys] = BUYS
        return action

    def _come(self, turn: Turn) -> int:
        self.step[turn.seats] = STARTING
        return SESSION_START

    def _start_attempt(self, turn: Turn) -> Ints:
        places = (turn.place * MAPS).astype(np.int64)
        arena: Ints = len(NOWHERE) + (self.level[turn.seats] * MAPS + places) * ARENA
        self.arena[turn.seats] = arena
        self.step[turn.seats] = SHORTEST + (turn.luck * (LONGEST + 1 - SHORTEST)).astype(np.int64)
        return arena + START

    def _end_attempt(self, turn: Turn) -> Ints:
        """Complete or fail: luck against a level's fail share, moved a little by skill."""
        seats, players = turn.seats, self.players
        who, level = self.player[seats], self.level[seats]
        share = self.fail_share[level]
        fails = turn.luck < share + (0.5 - players.skill[who]) * SKILL * np.minimum(share, 1 - share)
        self.level[seats] = np.where(fails, level, (level + 1) % LEVELS)
        players.fails[who] = np.where(fails, players.fails[who] + 1, 0)
        self.tries[seats] -= 1
        goes = (self.tries[seats] == 0) | (players.fails[who] > players.patience[who])
        self.step[seats] = np.where(goes, LEAVING, STARTING)
        return self.arena[seats] + np.where(fails, FAIL, COMPLETE)

    def _leave(self, turn: Turn) -> int:
        players, who = self.players, self.player[turn.seats]
        fed_up = players.fails[who] > players.patience[who]
        players.level[who] = self.level[turn.seats]
        players.fails[who] = np.where(fed_up, 0, players.fails[who])
        players.leave(who, fed_up & (turn.luck < CHURN))
        self._sit_down(turn.seats)
        return SESSION_END

    def _sit_down(self, seats: Ints) -> None:
        count = seats.size
        who = self.players.arrive(self.random, seats)
        anywhere = self.random.integers(0, LEVELS, count)
        self.player[seats] = who
        self.session[seats] = self.sessions + np.arange(count)
        self.level[seats] = np.where(self.random.random(count) < ELSEWHERE, anywhere, self.players.level[who])
        self.tries[seats] = self.random.integers(FEWEST, MOST + 1, count)
        self.step[seats] = COMING
        self.sessions += count


def rounds(seats: Ints) -> tuple[Ints, Ints]:
    """Order positions so that the k-th occurrence of each seat is in round k; and where rounds begin and end.

    >>> order, bounds = rounds(np.array([4, 4, 7, 4]))
    >>> order.tolist(), bounds.tolist()
    ([0, 2, 1, 3], [0, 2, 3, 4])
    """
    by_seat = np.argsort(seats.astype(np.uint16), kind="stable")  # stable on 16 bits is a radix sort
    ordered = seats[by_seat]
    firsts = np.flatnonzero(np.diff(ordered, prepend=-1))
    counts = np.diff(firsts, append=seats.size)
    number = np.empty(seats.size, np.uint16)
    number[by_seat] = np.arange(seats.size) - np.repeat(firsts, counts)
    bounds = np.concatenate(([0], np.cumsum(np.bincount(number))))
    return np.argsort(number, kind="stable"), bounds
