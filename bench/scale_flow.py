"""`python -m bench.scale_flow WORK EVENTS STORE PROCESS ADDRESSES`: one process of a cluster.

As `bench.drain_flow`, whose work and flow it takes; prints one JSON line that tells what is said between
processes, too.
ADDRESSES `-` is no cluster, `count` neither, but everything handed on is pickled and counted.
"""

from __future__ import annotations

import json
import sys
import time
from functools import partial
from typing import Any

from bench import drain_flow
from bench.exchanged import Pickles, Sockets
from bench.watch import Span, Watch, look_before_threads_end, memory_mb
from flows import process
from flows.store import Store
from sources.kafka_partition import KafkaPartition

PROCESS, GIVEN = int(sys.argv[4]), sys.argv[5]
ADDRESSES = GIVEN if ":" in GIVEN else ""


class Opened:
    """Notes the CPU seconds that the process had used when it first asked Kafka for messages."""

    def __init__(self) -> None:
        self.cpu_s = 0.0

    def install(self) -> None:
        """Note them at the first poll."""
        poll = KafkaPartition.next_batch

        def first_poll(part: KafkaPartition) -> Any:
            self.cpu_s = drain_flow.cpu_s()
            KafkaPartition.next_batch = poll  # type: ignore[method-assign]
            return poll(part)

        KafkaPartition.next_batch = first_poll  # type: ignore[method-assign,assignment]


def main() -> None:
    """Run to the end of the topic; print what this process used and sent."""
    store = Store(drain_flow.FOLDER, ADDRESSES)
    recovery = store.join(partial(time.sleep, 0.05)) if PROCESS else store.own()
    span, pickles, addresses = Span(), Pickles(), ADDRESSES.split(";")
    opened = Opened()
    opened.install()
    span.install()
    if GIVEN == "count":
        pickles.install()
    print("ready", flush=True)
    sys.stdin.readline()
    watch, sockets = Watch(drain_flow.messages_read), Sockets(addresses)
    look_before_threads_end(watch.look_at_threads)
    process.run(drain_flow, recovery, process.Place(PROCESS, addresses, store.start))
    watch.end()
    figures = {
        **{f"thread_{group}": seconds for group, seconds in watch.thread_s().items()},
        "began": span.began,
        "ended": span.ended,
        "cpu_s": drain_flow.cpu_s() - opened.cpu_s,
        "rss_mb": memory_mb("VmHWM:"),
        "rows": sum(sum(of.rows.figures().rows.values()) for of in drain_flow._opened),  # noqa: SLF001
        "read": drain_flow.messages_read(),
        "sent_bytes": sockets.sent(),
        "keyed_bytes": pickles.keyed_bytes,
        "snapshot_bytes": pickles.snapshot_bytes,
        "pickle_s": pickles.pickle_s,
        "fold_s": pickles.fold_s,
        **pickles.by_step,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
