"""The compiled loop of the anomaly detector: one sample after the other into the state of its stream.

Rules (`docs/anomalies.md` has the formulas, the figures and where the ideas come from):
- A row of `state` is all that is known of a stream, whole numbers and times (epoch ms) included.
- Six views on a sample each give a surprise. It counts by how far it lies in the tail of that view's own
  surprises in that stream, so one threshold does for all streams.
- What counts is evidence over time: a stream of many samples a minute has to stay unusual.
- A stream that is old, or had alarms, needs more for the next one.
- An open alarm is about a band, that of its beginning. It is over when the recent level is back in it, or
  when what is unusual has lasted so long that it is usual.
- Only + - * / and comparisons: no logarithm, no power, so every machine gives the same bits.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from models.fraud_compiled import compiled, inlined

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int8]
Floats = npt.NDArray[np.float64]

NO_KIND, SPIKE, SHIFT, FLATLINE = range(4)
NOTHING, OPENED, WORSE, RESOLVED = range(4)
SCORED, LEARNING, STALE, MISSING = range(4)

ALARM = 0.5  # the score of an alarm
NEED = 1.6  # evidence for an alarm: lengths of tails
LEARNS = 150  # samples until a stream is scored
HOLD_MS, HOLDS = 90_000.0, 30.0  # evidence is a mean over about so long, or so many samples if these are less
RECENT_RATE, LASTING_RATE, SLOW_RATE = 0.1, 0.03, 0.001  # of levels: about the last 10, 33, 1,000 samples
TAIL = 0.02  # share of a view's surprises that are its tail
TAIL_RATE, LENGTH_RATE = 0.001, 0.02  # how fast a tail's begin and length follow
ROUGH = 30.0  # samples after which tails are tracked
MOST = 20.0  # tail lengths that one view may add
WIDEST, LONGER = 3.0, 2.0  # so many spreads, so many tail lengths at most are learnt from one sample
FLOOR, TINY = 0.005, 1e-9  # least spread, as a share of the range seen, and of anything
AGES, OLD = 0.8, 7.485  # the need grows so with the logarithm of the number of samples, from 1,000 on
TIRES, RESTS = 0.4, 1 / 8000  # an alarm raises the need by so much; each sample takes so much of it back
SETTLES = 30  # samples in which an alarm comes to its height
REST, FAR = 100, 3.0  # so many samples after an alarm, only so many times its evidence is another
BEGINS = 0.5  # share of the need from which something has begun
SUDDEN = 4.5  # what is found within so many intervals of its beginning is a spike, else a shift
CALM, USED = 20, 500  # usual samples that end an alarm; unusual ones after which they are usual
FLAT_LEAST, FLAT_TIMES = 30.0, 5.0  # a flatline: so many equal samples, and so many times the longest before
STANDS = 5.0  # equal samples after which what is found is a flatline, too
HOUR_MS, HOURS = 3_600_000.0, 24
SEASON_MS, SEASON_RATE = 5 * HOURS * HOUR_MS, 0.3  # from when on the hour of the day counts; its rate a day

VIEWS = 6
VALUE, RECENT, LASTING, BEYOND, STILL, SEASON = range(VIEWS)
SLOW = 0  # the level beside those of RECENT and LASTING

# words of a stream
(
    COUNT, AGE, BORN, LAST, EVERY, PREVIOUS, LOWEST, HIGHEST, RUN, LONGEST, CHANGED, STEP, LATE_STEP,
    UNSEASONAL, EVIDENCE, TIRED, KIND, OPEN, SINCE, PEAK, USUAL, AFTER, AWAY, LOW, HIGH,
) = range(25)  # fmt: skip
LEVEL = 25  # SLOW, RECENT, LASTING
SPREAD = LEVEL + 3  # mean distance of VALUE, RECENT, LASTING from the slow level
BEGIN = SPREAD + 3  # of each view's tail
LENGTH = BEGIN + VIEWS
HOUR = LENGTH + VIEWS  # each hour of the day above the slow level
WORDS = HOUR + HOURS


class Answer(NamedTuple):
    """What is found: a column for each sample, NaN and 0 where nothing is.

    numbers: score, low, high; moments: since, opened (epoch ms); codes: kind, change, verdict.
    """

    numbers: Floats
    moments: Ints
    codes: Codes


@inlined
def _log(size: float) -> float:
    """Give about the binary logarithm of 1 + size: straight between powers of two, so it is exact."""
    rest, whole = 1.0 + size, 0.0
    while rest >= 2.0 and whole < 60.0:  # noqa: PLR2004
        rest, whole = rest * 0.5, whole + 1.0
    return whole + rest - 1.0


@inlined
def _unlog(logarithm: float) -> float:
    """Undo `_log`."""
    power = 1.0
    while logarithm >= 1.0:
        logarithm, power = logarithm - 1.0, power * 2.0
    return (1.0 + logarithm) * power - 1.0


@inlined
def _begin(stream: Floats, value: float, time: float) -> None:
    """Begin a stream with its first value."""
    stream[BORN] = stream[LAST] = stream[CHANGED] = time
    stream[PREVIOUS] = stream[LOWEST] = stream[HIGHEST] = value
    stream[AFTER] = REST
    for level in range(3):
        stream[LEVEL + level] = value


@inlined
def _arrive(stream: Floats, value: float, time: float) -> int:
    """Take a sample's time and tell what is to become of it."""
    if not abs(value) < np.inf:
        return MISSING
    if stream[COUNT] == 0.0:
        _begin(stream, value, time)
    gap = time - stream[LAST]
    if gap < -stream[EVERY]:
        return STALE
    if gap > 0.0:
        if stream[EVERY] == 0.0:
            stream[EVERY] = gap
        stream[EVERY] += 0.1 * (min(gap, 2.0 * stream[EVERY]) - stream[EVERY])
        stream[LAST] = time
    stream[COUNT] += 1.0
    stream[AGE] += 1.0 / stream[COUNT]
    return LEARNING if stream[COUNT] <= LEARNS else SCORED


