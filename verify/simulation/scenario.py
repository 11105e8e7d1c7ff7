"""One seed's story, made up: a flow, its limits, and everything that happens to it, before it runs.

Rules: only the numbers in here decide a run.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random

from verify.oracle import Limits
from verify.simulation.messages import START_MS, Meant, good, poison
from verify.simulation.story import (
    IDLE_AFTER_S,
    Arrive,
    ClockJump,
    Commit,
    Crash,
    Grow,
    GrowAtStart,
    Happening,
    Silence,
    Stop,
    Story,
    Turn,
)

FLOWS = ("engagement", "weapon_use", "purchases", "purchases", "server_health", "archive")
MOST_PARTITIONS = 4
WORKERS = (1, 1, 2, 4)
SHARES = (30, 10, 20, 15, 10, 7, 8)  # crash, stop, commit, silence, clock jump, growth, nothing
LIMITS = (  # tight ones, so that a few messages are late, evicted and out of the ring; few: flows are kept
    Limits((10,), lateness_ms=0, disorder_ms=0, dedup_offsets=5),
    Limits((10,), lateness_ms=10_000, disorder_ms=500, dedup_offsets=20),
    Limits((10,), lateness_ms=1_000, disorder_ms=2_000, dedup_offsets=100),
    Limits((5, 20), lateness_ms=1_000, disorder_ms=0, dedup_offsets=5),
    Limits((5, 20), lateness_ms=30_000, disorder_ms=2_000, dedup_offsets=20),
    Limits((10, 60), lateness_ms=0, disorder_ms=500, dedup_offsets=100),
    Limits((10, 60), lateness_ms=10_000, disorder_ms=2_000, dedup_offsets=0),
)


def story_of(seed: int) -> Story:
    """Make up a seed's story."""
    random = Random(seed)  # noqa: S311  a game, not a secret
    flow = random.choice(FLOWS)
    limits = Limits((0,), dedup_offsets=0) if flow == "archive" else random.choice(LIMITS)
    story = Story(
        seed=seed,
        flow=flow,
        limits=limits,
        partitions=random.choice([1, 2, 2, 3, 3]),
        workers=random.choice(WORKERS),
        upsert_every_s=random.choice([0.0, 1.0]),
        trouble=random.choice([0.0, 0.1, 0.5]),
        epoch_share=random.choice([0.02, 0.1, 0.4]),
        live=random.random() < 0.3,  # noqa: PLR2004
        happenings=(),
    )
    return replace(story, happenings=tuple(Telling(story, random).happenings(random.randint(3, 7))))


class Telling:
    """Makes up happenings, and remembers what arrived.

    Args:
        story: whose.
        random: decides.

    """

    def __init__(self, story: Story, random: Random) -> None:
        self._story, self._random = story, random
        self._partitions = story.partitions
        self._at_ms = START_MS
        self._pace_ms = random.choice([50, 300, 1_500])
        self._behind_ms = [random.choice([0, 0, 3_000, 40_000]) for _ in range(MOST_PARTITIONS)]
        self._recent: list[tuple[int, bytes | None, Meant]] = []
        self._ids = 0

    def happenings(self, count: int) -> list[Happening]:
        """Make up some happenings; messages come between most of them."""
        found: list[Happening] = []
        for _ in range(count):
            if self._random.random() < 0.75:  # noqa: PLR2004
                found.append(Arrive(tuple(self._messages(self._random.randint(2, 25)))))
            if self._random.random() < 0.7:  # noqa: PLR2004
                found.append(Turn(self._seed(), self._random.choice([3, 10, 30, 60])))
            found += self._happening()
        return found

    def _seed(self) -> int:
        return self._random.randrange(2**32)

    def _happening(self) -> list[Happening]:
        kinds = (self._crash, self._stop, self._commit, self._silence, self._jump, self._grow, list)
        (make,) = self._random.choices(kinds, SHARES)
        return make()

    def _crash(self) -> list[Happening]:
        random = self._random
        dead = random.choice([0b1111, 0b1111, 0b0001, 0b0010])
        return [Crash(self._seed(), dead, random.choice([0, 5, 20]), random.choice(WORKERS))]

    def _stop(self) -> list[Happening]:
        return [Stop(self._seed(), self._random.choice(WORKERS))]

    def _commit(self) -> list[Happening]:
        return [Commit(self._seed())]

    def _silence(self) -> list[Happening]:
        """Let a partition fall silent while the others go on, and speak of the past when it comes back."""
        random = self._random
        silent, passes_ms = random.randrange(self._partitions), random.choice([10_000, 60_000, 60_000])
        self._at_ms += passes_ms
        self._behind_ms = [0] * MOST_PARTITIONS
        others = [self._good(of) for of in range(self._partitions) if of != silent for _ in range(2)]
        self._behind_ms[silent] = random.choice([0, passes_ms, passes_ms])
        back = [self._good(silent) for _ in range(random.randrange(4))]
        seconds = random.choice([5.0, *[IDLE_AFTER_S * 2] * 3])
        return [
            Arrive(tuple(others)),
            Turn(self._seed(), 20),
            Silence(self._seed(), seconds),
            Arrive(tuple(back)),
            Turn(self._seed(), random.choice([0, 20, 60])),
        ]

    def _jump(self) -> list[Happening]:
        return [ClockJump(self._random.choice([-3_600, -5, 5, 3_600]))]

    def _grow(self) -> list[Happening]:
        if self._partitions == MOST_PARTITIONS:
            return []
        self._partitions += 1
        seed = self._seed()
        return [Grow(seed) if seed % 2 else GrowAtStart(seed, WORKERS[seed // 2 % len(WORKERS)])]

    def _messages(self, count: int) -> list[Meant]:
        return [self._message() for _ in range(count)]

    def _message(self) -> Meant:
        random = self._random
        self._at_ms += random.randrange(self._pace_ms * 2)
        partition = random.randrange(self._partitions)
        chance = random.random()
        if self._recent and chance < 0.12:  # noqa: PLR2004  the same again, here or in another partition
            again = random.choice(self._recent[-30:])[2]
            where = again.partition if random.random() < 0.7 else partition  # noqa: PLR2004
            return replace(again, partition=where, arrived_ms=max(self._at_ms, again.arrived_ms))
        if chance < 0.2:  # noqa: PLR2004
            value, reason, path = poison(self._story.topic, random, self._at_ms)
            return Meant(partition, value, self._at_ms, None, reason, path)
        return self._good(partition)

    def _good(self, partition: int) -> Meant:
        random = self._random
        self._ids += 1
        back_ms = random.choice([0, 300, 2_000, 2_000, 45_000]) + self._behind_ms[partition]
        time_ms = self._at_ms - random.randrange(back_ms + 1)
        event_id = f"e{self._ids}" if random.random() < 0.8 else None  # noqa: PLR2004
        value, event = good(self._story.topic, random, time_ms, event_id)
        made = Meant(partition, value, self._at_ms, event)
        self._recent.append((partition, value, made))
        return made
