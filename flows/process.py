"""`python -m flows.process NAME`: one flow in this process, with its recovery store, to its end.

Rules:
- What ends it is said in one line and an exit code (0 done, 1 our fault, 2 settings, 3 an operator must
  decide); the engine's own words go to `crash.log` in the store's folder.
- Automatic garbage collection is rare: every poll makes thousands of short-lived tracked objects, and
  collecting among them cost 16-46 % of the speed.
- When the topic got more partitions the flow is started anew at the epoch's edge, in this process
  (`flows/rounds.py`); a flow that was not asked to end goes on until it is, unless it drains or reads files.
- A full disk ends it with one line and code 1, and so does a clock that was set back
  (`flows/clock_watch.py`): both are safe at any moment, and a supervisor starts it again.
- A monitor beside it tells how it is (`flows/monitor.py`), over all rounds.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import os
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, nullcontext, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from threading import Event, Thread
from types import ModuleType
from typing import TextIO

import structlog
from bytewax.recovery import RecoveryConfig
from bytewax.run import cli_main

from flows.clock_watch import ClockWatch
from flows.disk import MB, check_room, full_disk
from flows.from_files import store_name
from flows.gaps import whole_story
from flows.memory import give_back
from flows.monitor import Monitor, Who
from flows.parts import Opened, utc_now
from flows.priority import stay_behind
from flows.progress import progress
from flows.registry import FLOWS
from flows.rounds import Rounds
from flows.store import Store
from flows.store_backups import Backups, Often
from flows.store_made import helps
from flows.store_steps import check_steps
from settings import from_caller, load
from topics.errors import Broken, GamewaxError, NeedsOperator

TURN_S = 0.0002  # the ClickHouse writer and the monitor get the interpreter soon, for short work
ENDS_WITHIN_S = 35.0  # after SIGTERM; a supervisor kills after 30
YOUNG = 100_000  # objects before a collection is even considered


def main(arguments: list[str]) -> int:
    """Run the flow that the command line names; gives the exit code."""
    parser = argparse.ArgumentParser(prog="flows.process", description="run one flow in this process")
    parser.add_argument("name", choices=FLOWS)
    parser.add_argument("--process", type=int, default=0, help="number of this process in its cluster")
    parser.add_argument("--addresses", default="", help="host:port of all processes, separated by ;")
    given = parser.parse_args(arguments)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    crash_log, say = Path("crash.log"), sys.stderr
    try:
        behind = bool(load().backfill.name)
        if behind:
            stay_behind(load().backfill.nice)
        crash_log = from_caller(load().recovery.dir) / store_name(given.name) / f"crash-{given.process}.log"
        check_room(crash_log.parent, load().recovery.least_free_mb * MB)
        store = Store(crash_log.parent, given.addresses)
        recovery = store.join(partial(time.sleep, 0.1)) if given.process else store.own()
        say = _keep_engine_quiet(crash_log)
        module = importlib.import_module(f"flows.{given.name}")
        place = Place(given.process, given.addresses.split(";"), store.start)
        story = nullcontext() if behind else whole_story(given.name)  # a backfill's gaps are not the flow's
        with story, Backups(store.folder, backed_up(place), utc_now):
            run(module, recovery, place, say)
    except BaseException as error:  # noqa: BLE001  the one place that turns anything into a line
        return _explain(given.name, error, crash_log, say)
    return 0


@dataclass(frozen=True, slots=True)
class Place:
    """Which process of the flow's cluster this is; a single address or none: not a cluster.

    `start` names this start of the cluster.
    """

    process: int
    addresses: list[str]
    start: str = ""

    @property
    def alone(self) -> bool:
        """Whether there are no others."""
        return len(self.addresses) <= 1


def backed_up(place: Place) -> Often:
    """Tell how often a process copies its store: a live flow's owner as the settings say, others never."""
    recovery, behind = load().recovery, load().backfill.name
    return Often(0.0 if place.process or behind else recovery.backup_every_s, recovery.least_free_mb * MB)


