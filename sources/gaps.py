"""Gaps: what a log no longer holds of what was still to be read, or of what was read.

Rules:
- A gap is found by comparing where a flow stands with what the broker says now; a broker that does not
  answer is no gap.
- Its identity is that of the messages that are missing: log, topic, partition, first offset.
- Going on behind one is a person's decision. What was counted stays, what is skipped is never read: neither
  by the flow nor by its ring of event ids.
- A topic that was created anew goes on in a lane of its own, whose books begin at nothing. It keeps the
  old lane's promise as a floor: slots have freed windows by it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import msgspec
from confluent_kafka import Consumer

from sources.kafka_client import Bounds, Log, bounds
from topics.errors import BadInput, NeedsOperator
from windows.plan import Plan
from windows.take import LaneState, fresh_state

STOP, EARLIEST, LATEST = "stop", "earliest", "latest"  # what may be done about a gap


class Kind(StrEnum):
    """What became of the messages."""

    EXPIRED = "expired"  # deleted before they were read
    RECREATED = "recreated"  # the whole log is gone, with all that was still to be read
    CUT = "cut"  # read, and gone from the log
    SKIPPED = "skipped"  # still in the log, left out by `latest`


@dataclass(frozen=True, slots=True)
class Gap:
    """Messages of one partition that are missing; of a log that is gone nobody knows where it ended."""

    kind: Kind
    log: str
    topic: str
    partition: int
    first: int
    end: int | None  # the offset after the last
    log_now: str

    @property
    def messages(self) -> int | None:
        """Count the offsets in it."""
        return None if self.end is None else self.end - self.first

    def __str__(self) -> str:
        where = f"{self.topic}/{self.partition}"
        if self.end is None:
            return f"{where}: read up to offset {self.first} of log {self.log}"
        stretch = f"{where}: {self.messages} messages ({self.first} to {self.end - 1})"
        return f"{stretch} {_WORDS[self.kind]}"


_WORDS = {
    Kind.EXPIRED: "expired before they were read",
    Kind.CUT: "were read and are gone: the log was cut",
    Kind.SKIPPED: "are left out",
}


class GapMet(NeedsOperator):
    """Reading on would hide a loss; `gaps` says which, as far as the one who met it knows."""

    def __init__(self, text: str, gaps: Sequence[Gap] = ()) -> None:
        super().__init__(text)
        self.gaps = tuple(gaps)


def find(log: Log, held: Mapping[int, Bounds], states: Iterable[LaneState]) -> list[Gap]:
    """Compare where lanes stand with the log as it is now; gives what is missing, partition by partition."""
    return [gap for state in sorted(states, key=lambda of: of.partition) for gap in _find(log, held, state)]


def _find(log: Log, held: Mapping[int, Bounds], state: LaneState) -> Iterator[Gap]:
    number, saved = state.partition, state.next_offset
    low, high = held.get(number, (0, 0))
    if state.log != log.id:
        yield Gap(Kind.RECREATED, state.log, state.topic, number, saved, None, log.id)
        saved = 0
    if saved < low:
        yield Gap(Kind.EXPIRED, log.id, state.topic, number, saved, low, log.id)
    elif saved > high:
        yield Gap(Kind.CUT, log.id, state.topic, number, high, saved, log.id)


def met(reader: Consumer, state: LaneState, position: int) -> GapMet:
    """Say what is missing at a position that the log does not hold, by what it holds now."""
    here = msgspec.structs.replace(state, next_offset=max(state.next_offset, position))
    where = f"{here.topic}/{here.partition}"
    try:
        held = bounds(reader, here.topic, here.partition)
    except BadInput:
        return GapMet(f"{where}: the log does not hold offset {here.next_offset} any more")
    gaps = find(Log(here.log, here.topic, here.partition + 1), {here.partition: held}, [here])
    return GapMet(told(gaps) or f"{where}: the log did not hold offset {here.next_offset} for a while", gaps)


def told(gaps: Iterable[Gap]) -> str:
    """Say what is missing, in one line; what is to be done stands elsewhere."""
    anew: dict[tuple[str, str, str], list[Gap]] = defaultdict(list)
    others = []
    for gap in gaps:
        if gap.kind is Kind.RECREATED:
            anew[gap.topic, gap.log, gap.log_now].append(gap)
        else:
            others.append(str(gap))
    return "; ".join([*(_told_anew(*of, found) for of, found in anew.items()), *others])


def _told_anew(topic: str, log: str, now: str, gaps: Iterable[Gap]) -> str:
    places = ", ".join(f"{gap.partition} (read up to {gap.first})" for gap in gaps)
    return (
        f"{topic} is another log now ({now}, was {log}): the topic was created anew or this is another Kafka "
        f"cluster, and what came after in partitions {places} is gone"
    )


def skipped(log: Log, held: Mapping[int, Bounds], gaps: Iterable[Gap]) -> list[Gap]:
    """Give what `latest` leaves out of the partitions that have gaps: all that the log holds."""
    numbers = sorted({gap.partition for gap in gaps if gap.kind is not Kind.CUT} & held.keys())
    return [
        Gap(Kind.SKIPPED, log.id, log.topic, number, *held[number], log.id)
        for number in numbers
        if held[number].low < held[number].high
    ]


def behind(state: LaneState, log: Log, held: Bounds, answer: str, plan: Plan) -> LaneState:
    """Give the state in which a lane goes on behind its gap."""
    low, high = held
    if state.log != log.id:
        fresh = fresh_state(log.id, state.topic, state.partition, high if answer == LATEST else low)
        return msgspec.structs.replace(
            fresh,
            floor_ms=state.guarantee_ms(plan),
            told_ms=state.told_ms,
            lateness_ms=state.lateness_ms,
            skipped=[(low, fresh.next_offset)] if low < fresh.next_offset else [],
            generation=state.generation,
        )
    saved = state.next_offset
    start = high if answer == LATEST else max(low, min(saved, high))
    if start < saved:
        return msgspec.structs.replace(state, next_offset=start, rewound=state.rewound + saved - start + 1)
    recent = [stretch for stretch in state.skipped if stretch[1] > start - plan.dedup_offsets]
    return msgspec.structs.replace(state, next_offset=start, skipped=[*recent, (saved, start)])


def of_one_log(states: Sequence[LaneState]) -> list[LaneState]:
    """Leave out partitions that a topic no longer has since it was created anew.

    Partition 0 is in every topic, and all partitions go on in a new log at the same time.
    """
    first = next((state.log for state in states if state.partition == 0), None)
    return [state for state in states if first is None or state.log == first]
