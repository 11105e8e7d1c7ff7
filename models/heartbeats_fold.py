"""The compiled loop of missed heartbeats: sample by sample into its server and the partition's clocks.

Rules:
- A row of `servers` is all that is known of a server, `clock` all that is known of the partition. Whole
  numbers only: every machine gives the same.
- Two clocks tell how long a server is silent, by event time and by Kafka time. Each step of theirs counts
  for a server for `CAPS` at most, little more than one of its own intervals: what stood still for everybody
  is nobody's silence. Time that ticks have proven counts in full, and is not counted twice.
- A server is silent for the smaller of the two; one whose samples are of long ago when they come (a past
  that is loaded, files) for event time alone, since Kafka's says nothing about it. Where they are of very
  long ago ticks say nothing either: the past has ended, not the server.
- All servers are looked at before the newest event time goes into another second, so what is found is found
  in the second in which it came to be, wherever batches are cut. An answer's `seen` is that second's end.
- Kafka time in which the partition stood still for longer than usual counts for nobody, and as much after
  it, `SETTLES_MS` at most: until all who were cut off had time to come back.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.fraud_compiled import compiled, inlined

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

BEATS = 5  # until a server has a rhythm
DELIVERIES = 3  # that its beats came in, so that who sends many at a time is known for it
MISSED = 3  # of its own intervals
RING = 8  # intervals that its rhythm is told from
LEAST_MS = 1_000  # no rhythm is faster: a pause of a moment is nobody's death
LONG_AGO_MS, VERY_LONG_AGO_MS = 60_000, 600_000  # older when it came: a past that is loaded
HOLE_MS, SETTLES_MS = 1_000, 15_000  # a pause of the partition that is unusual for any
PAUSE_MS, LONGEST_PAUSE_MS, NS = 250, 600_000, 1_000_000  # of a partition's usual longest pause, kept in ns
MOST_DELAY_US = 60_000_000  # of how long beats usually are on their way
FADES_MS = 1_800_000  # how soon a usual delay, or pause, is forgotten
SLOWEST_MS, SLOWER = 600_000, 10  # a new rhythm is believed at once up to this, or 10 times the old one
FORGET_MS = 86_400_000
MOVES_MS = 600_000  # those who write know of new partitions after 5 minutes at most
NEVER = -(2**62)

NOTHING, OPENED, _, RESOLVED = range(4)  # as in `models.anomaly_fold`

# words of a server; from `COUNT` on they fit 32 bits
(
    LAST, PREVIOUS, ARRIVED, LIVE, LIVE_KAFKA, OPEN,
    COUNT, PARTS, EVERY, SLOW, DELAY, LEAVING, OLD, CLASS, FILLED, NEXT,
) = range(16)  # fmt: skip
GAPS = 16
WORDS = GAPS + RING
# words of a partition, then its clocks
(
    NEWEST, NEWEST_KAFKA, TICKED, TICKED_KAFKA, FROZEN_TO, PAUSE, QUIET_SINCE, QUIET_NOW, PARTITIONS,
    MOVES_TO,
) = range(10)  # fmt: skip
CAPS = tuple(round(LEAST_MS * 2 ** (half / 2)) for half in range(1, 36))  # 1.4 s to two days
BY_EVENTS = 10
BY_KAFKA = BY_EVENTS + len(CAPS)
BY_PAST = BY_KAFKA + len(CAPS)  # by event time, without ticks
CLOCK_WORDS = BY_PAST + len(CAPS)
ANSWER = 7  # server, opened, since, interval, change, time, seen
SECOND_MS = 1_000


@inlined
def _silence(server: Ints, clock: Ints) -> int:
    """Tell for how long nothing came from a server, as far as that is its own doing (ms)."""
    if server[OLD] > 1:
        return int(clock[BY_PAST + server[CLASS]] - server[LIVE])
    silent = int(clock[BY_EVENTS + server[CLASS]] - server[LIVE])
    if server[OLD]:
        return silent
    return min(silent, int(clock[BY_KAFKA + server[CLASS]] - server[LIVE_KAFKA]))


@inlined
def _overdue(server: Ints, clock: Ints) -> bool:
    """Tell whether a server that is waited for has missed its beats."""
    known = server[COUNT] >= BEATS and (server[OLD] != 0 or server[PARTS] >= DELIVERIES)
    if not known or server[LEAVING] or server[OPEN]:
        return False
    limit = int(MISSED * max(server[EVERY], server[SLOW]) + server[DELAY] // 1000)
    return _silence(server, clock) > limit


@inlined
def _forgotten(server: Ints, clock: Ints) -> bool:
    """Tell whether nobody waits for a silent server any more; who will be missed is missed first."""
    waited = server[COUNT] >= BEATS and (server[OLD] != 0 or server[PARTS] >= DELIVERIES)
    if server[COUNT] == 0 or (waited and not server[LEAVING] and not server[OPEN]):
        return False
    return int(clock[NEWEST] + clock[TICKED] - server[LAST]) >= FORGET_MS


@inlined
def _tell(  # noqa: PLR0913, PLR0917
    answers: Ints, told: int, number: int, server: Ints, time_ms: int, clock: Ints
) -> int:
    """Write an answer about a server whose alarm is open: it opens, or is resolved at some time."""
    answers[told, 0], answers[told, 1], answers[told, 2] = number, server[OPEN], server[LAST]
    answers[told, 3] = (server[OPEN] - server[LAST]) // MISSED
    answers[told, 4] = OPENED if time_ms == NEVER else RESOLVED
    answers[told, 5] = max(time_ms, server[OPEN])
    answers[told, 6] = ((clock[NEWEST] + clock[TICKED]) // SECOND_MS + 1) * SECOND_MS - 1
    return told + 1


@inlined
def _look(answers: Ints, told: int, number: int, server: Ints, clock: Ints) -> int:
    """Open the alarm of a server that is overdue, and forget one that is silent for a day.

    While servers may move to another partition, who is overdue has moved.
    """
    moved = _overdue(server, clock) and clock[NEWEST] + clock[TICKED] < clock[MOVES_TO]
    if moved:
        for word in range(WORDS):
            server[word] = 0
    elif _overdue(server, clock):
        server[OPEN] = server[LAST] + MISSED * max(server[EVERY], server[SLOW])
        told = _tell(answers, told, number, server, NEVER, clock)
    if _forgotten(server, clock):
        if server[OPEN]:
            told = _tell(answers, told, number, server, server[LAST] + FORGET_MS, clock)
        for word in range(WORDS):
            server[word] = 0
    return told


@inlined
def _note_pause(clock: Ints, step: int) -> None:
    """Learn how long a partition pauses usually: a longer pause is believed bit by bit, and fades."""
    clock[PAUSE] -= clock[PAUSE] * min(step, FADES_MS) // FADES_MS
    believed = min(step, LONGEST_PAUSE_MS) * NS
    clock[PAUSE] = max(clock[PAUSE], min(believed, max(clock[PAUSE] * 5 // 4, PAUSE_MS * NS)))


@inlined
def _advance(clock: Ints, time_ms: int, kafka_ms: int) -> None:
    """Move the clocks to a sample."""
    if clock[NEWEST] == NEVER:
        clock[NEWEST], clock[NEWEST_KAFKA] = time_ms, kafka_ms
        return
    step = kafka_ms - clock[NEWEST_KAFKA]
    if step > 0:
        step = max(step - clock[TICKED_KAFKA], 0)
        if step > max(HOLE_MS, 2 * clock[PAUSE] // NS):
            clock[FROZEN_TO] = kafka_ms + min(step, SETTLES_MS)
        counted = min(step, max(kafka_ms - clock[FROZEN_TO], 0))
        for place in range(len(CAPS)):
            clock[BY_KAFKA + place] += min(counted, CAPS[place])
        _note_pause(clock, step)
        clock[NEWEST_KAFKA], clock[TICKED_KAFKA] = kafka_ms, 0
    step = time_ms - clock[NEWEST]
    if step > 0:
        proven = min(step, clock[TICKED])
        clock[TICKED] -= proven
        for place in range(len(CAPS)):
            clock[BY_EVENTS + place] += min(step - proven, CAPS[place])
            clock[BY_PAST + place] += min(step, CAPS[place])
        clock[NEWEST] = time_ms


@inlined
def _gap(server: Ints, time_ms: int, kafka_ms: int) -> int:
    """Give the time since a server's last beat; 0 for a sample that is no sign of life.

    That is a copy, or one out of order. Where a server's clock was set back its samples are beats again once
    they go on from each other, no faster than Kafka's time.
    """
    gap = int(time_ms - server[LAST])
    if gap > 0:
        return gap
    on = int(time_ms - server[PREVIOUS])
    if on > 0 and -gap >= max(server[EVERY], LEAST_MS) and 2 * (kafka_ms - server[ARRIVED]) >= on:
        return on
    return 0


@inlined
def _note_gap(server: Ints, gap: int) -> None:
    """Put an interval in the ring; the rhythm is the interval that half of the ring's time is spent in."""
    server[GAPS + server[NEXT]] = gap
    server[NEXT] = (server[NEXT] + 1) % RING
    server[FILLED] = min(server[FILLED] + 1, RING)
    filled, total = server[FILLED], 0
    for place in range(filled):
        total += server[GAPS + place]
    found = 0
    for place in range(filled):
        shorter = 0
        for other in range(filled):
            if server[GAPS + other] <= server[GAPS + place]:
                shorter += server[GAPS + other]
        if 2 * shorter >= total and (found == 0 or server[GAPS + place] < found):
            found = server[GAPS + place]
    server[EVERY] = max(found, LEAST_MS)


