"""The one process per data folder that starts Kafka and ClickHouse and starts a dead one again.

`python -m embedded.supervisor --data DIR [--kafka-port N] [--clickhouse-port N]`, until SIGTERM or
Ctrl-C. Rules: a service that dies comes back on its folder and port, after a pause that doubles
while it keeps dying; one that ends with exit code 3 needs an operator and ends us all. Ports stay
the same over restarts of the supervisor where they are still free.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import NoReturn

import psutil

from embedded.kafka import EmbeddedKafka
from embedded.process import free_port, is_free
from embedded.services_clickhouse import ClickHouseChild
from embedded.services_state import (
    Part,
    Phase,
    State,
    credentials,
    lock,
    make_folder,
    read_state,
    write_state,
)
from embedded.services_watch import Watched
from topics.errors import BadInput, Broken, GamewaxError

LOOK_EVERY_S = 0.2
LOCK_WITHIN_S = 2.0  # somebody who only looks holds the lock for an instant
LEFTOVER_ENDS_WITHIN_S = 30.0

ENDS_US = (signal.SIGTERM, signal.SIGINT)

log = logging.getLogger("supervisor")


def supervise(data: Path, kafka_port: int | None, clickhouse_port: int | None) -> NoReturn:
    """Start both services and keep them running until a signal ends us.

    Raises:
        GamewaxError: a service cannot start, or needs an operator.

    """
    before = read_state(data)
    if before:
        wait_for_leftovers(data, before)
    credentials(data)
    kafka = EmbeddedKafka(data / "kafka", kafka_port or port_as_before(before.kafka if before else None))
    clickhouse = ClickHouseChild(
        data, clickhouse_port or port_as_before(before.clickhouse if before else None) or free_port()
    )
    now = time.monotonic()
    both = (Watched("Kafka", kafka, now), Watched("ClickHouse", clickhouse, now))
    try:
        note(data, "starting", both)
        clickhouse.launch()
        kafka.start()
        clickhouse.wait_ready()
        log.info("ready: Kafka on port %s, ClickHouse on port %s", kafka.port, clickhouse.port)
        keep_running(data, both)
    finally:
        for ends in ENDS_US:
            signal.signal(ends, signal.SIG_IGN)
        clickhouse.stop()
        kafka.stop()
        note(data, "stopped", both)
        log.info("stopped")


def keep_running(data: Path, both: tuple[Watched, Watched]) -> NoReturn:
    """Look after both services for ever, writing down what changes."""
    note(data, "ready", both)
    while True:
        time.sleep(LOOK_EVERY_S)
        changed = [watched.look(time.monotonic()) for watched in both]
        if any(changed):
            note(data, "ready", both)


def note(data: Path, phase: Phase, both: tuple[Watched, Watched]) -> None:
    """Write down how things stand."""
    kafka, clickhouse = (watched.part() for watched in both)
    write_state(data, State(phase, os.getpid(), kafka, clickhouse))


def port_as_before(part: Part | None) -> int | None:
    """Give the port that clients may still know, if nobody took it."""
    return part.port if part and is_free(part.port) else None


def wait_for_leftovers(data: Path, before: State) -> None:
    """Wait for services of a killed supervisor; the kernel told them to end when it died.

    Raises:
        Broken: one does not end.

    """
    for pid in (before.kafka.pid, before.clickhouse.pid):
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            leftover = psutil.Process(pid) if pid else None
            if leftover and str(data) in f"{leftover.cwd()} {leftover.cmdline()}":
                try:
                    leftover.wait(LEFTOVER_ENDS_WITHIN_S)
                except psutil.TimeoutExpired as error:
                    raise Broken(f"process {pid} of an earlier run still uses {data}: end it") from error


def end(_signal: int, _frame: FrameType | None) -> NoReturn:
    """Leave by way of every `finally`."""
    sys.exit(0)


def main() -> None:
    """Read the command line, become the folder's supervisor and stay it."""
    parser = argparse.ArgumentParser(description="keeps Kafka and ClickHouse of one data folder running")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--kafka-port", type=int)
    parser.add_argument("--clickhouse-port", type=int)
    given = parser.parse_args()
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.INFO)
    for ends in ENDS_US:
        signal.signal(ends, end)
    try:
        make_folder(given.data)
        with lock(given.data, LOCK_WITHIN_S) as got_it:
            if not got_it:
                raise BadInput(f"services already run on {given.data}")
            supervise(given.data, given.kafka_port, given.clickhouse_port)
    except GamewaxError as error:
        sys.stderr.write(f"gamewax: {error}\n")
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
