"""The anomaly detector's laws: batches, packing and the compiler change nothing; and what it finds."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.anomaly import LEARNING, MISSING, NO_KIND, OPENED, RESOLVED, SCORED, STALE, Scored, Streams
from topics.errors import Broken

STEP_MS = 10_000


def samples(seed: int, rows: int, streams: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Streams mixed at random, with spikes, holes, late samples and values that are none."""
    random = np.random.default_rng(seed)
    stream = random.integers(0, streams, rows)
    late = np.where(random.random(rows) < 0.02, random.integers(0, 40, rows) * STEP_MS, 0)
    time = 1_700_000_000_000 + np.arange(rows) * (STEP_MS // streams) - late
    value = random.normal(50, 3, rows) + np.where(random.random(rows) < 0.004, 60.0, 0.0)
    value[random.random(rows) < 0.01] = np.nan
    value[rows // 2 :][stream[rows // 2 :] == 0] = 7.0
    return stream, time, value


def at_once(streams: int, parts: tuple[np.ndarray, ...]) -> Scored:
    return Streams(streams).score(*parts)


@given(
    seed=st.integers(0, 2**32),
    cuts=st.lists(st.integers(0, 3000), max_size=6),
    packed=st.integers(0, 1),
)
@settings(max_examples=25, deadline=None)
def test_how_samples_are_cut_packed_and_numbered_changes_nothing(
    seed: int, cuts: list[int], packed: int
) -> None:
    parts = samples(seed, 3000, 3)
    streams, found = Streams(3), []
    for begin, end in zip([0, *sorted(cuts)], [*sorted(cuts), 3000], strict=True):
        found.append(streams.score(*(part[begin:end] for part in parts)))
        if packed:
            streams = Streams.unpacked(streams.pack())
    whole = at_once(3, parts)
    for name, column in whole._asdict().items():
        np.testing.assert_array_equal(np.concatenate([getattr(part, name) for part in found]), column)


def test_a_stream_that_is_kept_goes_on_under_its_new_number() -> None:
    stream, time, value = samples(5, 3000, 3)
    whole = at_once(3, (stream, time, value))
    streams = Streams(3)
    streams.score(stream[:1500], time[:1500], value[:1500])
    streams.keep(np.array([2, 0]))
    streams.grow(3)
    rest, its = slice(1500, None), stream[1500:] != 1
    number = np.where(stream[rest][its] == 2, 0, 1)
    found = streams.score(number, time[rest][its], value[rest][its])
    for name, column in whole._asdict().items():
        np.testing.assert_array_equal(getattr(found, name), column[rest][its])


def test_a_sample_without_value_or_too_old_is_told_and_changes_nothing() -> None:
    time = 1_700_000_000_000 + np.arange(400) * STEP_MS
    value = np.random.default_rng(1).normal(50, 3, 400)
    time[300], value[301] = time[300] - 3 * STEP_MS, np.nan
    zeros = np.zeros(400, np.int64)
    found = Streams(1).score(zeros, time, value)
    told = np.full(400, SCORED)
    told[:150], told[300], told[301] = LEARNING, STALE, MISSING
    np.testing.assert_array_equal(found.verdict, told)
    good = (told == SCORED) | (told == LEARNING)
    rest = Streams(1).score(zeros[good], time[good], value[good])
    for name, column in rest._asdict().items():
        np.testing.assert_array_equal(getattr(found, name)[good], column)


def test_a_spike_opens_one_alarm_which_is_resolved() -> None:
    time = 1_700_000_000_000 + np.arange(1000) * STEP_MS
    value = np.random.default_rng(2).normal(50, 3, 1000)
    value[600:603] = 200.0
    found = Streams(1).score(np.zeros(1000, np.int64), time, value)
    assert list(np.flatnonzero(found.change == OPENED)) == [600]
    assert (found.change == RESOLVED).sum() == 1
    assert found.since_ms[600] == found.opened_ms[600] == time[600]
    assert found.low[600] < 50 < found.high[600] < 200
    assert found.score[600] >= 0.5 > np.delete(found.score, 600).max()
    assert found.kind[700] == NO_KIND


def test_without_the_compiler_the_bits_are_the_same() -> None:
    code = (
        "from tests.models.test_anomaly import at_once, samples\n"
        "import sys\n"
        "for column in at_once(3, samples(9, 3000, 3)): sys.stdout.buffer.write(column.tobytes())\n"
    )
    plain = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], env={"NUMBA_DISABLE_JIT": "1"}, stdout=-1, check=True
    )
    assert plain.stdout == b"".join(column.tobytes() for column in at_once(3, samples(9, 3000, 3)))


def test_an_unknown_stream_and_foreign_bytes_are_refused() -> None:
    with pytest.raises(Broken, match="only 2 are known"):
        Streams(2).score(np.array([2]), np.array([0]), np.array([1.0]))
    with pytest.raises(Broken, match="another format"):
        Streams.unpacked(b"something else")
