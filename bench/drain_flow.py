"""`python -m bench.drain_flow WORK EVENTS STORE`: drains a topic through a work; prints one JSON line.

As the product runs it: recovery, an upsert of every changed row each second, the ClickHouse sink. Settings
(environment) give all else. It says `ready` and waits for a line before it begins, so that several begin
together.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from dataclasses import replace
from pathlib import Path
from threading import Event

from bench.file_sink import FileSink
from bench.purchase_truth import rules_in
from bench.watch import LiveKeys, Span, Timers, Watch, look_before_threads_end, memory_mb, phases_mb
from bench.work import SIZE_S, Work, named
from flows import archive, fraud, parts, process, server_health
from flows.parts import Ends, Opened, open_flow, plan_of
from flows.store import Store

NAME = "bench"
WORK = named(sys.argv[1], int(sys.argv[2]))
FOLDER = Path(sys.argv[3])
_opened: list[Opened] = []


def opened(stop: Event) -> Opened:
    """Open the flow for the work's topic: its windows have one size and one aggregate."""
    _opened.append(_open(WORK, stop))
    return _opened[-1]


def _open(work: Work, stop: Event) -> Opened:
    if work.flow in {fraud, server_health}:  # as they are
        work.flow.TOPIC = work.read_from  # type: ignore[attr-defined]
        opened: Opened = work.flow.opened(stop)
        return opened
    if work.aggregate is None:
        archive.TOPICS = (work.read_from,)  # type: ignore[assignment]
        return archive.opened(stop)
    plan = replace(plan_of(NAME, (work.aggregate,)), sizes_s=(SIZE_S,))
    return open_flow(work.flow.build, plan, work.read_from, stop)


def write_to_files() -> None:
    """Give flows a sink that is no database."""
    usual = parts.open_ends

    def open_ends(stop: Event) -> Ends:
        return replace(usual(stop), rows=FileSink(FOLDER))  # type: ignore[arg-type]

    parts.open_ends = open_ends


def main() -> None:
    """Run to the end of the topic; print what this process and its children used."""
    if WORK.flow is fraud:
        os.environ["GAMEWAX_FRAUD__RULES"] = str(rules_in(FOLDER / "rules"))
    recovery, timers, live, span = Store(FOLDER).own(), Timers(), LiveKeys(), Span()
    timers.install()
    span.install()
    if WORK.phases:
        live.install()
    if WORK.to_files:
        write_to_files()
    print("ready", flush=True)
    sys.stdin.readline()
    watch, opens, cpu = Watch(messages_read), time.monotonic(), cpu_s()
    look_before_threads_end(watch.look_at_threads)
    process.run(sys.modules[__name__], recovery, process.Place(0, []))
    closed, cpu = time.monotonic(), cpu_s() - cpu
    watch.end()
    by_thread = watch.thread_s()
    by_thread["ended"] = max(cpu - sum(by_thread.values()), 0.0)
    figures = {
        "began": span.began,
        "ended": span.ended,
        "opening_s": span.began - opens,
        "closing_s": closed - span.ended,
        "cpu_s": cpu,
        "rss_mb": memory_mb("VmHWM:"),
        "grown_mb": watch.grown_mb,
        "snapshot_s": timers.snapshot_s,
        "wait_s": timers.wait_s,
        "rows": sum(sum(of.rows.figures().rows.values()) for of in _opened),
        **{f"thread_{group}": seconds for group, seconds in by_thread.items()},
    }
    if WORK.phases:
        figures |= phases_mb(watch.looks, WORK.phases)
        figures |= {"keys_most": live.most, "keys_left": live.now}
    print(json.dumps(figures))


def messages_read() -> int:
    """Count the messages that were judged and handed on."""
    found = [source.figures() for of in _opened for source in of.sources]
    return sum(part.read for figures in found for part in figures.partitions)


def cpu_s() -> float:
    """Give the CPU seconds of this process and of all children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(of.ru_utime + of.ru_stime for of in used)


if __name__ == "__main__":
    main()