@inlined
def _floor(stream: Floats) -> float:
    """Give the least spread, so that a flat stream's smallest change is no wonder."""
    seen = stream[HIGHEST] - stream[LOWEST]
    return float(FLOOR * seen + TINY * abs(stream[LEVEL + SLOW]) + TINY)


@inlined
def _above(stream: Floats, level: int, rate: float, value: float) -> float:
    """Give how far a level will lie above the slow one after a value."""
    return float(stream[LEVEL + level] + rate * (value - stream[LEVEL + level]) - stream[LEVEL + SLOW])


@inlined
def _hour(time: float) -> int:
    """Give the word of an hour of the day (UTC)."""
    return HOUR + int(time) // int(HOUR_MS) % HOURS


@inlined
def _look(stream: Floats, value: float, time: float, views: Floats) -> None:
    """Give each view's surprise about a value."""
    floor, above, step = _floor(stream), value - stream[LEVEL + SLOW], abs(value - stream[PREVIOUS])
    views[VALUE] = abs(above) / (stream[SPREAD + VALUE] + floor)
    recent, lasting = _above(stream, RECENT, RECENT_RATE, value), _above(stream, LASTING, LASTING_RATE, value)
    views[RECENT] = abs(recent) / (stream[SPREAD + RECENT] + floor)
    views[LASTING] = abs(lasting) / (stream[SPREAD + LASTING] + floor)
    beyond = max(value - stream[HIGHEST], stream[LOWEST] - value, 0.0)
    views[BEYOND] = beyond / (stream[HIGHEST] - stream[LOWEST] + floor)
    late = stream[LATE_STEP] + RECENT_RATE * (step - stream[LATE_STEP])
    views[STILL] = (stream[STEP] + floor) / (late + floor)
    views[SEASON] = abs(above - stream[_hour(time)]) / (stream[UNSEASONAL] + floor)


@inlined
def _weigh(stream: Floats, views: Floats) -> float:
    """Turn surprises into rarities (how far in its tail each lies, in tail lengths) and give their sum."""
    found = 0.0
    for view in range(VIEWS):
        size = _log(views[view])
        if stream[COUNT] <= ROUGH:
            stream[LENGTH + view] += (size - stream[LENGTH + view]) / stream[COUNT]
            stream[BEGIN + view] = 2.0 * stream[LENGTH + view]
            views[view] = 0.0
        else:
            views[view] = _rarity(stream, view, size)
        if view != SEASON or stream[LAST] - stream[BORN] >= SEASON_MS:
            found += views[view]
    return found