def run(module: ModuleType, recovery: RecoveryConfig, place: Place, say: TextIO = sys.stderr) -> None:
    """Run the flow of a module until its source ends; again when the topic has grown."""
    gc.set_threshold(YOUNG, 50, 1000)
    sys.setswitchinterval(TURN_S)
    epoch = timedelta(seconds=load().recovery.epoch_s)
    stop = Event()  # one for all rounds, so that no request to end falls between two
    Thread(target=end_in_time, args=(stop, say, ENDS_WITHIN_S), daemon=True).start()
    Thread(target=end_when_set_back, args=(module.NAME, say), daemon=True).start()
    Thread(target=give_back, args=(stop,), daemon=True).start()
    cluster = {"process_id": place.process, "addresses": place.addresses, "workers_per_process": 1}
    named = f"{module.NAME}-backfill" if load().backfill.name else module.NAME
    who = Who(named, place.process, Path(recovery.db_dir).parent)
    rounds = Rounds(who.folder, place.start, place.process, place.alone)
    with Monitor(who, load(), utc_now, stop) as monitor:
        while True:
            opened: Opened = module.opened(stop)
            check_steps(Path(recovery.db_dir), opened.flow)
            if not rounds.begin(opened.sources, stop):
                return
            monitor.watch(opened.sources, opened.rows, opened.beside)
            gc.collect()
            gc.freeze()
            with progress(opened.flow.flow_id, opened.sources, say):
                cli_main(
                    opened.flow,
                    epoch_interval=epoch,
                    recovery_config=recovery,
                    **({} if place.alone else cluster),
                )
            with ExitStack() as ends:
                for part in (*opened.beside, *opened.sources):
                    ends.callback(part.close)
            if stop.is_set() or not all(source.goes_on for source in opened.sources):
                return


def end_in_time(stop: Event, say: TextIO, within_s: float) -> None:
    """Once asked to end, end in any case: whoever would kill us may be gone, and ClickHouse too.

    It does no harm: what no snapshot holds is read again.
    """
    stop.wait()
    time.sleep(within_s)
    _end_now(say, f"asked to end, and could not within {within_s:.0f} s: the next start reads on safely")


def end_when_set_back(name: str, say: TextIO) -> None:
    """End at once when the host's clock was set back: the engine would sleep that long."""
    watch = ClockWatch(lambda: utc_now().timestamp(), time.monotonic)
    by_s = watch.wait_for_step_back(Event())
    _end_now(say, f"flow {name}: the host's clock was set back by {by_s:.0f} s: starting anew")


def _end_now(say: TextIO, why: str) -> None:
    with suppress(OSError):  # nobody may listen any more
        say.write(f"gamewax: {why}\n")
        say.flush()
    os._exit(Broken.exit_code)


def _keep_engine_quiet(crash_log: Path) -> TextIO:
    """Send what the engine itself writes, panics and all, to a file; gives the old stderr."""
    say = os.fdopen(os.dup(2), "w", buffering=1)
    crash = os.open(crash_log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for descriptor in (1, 2):
        os.dup2(crash, descriptor)
    os.close(crash)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(say))
    return say


def _explain(name: str, error: BaseException, crash_log: Path, say: TextIO) -> int:
    """Say in one line what ended the flow, and give the exit code."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 2
    if (full := full_disk(_causes(error))) is not None:
        where = f"the disk of its recovery store {crash_log.parent} is full or cannot be written ({full})"
        say.write(f"gamewax: flow {name}: {where}: make room there, it goes on from its last snapshot\n")
        return Broken.exit_code
    for cause in _causes(error):
        if isinstance(cause, GamewaxError):
            told = " ".join(str(cause).split()) + _what_helps(cause, crash_log)
            say.write(f"gamewax: flow {name}: {told}\n")
            return cause.exit_code
    with suppress(OSError):
        traceback.print_exception(error)
    say.write(f"gamewax: flow {name} broke: {error.__class__.__name__}: {error} (details: {crash_log})\n")
    return Broken.exit_code


def _what_helps(error: GamewaxError, crash_log: Path) -> str:
    """Give the command that helps an operator, unless the text names one."""
    if not isinstance(error, NeedsOperator) or "./gamewax " in str(error):
        return ""
    return f"; what can be done: {helps(crash_log.parent)}"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _let_go_of_files() -> None:
    """Forget what cannot be written any more: a full disk would turn the exit code into Python's own 120."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


if __name__ == "__main__":
    code = main(sys.argv[1:])
    _let_go_of_files()
    for number in (signal.SIGTERM, signal.SIGINT):  # it has ended: a request that comes now changes nothing
        signal.signal(number, signal.SIG_IGN)
    sys.exit(code)