@inlined
def _learn(server: Ints, gap: int, silent: int) -> None:
    """Learn a server's rhythm, and how long its beats are usually on their way."""
    every = server[EVERY]
    server[DELAY] -= server[DELAY] * min(silent, FADES_MS) // FADES_MS
    if every and gap <= 2 * every:
        server[DELAY] = max(server[DELAY], min((silent - every) * 1000, MOST_DELAY_US))
    gap = min(gap, FORGET_MS)
    if every == 0 or server[COUNT] < BEATS or gap <= MISSED * every:
        server[SLOW] = 0
        _note_gap(server, gap)
    elif server[SLOW] == 0:
        server[SLOW] = min(gap, max(SLOWER * every, SLOWEST_MS))
    else:  # twice in succession: it beats slower now
        server[SLOW] = server[FILLED] = server[NEXT] = 0
        _note_gap(server, gap)


@inlined
def _beat(server: Ints, clock: Ints, time_ms: int, kafka_ms: int, leaving: bool) -> None:  # noqa: FBT001
    """Note a sign of life: the clocks stand at it."""
    server[LEAVING] = 1 if leaving else 0
    server[LAST], server[OPEN] = time_ms, 0
    age = kafka_ms - time_ms
    server[OLD] = 2 if age > VERY_LONG_AGO_MS else 1 if age > LONG_AGO_MS else 0
    server[COUNT] = min(server[COUNT] + 1, BEATS)
    server[CLASS] = 0
    longest = max(server[EVERY], server[SLOW])
    while server[CLASS] < len(CAPS) - 1 and 4 * CAPS[server[CLASS]] < 5 * longest:
        server[CLASS] += 1
    server[LIVE] = clock[(BY_PAST if server[OLD] > 1 else BY_EVENTS) + server[CLASS]]
    server[LIVE_KAFKA] = clock[BY_KAFKA + server[CLASS]]


