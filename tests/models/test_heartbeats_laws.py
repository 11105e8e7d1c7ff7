"""Laws of missed heartbeats, for made-up logs: as a plain oracle has it, however they are cut or packed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.heartbeats import Beat, Beats
from models.server_alarm import Change
from tests.models.heartbeat_logs import T0, Sample, Tick, read
from tests.models.heartbeat_oracle import Oracle
from topics.errors import Broken

SERVERS = 4
Log = list[Sample | Tick]


def made(seed: int) -> Log:
    """A log in which all that can happen does: each server has its own rhythm, delays, clock, troubles."""
    random = Random(seed)
    lag = random.choice([5, 50, 2_000, 100_000, 10_000_000])
    samples: list[Sample] = []
    for server in range(SERVERS):
        time, skew, delay = T0 + random.randrange(5_000), random.choice([0, 0, 90_000, -70_000]), 0
        interval = random.choice([100, 1_000, 1_000, 5_000, 20_000, 60_000])
        for _ in range(random.randrange(5, 60)):
            what = random.random()
            if what < 0.03:
                time += random.choice([3, 4, 10, 100, 20_000]) * interval
            elif what < 0.05:
                interval = random.choice([1_000, 10_000, 30_000])
            elif what < 0.07:
                skew += random.choice([-3_600_000, -5 * interval, -interval, 240_000])
            elif what < 0.1:
                delay = random.choice([0, 8 * interval])
            kafka = time + lag + delay + random.randrange(1 + interval // 10)
            copies = 2 if random.random() < 0.05 else 1
            samples += [Sample(server, time + skew, kafka, random.random() < 0.02)] * copies
            time += interval + random.randrange(-interval // 20, 1 + interval // 5)
    samples.sort(key=lambda of: of.kafka_ms + random.choice([0, 0, 0, 3_000]))
    return with_ticks(samples, random)


def with_ticks(samples: Sequence[Sample], random: Random) -> Log:
    """The log, and ticks where it stands still."""
    whole: Log = []
    for before, after in zip(samples, [*samples[1:], None], strict=True):
        whole.append(before)
        pause = (after.kafka_ms if after else before.kafka_ms + 200_000) - before.kafka_ms
        if pause > 2_000 and random.random() < 0.5:
            begin = before.kafka_ms - T0 + random.randrange(1_000)
            step = random.choice([1_000, 10_000])
            whole += [Tick(begin, begin + ms) for ms in range(step, min(pause, 20 * step), step)]
    return whole


def by_server(found: Sequence[Beat]) -> dict[int, list[Beat]]:
    return {server: [of for of in found if of.server == server] for server in range(SERVERS)}


def expected(whole: Log) -> list[Beat]:
    oracle = Oracle()
    found: list[Beat] = []
    for of in whole:
        found += oracle.quiet(*of) if isinstance(of, Tick) else oracle.beat(*of)
    return found


def cut(whole: Sequence[Sample | Tick], cuts: Random, most: int) -> list[Beat]:
    """What is found in batches of at most so many samples; after some, all is packed and unpacked."""
    beats, batch, found = Beats(SERVERS), list[Sample](), list[Beat]()
    for of in [*whole, Tick(0, 0)]:
        if isinstance(of, Tick) or len(batch) >= cuts.randint(1, most):
            found += read(beats, batch)
            batch = []
            if cuts.random() < 0.3:
                beats = Beats.unpacked(beats.pack())
        if isinstance(of, Tick):
            found += beats.quiet(*of) if of != (0, 0) else []
        else:
            batch.append(of)
    return found


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([1, 7, 1_000]))
def test_any_log_cut_anyhow_and_packed_gives_what_the_oracle_finds(seed: int, most: int) -> None:
    whole = made(seed)
    assert by_server(cut(whole, Random(seed), most)) == by_server(expected(whole))


def test_made_up_logs_hold_all_that_can_happen() -> None:
    found = [expected(made(seed)) for seed in range(40)]
    changes = [of.change for some in found for of in some]
    assert changes.count(Change.OPENED) > 100
    assert changes.count(Change.RESOLVED) > 100
    assert {of.interval_ms // 1000 for some in found for of in some} >= {1, 5, 20}


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32))
def test_alarms_of_a_server_open_and_are_resolved_in_turn_and_never_before_they_opened(seed: int) -> None:
    for found in by_server(cut(made(seed), Random(seed), 50)).values():
        turns = [of.change for of in found]
        assert turns == [Change.OPENED, Change.RESOLVED] * (len(turns) // 2) + turns[len(turns) & ~1 :]
        assert all(of.opened_ms == of.since_ms + 3 * of.interval_ms <= of.time_ms for of in found)
        assert all(a[:4] == b[:4] for a, b in zip(found[::2], found[1::2], strict=False))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32))
def test_servers_may_be_numbered_anew_at_any_time(seed: int) -> None:
    whole = [of for of in made(seed) if isinstance(of, Sample)]
    half, order = len(whole) // 2, Random(seed).sample(range(SERVERS), SERVERS)
    beats = Beats(SERVERS)
    found = read(beats, whole[:half])
    beats.keep(np.array(order))
    again = read(beats, [of._replace(server=order.index(of.server)) for of in whole[half:]])
    found += [of._replace(server=order[of.server]) for of in again]
    assert by_server(found) == by_server(cut(whole, Random(seed), 1_000))


def test_the_loop_is_the_same_uncompiled() -> None:
    code = (
        "from tests.models.test_heartbeats_laws import cut, made, Random; print(cut(made(7), Random(7), 50))"
    )
    run = [sys.executable, "-W", "error", "-c", code]
    plain = subprocess.run(run, env={"NUMBA_DISABLE_JIT": "1"}, stdout=subprocess.PIPE, text=True, check=True)
    assert plain.stdout.strip() == str(cut(made(7), Random(7), 50))
    assert "RESOLVED" in plain.stdout


def test_unknown_servers_and_foreign_bytes_are_refused() -> None:
    with pytest.raises(Broken, match="only 1 are known"):
        Beats(1).beat(np.array([1]), np.array([T0]), np.array([T0]), np.array([False]))
    for packed in (b"", b"beats000" + Beats(1).pack()[8:], Beats(1).pack()[:-1]):
        with pytest.raises(Broken, match="another format"):
            Beats.unpacked(packed)
    assert len(Beats.unpacked(Beats().pack())) == 0
