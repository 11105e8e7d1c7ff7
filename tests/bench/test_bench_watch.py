"""What a measured flow's process is seen to use, and by which of its threads."""

from __future__ import annotations

import time
from threading import Event, Thread

from bench.watch import Look, Watch, group_of, phases_mb

WORK_S = 0.1


def test_the_cpu_of_a_thread_counts_for_its_group() -> None:
    worked, seen = Event(), Event()

    def work() -> None:
        until = time.thread_time() + WORK_S
        while time.thread_time() < until:
            pass
        worked.set()
        seen.wait()

    watch = Watch(lambda: 0)
    judge = Thread(target=work, name="judge_0")
    judge.start()
    assert worked.wait(60)
    watch.end()
    seen.set()
    judge.join()
    assert WORK_S / 2 < watch.thread_s()["judge"] < 2 * WORK_S


def test_threads_are_grouped_by_pythons_name_then_by_the_kernels() -> None:
    assert group_of("MainThread", "python") == "reader"
    assert group_of("clickhouse-writer", "python") == "writer"
    assert group_of("", "rdk:broker0") == "kafka"
    assert group_of("", "polars-1") == "polars"
    assert group_of("Thread-3", "python") == "other"


def test_memory_is_told_before_at_most_and_at_the_end() -> None:
    looks = [Look(0, 90.0), Look(10, 100.0), Look(20, 120.0), Look(50, 500.0), Look(110, 300.0)]
    looks += [Look(120, 150.0), Look(130, 130.0), Look(140, 140.0)]
    assert phases_mb(looks, (20, 100)) == {"base_mb": 120.0, "most_mb": 500.0, "after_mb": 135.0}
    assert phases_mb([], (20, 100)) == {"base_mb": 0.0, "most_mb": 0.0, "after_mb": 0.0}