@inlined
def _hear(  # noqa: PLR0913, PLR0917 — a sample's columns
    answers: Ints,
    told: int,
    number: int,
    server: Ints,
    clock: Ints,
    time_ms: int,
    kafka_ms: int,
    leaving: bool,  # noqa: FBT001
) -> int:
    """Take one sample of a server; it may resolve its alarm."""
    silent = _silence(server, clock)
    if server[PARTS] < DELIVERIES:  # it is new: whatever lies between its deliveries is usual
        silent = max(silent, kafka_ms - server[ARRIVED])
    _advance(clock, time_ms, kafka_ms)
    known = server[COUNT] > 0
    gap = _gap(server, time_ms, kafka_ms)
    if known and gap == 0:
        server[LEAVING] |= leaving and time_ms == server[LAST]
    else:
        if server[OPEN]:
            told = _tell(answers, told, number, server, time_ms, clock)
        if known and not server[LEAVING]:
            _learn(server, gap, silent)
        apart = not known or server[OLD] > 0 or 2 * (kafka_ms - server[ARRIVED]) >= gap
        server[PARTS] = min(server[PARTS] + (1 if apart else 0), DELIVERIES)
        _beat(server, clock, time_ms, kafka_ms, leaving)
    server[PREVIOUS], server[ARRIVED] = time_ms, kafka_ms
    return told


@compiled
def look_at_all(servers: Ints, clock: Ints, answers: Ints, told: int) -> int:
    """Open the alarms of all who are overdue by now; gives how many answers there are then."""
    for number in range(len(servers)):
        told = _look(answers, told, number, servers[number], clock)
    return told


@compiled
def fold_beats(  # noqa: PLR0913, PLR0917 — the columns of the samples, then those of the answer
    servers: Ints, clock: Ints, numbers: Ints, times: Ints, kafka_times: Ints, leaving: Flags, answers: Ints
) -> int:
    """Fold samples in their order; gives how many answers there are.

    Args:
        servers: a row of `WORDS` for each server.
        clock: the partition's `CLOCK_WORDS`.
        numbers: which server each sample is of.
        times: event times, epoch ms; one beyond its Kafka time counts as that.
        kafka_times: epoch ms.
        leaving: whether a server says that it leaves.
        answers: takes `ANSWER` columns; three rows a sample are enough.

    """
    told = 0
    for row in range(len(numbers)):
        server = servers[numbers[row]]
        time_ms = min(times[row], kafka_times[row])
        if time_ms // SECOND_MS > clock[NEWEST] // SECOND_MS:
            told = look_at_all(servers, clock, answers, told)
        told = _look(answers, told, numbers[row], server, clock)
        told = _hear(answers, told, numbers[row], server, clock, time_ms, kafka_times[row], leaving[row])
    return told


@compiled
def pass_quiet(clock: Ints, since_ms: int, now_ms: int) -> None:
    """Move the clocks by silence that is proven from one moment to another, and not told yet."""
    told = clock[QUIET_NOW] if since_ms == clock[QUIET_SINCE] else since_ms
    proven = max(now_ms - told, 0)
    clock[QUIET_SINCE], clock[QUIET_NOW] = since_ms, max(now_ms, told)
    clock[TICKED] += proven
    clock[TICKED_KAFKA] += proven
    for place in range(len(CAPS)):
        clock[BY_EVENTS + place] += proven
        clock[BY_KAFKA + place] += proven