@inlined
def _rarity(stream: Floats, view: int, size: float) -> float:
    """Tell how far a surprise lies in its tail, and let the tail follow."""
    over, length = size - stream[BEGIN + view], stream[LENGTH + view]
    step = min(max(TAIL_RATE, 1.0 / stream[COUNT]) / TAIL, 1.0) * length
    if over <= 0.0:
        stream[BEGIN + view] -= step * TAIL
        return 0.0
    stream[BEGIN + view] += step * (1.0 - TAIL)
    rate = max(LENGTH_RATE, 1.0 / (TAIL * stream[COUNT] + 2.0))
    longer = length + rate * (min(over, LONGER * length) - length)
    stream[LENGTH + view] = max(longer, 0.001 * stream[BEGIN + view] + TINY)
    return float(min(over / (length + TINY), MOST))


@inlined
def _strength(stream: Floats, found: float) -> float:
    """Add what was found to the evidence; gives it in units of what an alarm needs."""
    rate = min(max(stream[EVERY] / HOLD_MS, 1.0 / HOLDS), 1.0)
    stream[EVIDENCE] += rate * (found - stream[EVIDENCE])
    need = NEED * (1.0 + AGES * max(stream[AGE] - OLD, 0.0)) * (1.0 + stream[TIRED])
    stream[TIRED] -= RESTS * stream[TIRED]
    return float(stream[EVIDENCE] / need)


@inlined
def _widen(stream: Floats, spread: int, rate: float, distance: float) -> None:
    """Move a mean distance towards another distance, but not far for one that is far out."""
    size = abs(distance)
    if stream[COUNT] > ROUGH:
        size = min(size, WIDEST * (stream[spread] + _floor(stream)))
    stream[spread] += rate * (size - stream[spread])


@inlined
def _learn(stream: Floats, value: float, time: float) -> None:
    """Move levels, spreads, range and season towards a value."""
    first, hour = 1.0 / stream[COUNT], _hour(time)
    rate, above, step = max(SLOW_RATE, first), value - stream[LEVEL + SLOW], abs(value - stream[PREVIOUS])
    recent, lasting = _above(stream, RECENT, RECENT_RATE, value), _above(stream, LASTING, LASTING_RATE, value)
    _widen(stream, SPREAD + VALUE, rate, above)
    _widen(stream, SPREAD + RECENT, rate, recent)
    _widen(stream, SPREAD + LASTING, rate, lasting)
    _widen(stream, UNSEASONAL, rate, above - stream[hour])
    _widen(stream, STEP, rate, step)
    stream[hour] += min(SEASON_RATE * stream[EVERY] / HOUR_MS, 0.5) * (above - stream[hour])
    stream[LEVEL + RECENT] += max(RECENT_RATE, first) * (value - stream[LEVEL + RECENT])
    stream[LEVEL + LASTING] += max(LASTING_RATE, first) * (value - stream[LEVEL + LASTING])
    stream[LEVEL + SLOW] += rate * above
    stream[LATE_STEP] += max(RECENT_RATE, first) * (step - stream[LATE_STEP])
    stream[LOWEST] = min(stream[LOWEST], value)
    stream[HIGHEST] = max(stream[HIGHEST], value)
    stream[PREVIOUS] = value


@inlined
def _count_equal(stream: Floats, value: float, time: float) -> None:
    """Count how long a value stays the same."""
    if value == stream[PREVIOUS]:
        stream[RUN] += 1.0
    else:
        stream[LONGEST] = max(stream[LONGEST], stream[RUN])
        stream[RUN], stream[CHANGED] = 0.0, time


@inlined
def _expect(stream: Floats, views: Floats, answer: Answer, row: int) -> None:
    """Give the band in which the value (the level, where that is rarer) was expected."""
    view = VALUE
    if max(views[RECENT], views[LASTING]) > views[VALUE]:
        view = RECENT if views[RECENT] > views[LASTING] else LASTING
    wide = _unlog(stream[BEGIN + view]) * (stream[SPREAD + view] + _floor(stream))
    answer.numbers[1, row], answer.numbers[2, row] = stream[LEVEL + SLOW] - wide, stream[LEVEL + SLOW] + wide


@inlined
def _opens(stream: Floats, time: float, strength: float) -> int:
    """Give the kind of the alarm that opens now."""
    flat = max(FLAT_LEAST, FLAT_TIMES * stream[LONGEST])
    if flat <= stream[RUN] < flat + 1.0:
        return FLATLINE
    if strength < 1.0 or (stream[AFTER] <= REST and stream[EVIDENCE] <= FAR * stream[PEAK]):
        return NO_KIND
    if stream[RUN] >= STANDS and stream[RUN] > stream[LONGEST]:
        return FLATLINE
    return SPIKE if time - stream[SINCE] < SUDDEN * stream[EVERY] else SHIFT


