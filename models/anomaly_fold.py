"""The compiled loop of the anomaly detector: one sample after the other into the state of its stream.

Rules:
- A row of `state` is all that is known of a stream, whole numbers and times (epoch ms) included.
- Only + - * / and comparisons: no logarithm, no power, so every machine gives the same bits.
- Every sample costs the same, however long the stream is.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.fraud_compiled import compiled, inlined

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int8]
Floats = npt.NDArray[np.float64]

NO_KIND, SPIKE, SHIFT, FLATLINE = range(4)
NOTHING, OPENED, WORSE, RESOLVED = range(4)
SCORED, LEARNING, STALE, MISSING = range(4)

SCALES = 3
RATES = (0.2, 0.05, 0.01)  # of the levels: about the last 5, 20, 100 samples
LEARNS = 150  # samples until a stream is scored
TAIL = 0.02  # share of samples in the tail of a stream's own surprise
TAIL_STEP = 0.05
CALM = 20  # usual samples until an alarm is resolved
LASTS = 12  # unusual samples until a spike is a shift
REST = 100  # samples after an alarm without another one that is not worse
ALARM = 0.5
HALF_SCORE = 4.0  # tail lengths beyond the tail that score one half, which is an alarm
FLAT_FACTOR, FLAT_LEAST = 5.0, 60.0
FLOOR = 0.02  # least spread, as a share of the range seen
SLACK = 1e-9

# words of a stream
(
    COUNT, LAST, EVERY, PREVIOUS, LOWEST, HIGHEST, STEP, BEGIN, LENGTH, RUN, LONGEST, QUIET, KIND, OPEN,
    SINCE, PEAK, USUAL, UNUSUAL,
) = range(18)  # fmt: skip
LEVEL, SPREAD = 18, 18 + SCALES
WORDS = 18 + 2 * SCALES


@inlined
def _surprise(stream: Floats, value: float) -> float:
    """Tell how far a value lies outside what the levels expect, in spreads; the range seen counts, too."""
    floor = FLOOR * (stream[HIGHEST] - stream[LOWEST]) + SLACK * abs(stream[LEVEL]) + SLACK
    found = abs(value - stream[PREVIOUS]) / (stream[STEP] + floor)
    for scale in range(SCALES):
        found = max(found, abs(value - stream[LEVEL + scale]) / (stream[SPREAD + scale] + floor))
    beyond = max(value - stream[HIGHEST], stream[LOWEST] - value, 0.0)
    outside: float = 1.0 + beyond / (stream[HIGHEST] - stream[LOWEST] + floor)
    return float(found * outside)


@inlined
def _learn(stream: Floats, value: float, surprise: float) -> None:
    """Move levels, spreads, range and the tail towards a sample."""
    count = stream[COUNT]
    for scale in range(SCALES):
        rate = max(RATES[scale], 1.0 / (count + 1.0))
        stream[SPREAD + scale] += rate * (abs(value - stream[LEVEL + scale]) - stream[SPREAD + scale])
        stream[LEVEL + scale] += rate * (value - stream[LEVEL + scale])
    rate = max(RATES[1], 1.0 / (count + 1.0))
    stream[STEP] += rate * (abs(value - stream[PREVIOUS]) - stream[STEP])
    stream[LOWEST] = min(stream[LOWEST], value)
    stream[HIGHEST] = max(stream[HIGHEST], value)
    if count < SCALES:
        return
    over = surprise - stream[BEGIN]
    step = TAIL_STEP * stream[LENGTH] * (5.0 if count < LEARNS else 1.0)
    stream[BEGIN] += step * (1.0 - TAIL if over > 0.0 else -TAIL)
    if over > 0.0:
        stream[LENGTH] += 0.05 * (min(over, 10.0 * stream[LENGTH]) - stream[LENGTH])


@inlined
def _begin(stream: Floats, value: float) -> None:
    """Begin a stream with its first value."""
    stream[PREVIOUS] = stream[LOWEST] = stream[HIGHEST] = value
    stream[BEGIN], stream[LENGTH] = 3.0, 1.0
    for scale in range(SCALES):
        stream[LEVEL + scale] = value


@inlined
def _arrive(stream: Floats, time: float) -> bool:
    """Take a sample's time; tells whether it is older than the last by more than one interval."""
    if stream[COUNT] == 0.0:
        stream[LAST] = time
        return False
    gap = time - stream[LAST]
    if gap < -stream[EVERY]:
        return True
    if gap > 0.0:
        if stream[EVERY] == 0.0:
            stream[EVERY] = gap
        stream[EVERY] += 0.1 * (min(gap, 2.0 * stream[EVERY]) - stream[EVERY])
        stream[LAST] = time
    return False


