"""`python -m bench.eng_flow TOPIC EVENTS STORE`: drains a topic through ENG; prints one JSON line.

ENG is `engagement_by_level` at 10 s with distinct players, as the product runs it: recovery, an upsert of
every changed row each second, the ClickHouse sink. Settings (environment) give all else.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from threading import Event

from flows import engagement, process
from flows.parts import Opened, open_flow, plan_of
from flows.store import Store
from models.engagement import BY_LEVEL
from topics.player_events import TOPIC

# Every event of the load has a level, so this aggregate takes all and accounting counts by it.
ENG = (replace(BY_LEVEL, where=None),)


def opened(stop: Event) -> Opened:
    """Open the flow for the benchmark's topic, one window size and one aggregate."""
    plan = replace(plan_of("bench", ENG), sizes_s=(10,))
    return open_flow(engagement.build, plan, replace(TOPIC, name=sys.argv[1]), stop)


def main(events: int, folder: Path) -> None:
    """Run to the end of the topic; print rate, CPU and peak memory of this process."""
    recovery = Store(folder).own()
    wall, cpu = time.perf_counter(), time.process_time()
    process.run(sys.modules[__name__], recovery, process.Place(0, []))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(json.dumps({"rate": events / wall, "cpu_us": cpu / events * 1e6, "rss_mb": peak_rss_mb()}))


def peak_rss_mb() -> float:
    """Give this process's largest resident size (getrusage would count the parent's before exec)."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


if __name__ == "__main__":
    main(int(sys.argv[2]), Path(sys.argv[3]))
