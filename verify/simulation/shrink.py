"""Makes a failing story as short as it can: takes things out of it while it still fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from verify.oracle import Limits
from verify.simulation.story import Arrive, Crash, Happening, Stop, Story, Turn

Fails = Callable[[Story], bool]
Piece = TypeVar("Piece")
MOST_RUNS = 400


def shrunk(story: Story, fails: Fails) -> Story:
    """Give a shorter story that fails too.

    Args:
        story: fails.
        fails: tells whether a story does.

    """
    left = iter(range(MOST_RUNS))

    def try_it(shorter: Story) -> bool:
        return next(left, None) is not None and fails(shorter)

    before = None
    while before != story:
        before, story = story, _with_fewer(_simpler(story, try_it), try_it)
        for place, what in enumerate(story.happenings):
            story = _with_less(story, place, what, try_it)
    return story


def _with_fewer(story: Story, fails: Fails) -> Story:
    """Take happenings out."""
    kept = _fewer(story.happenings, lambda rest: fails(replace(story, happenings=tuple(rest))))
    return replace(story, happenings=tuple(kept))


def _fewer(pieces: Sequence[Piece], fails: Callable[[Sequence[Piece]], bool]) -> Sequence[Piece]:
    """Take out runs of pieces, long ones first."""
    size = max(len(pieces) // 2, 1)
    while True:
        at = 0
        while at < len(pieces):
            rest = [*pieces[:at], *pieces[at + size :]]
            if fails(rest):
                pieces = rest
            else:
                at += size
        if size == 1:
            return pieces
        size //= 2


def _simpler(story: Story, fails: Fails) -> Story:
    """Take away what the failure does not need: workers, partitions, a failing sink."""
    for simpler in (
        replace(story, trouble=0.0),
        replace(story, workers=1),
        replace(story, happenings=tuple(map(_alone, story.happenings))),
        *(replace(story, partitions=count) for count in range(1, story.partitions)),
        replace(story, limits=Limits((max(story.limits.sizes_s),), *_rest(story.limits))),
    ):
        if simpler != story and fails(simpler):
            return simpler
    return story


def _rest(limits: Limits) -> tuple[int, int, int]:
    return limits.lateness_ms, limits.disorder_ms, limits.dedup_offsets


def _alone(what: Happening) -> Happening:
    return replace(what, workers=1) if isinstance(what, Crash | Stop) else what


def _with_less(story: Story, place: int, what: Happening, fails: Fails) -> Story:
    """Take messages or small steps out of one happening."""

    def with_other(other: Happening) -> Story:
        return replace(story, happenings=(*story.happenings[:place], other, *story.happenings[place + 1 :]))

    if isinstance(what, Arrive):
        kept = _fewer(what.messages, lambda rest: fails(with_other(Arrive(tuple(rest)))))
        return with_other(Arrive(tuple(kept)))
    if isinstance(what, Turn):
        for fewer in _less(what.steps):
            if fails(with_other(replace(what, steps=fewer))):
                return with_other(replace(what, steps=fewer))
    return story


def _less(count: int) -> Iterator[int]:
    return (count // part for part in (8, 4, 2) if 0 < count // part < count)


def told(story: Story) -> Iterator[str]:
    """Write a story for people, a line a happening."""
    yield (
        f"flow {story.flow}, {story.partitions} partitions, {story.workers} workers, {story.limits}, rows "
        f"every {story.upsert_every_s} s, {story.trouble:.0%} of inserts fail at first, "
        f"{'compared while it runs' if story.live else 'compared after a planned stop'}"
    )
    for what in story.happenings:
        if not isinstance(what, Arrive):
            yield f"  {what}"
            continue
        yield f"  {len(what.messages)} messages arrive:"
        for of in what.messages:
            meant = (
                f"{of.reason} {of.path}".strip() if of.event is None else f"event at {of.event['event_time']}"
            )
            yield f"    partition {of.partition}: {meant}, arrived {of.arrived_ms}: {of.value!r}"