@inlined
def _flat(stream: Floats, value: float) -> float:
    """Count how long a value stays the same; 1 when that is longer than ever by far."""
    if value == stream[PREVIOUS]:
        stream[RUN] += 1.0
    else:
        stream[LONGEST] = max(stream[LONGEST], stream[RUN])
        stream[RUN] = 0.0
    return 1.0 if stream[RUN] > max(FLAT_LEAST, FLAT_FACTOR * stream[LONGEST]) else 0.0


@inlined
def _open(stream: Floats, kind: int, time: float, score: float) -> int:
    """Open an alarm, or make the open one of the same kind worse."""
    if stream[KIND] == NO_KIND:
        stream[KIND], stream[OPEN], stream[SINCE], stream[PEAK] = kind, time, time, score
        stream[USUAL] = stream[UNUSUAL] = stream[QUIET] = 0.0
        return OPENED
    if score > 0.5 * (1.0 + stream[PEAK]):
        stream[PEAK] = score
        return WORSE
    return NOTHING


@inlined
def _judge(stream: Floats, time: float, score: float, flat: float) -> int:
    """Open, worsen or resolve the stream's alarm."""
    unusual = score >= ALARM
    stream[QUIET] += 1.0
    if stream[KIND] == NO_KIND:
        if flat and not stream[RUN] > 2.0 * FLAT_FACTOR * stream[LONGEST] + 2.0 * FLAT_LEAST:
            return _open(stream, FLATLINE, time, 0.5)
        if unusual and (stream[QUIET] > REST or score > 0.5 * (1.0 + stream[PEAK])):
            return _open(stream, SPIKE, time, score)
        return NOTHING
    if unusual or (flat and stream[KIND] == FLATLINE):
        stream[USUAL] = 0.0
        return _open(stream, SPIKE, time, score) if unusual else NOTHING
    stream[USUAL] += 1.0
    if stream[USUAL] >= CALM:
        return RESOLVED
    return NOTHING


@compiled
def fold_samples(  # noqa: PLR0913, PLR0917 — the columns of the samples, then those of the answer
    state: Floats,
    streams: Ints,
    times: Ints,
    values: Floats,
    numbers: Floats,
    codes: Codes,
) -> None:
    """Fold samples in their order.

    Args:
        state: a row of `WORDS` for each stream.
        streams: which stream each sample is of.
        times: epoch ms.
        values: NaN is no value.
        numbers: takes score, low, high, since (epoch ms) and opened (epoch ms) of each sample.
        codes: takes kind, change and verdict of each sample.

    """
    for row in range(len(streams)):
        stream = state[streams[row]]
        value, time = values[row], float(times[row])
        numbers[row, 1] = numbers[row, 2] = np.nan
        if not abs(value) < np.inf:
            codes[row, 2] = MISSING
            continue
        if _arrive(stream, time):
            codes[row, 2] = STALE
            continue
        if stream[COUNT] == 0.0:
            _begin(stream, value)
        surprise = _surprise(stream, value)
        flat = _flat(stream, value)
        far = stream[BEGIN] + HALF_SCORE * stream[LENGTH]
        wide = far * (stream[SPREAD + 1] + FLOOR * (stream[HIGHEST] - stream[LOWEST]))
        numbers[row, 1], numbers[row, 2] = stream[LEVEL + 1] - wide, stream[LEVEL + 1] + wide
        if stream[COUNT] < LEARNS:
            codes[row, 2] = LEARNING
        else:
            codes[row, 2] = SCORED
            rare = max(surprise - stream[BEGIN], 0.0) / (stream[LENGTH] + SLACK)
            score = rare / (rare + HALF_SCORE)
            quiet = stream[QUIET] <= REST
            change = _judge(stream, time, score, flat)
            codes[row, 1] = change
            told = change in (OPENED, WORSE)
            numbers[row, 0] = (
                max(score, 0.5) if told else (0.5 * score if quiet or stream[KIND] else min(score, 0.49))
            )
            if change != NOTHING or stream[KIND]:
                codes[row, 0] = int(stream[KIND])
                numbers[row, 3], numbers[row, 4] = stream[SINCE], stream[OPEN]
            if change == RESOLVED:
                stream[KIND] = NO_KIND
        _learn(stream, value, surprise)
        stream[PREVIOUS] = value
        stream[COUNT] += 1.0