@inlined
def _lasts(stream: Floats) -> bool:
    """Tell whether what the open alarm is about goes on."""
    if stream[KIND] == FLATLINE:
        return bool(stream[RUN] > 0.0)
    inside = stream[LOW] <= stream[LEVEL + RECENT] <= stream[HIGH]
    return not inside and stream[AFTER] < USED


@inlined
def _is_worse(stream: Floats) -> bool:
    """Tell whether the recent level is much farther out than the open alarm was at its height."""
    away = abs(stream[LEVEL + RECENT] - 0.5 * (stream[LOW] + stream[HIGH]))
    worse = stream[AFTER] > SETTLES and away > FAR * stream[AWAY] and stream[KIND] != FLATLINE
    if worse or stream[AFTER] <= SETTLES:
        stream[PEAK] = max(stream[PEAK], stream[EVIDENCE])
        stream[AWAY] = max(stream[AWAY], away)
    return bool(worse)


@inlined
def _judge(stream: Floats, time: float, strength: float) -> int:
    """Open, worsen or resolve the stream's alarm."""
    stream[AFTER] += 1.0
    if stream[KIND] == NO_KIND:
        kind = _opens(stream, time, strength)
        if kind != NO_KIND:
            stream[KIND], stream[OPEN], stream[PEAK] = kind, time, stream[EVIDENCE]
            stream[USUAL] = stream[AFTER] = stream[AWAY] = 0.0
            stream[TIRED] += TIRES
        return NOTHING if kind == NO_KIND else OPENED
    if _is_worse(stream):
        stream[USUAL] = stream[AFTER] = 0.0
        return WORSE
    stream[USUAL] = 0.0 if _lasts(stream) else stream[USUAL] + 1.0
    return RESOLVED if stream[USUAL] >= CALM else NOTHING


@inlined
def _tell(stream: Floats, strength: float, change: int) -> float:
    """Give the score: in full for an alarm that is told, less than one for what goes on without news."""
    score = strength / (1.0 + strength)
    if change in (OPENED, WORSE):
        return float(max(score, ALARM))
    return float((0.5 if stream[KIND] == NO_KIND else 0.4) * score)


@inlined
def _alarm(stream: Floats, time: float, strength: float, row: int, answer: Answer) -> None:
    """Score a sample, and tell what became of the stream's alarm."""
    if stream[KIND] == NO_KIND and (strength < BEGINS or stream[SINCE] == 0.0):
        stream[SINCE] = 0.0 if strength < BEGINS else time
    change = _judge(stream, time, strength)
    if change == OPENED:
        half = 0.25 * (answer.numbers[2, row] - answer.numbers[1, row])
        stream[LOW], stream[HIGH] = answer.numbers[1, row] - half, answer.numbers[2, row] + half
        if stream[KIND] == FLATLINE:
            stream[SINCE] = stream[CHANGED]
    answer.numbers[0, row], answer.codes[1, row] = _tell(stream, strength, change), change
    if stream[KIND] != NO_KIND:
        answer.codes[0, row] = int(stream[KIND])
        answer.moments[0, row], answer.moments[1, row] = int(stream[SINCE]), int(stream[OPEN])
    if change == RESOLVED:
        stream[KIND] = NO_KIND
        if stream[AFTER] >= USED:
            stream[LEVEL + SLOW], stream[EVIDENCE] = stream[LEVEL + LASTING], 0.0


@compiled
def fold_samples(state: Floats, streams: Ints, times: Ints, values: Floats, answer: Answer) -> int:
    """Fold samples in their order; gives -1, or where one of an unknown stream is (then nothing is folded).

    Args:
        state: a row of `WORDS` for each stream, and one to think in.
        streams: which stream each sample is of.
        times: epoch ms.
        values: NaN is no value.
        answer: takes what is found.

    """
    for row in range(len(streams)):
        if not 0 <= streams[row] < len(state) - 1:
            return row
    views = state[len(state) - 1]
    for row in range(len(streams)):
        stream, value, time = state[streams[row]], values[row], float(times[row])
        answer.numbers[1, row] = answer.numbers[2, row] = np.nan
        verdict = _arrive(stream, value, time)
        answer.codes[2, row] = verdict
        if verdict in (STALE, MISSING):
            continue
        _look(stream, value, time, views)
        strength = _strength(stream, _weigh(stream, views))
        _count_equal(stream, value, time)
        if verdict == SCORED:
            _expect(stream, views, answer, row)
            _alarm(stream, time, strength, row, answer)
        _learn(stream, value, time)
    return -1
