"""Runs a benchmark by its name; each gives results that the command prints and writes down."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from bench import work
from bench.ahead import ahead
from bench.drain import measure
from bench.lat import SERVERS, freshness
from bench.many_keys import ManyKeys
from bench.result import Result
from bench.work import Entry
from embedded.services import Services
from topics.errors import BadInput

ALERT_RATES = (1_000, 20_000)
FRAUD_RATE = 2_000
CPU = {"cpu_us": 1.3}
HOT = CPU | {"rss_mb": 280.0, "snapshots": 0.05}
DAYS = 30  # that a backfill counts
OTHERS = {  # parts that stand for themselves
    "peers": "bench.peers.run",
    "alert": "bench.alert",
    "frd": "bench.told",
    "scale": "bench.scale",
    "backfill": "bench.backfill",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """How much: rounds, events in a topic, seconds of live traffic; and where stores may lie."""

    runs: int
    events: int
    seconds: int
    folder: Path


Bench = Callable[[Services, Asked], Sequence[Result]]


def eng(services: Services, asked: Asked) -> Sequence[Result]:
    """Engagement by level, three ways, in the same rounds."""
    entries = [
        Entry("ENG", (work.eng(asked.events),), {"ratio": 0.42, **HOT}),
        Entry("ENG-NOSINK", (work.eng_no_sink(asked.events),), {"ratio": 0.50, **HOT}),
        Entry("ENG-BAD", (work.eng_bad(asked.events),), {"cost": 0.20}, against="ENG"),
    ]
    return measure(services, entries, asked.runs, asked.folder)


def ids(services: Services, asked: Asked) -> Sequence[Result]:
    """Engagement by level with deduplication."""
    return _alone(services, asked, Entry("ENG+IDS", (work.eng_ids(asked.events),)))


def ply(services: Services, asked: Asked) -> Sequence[Result]:
    """Events per player."""
    return _alone(services, asked, Entry("PLY", (work.ply(asked.events),), {"ratio": 0.45}))


def hlt(services: Services, asked: Asked) -> Sequence[Result]:
    """Server health: as fast as it goes, then 5,000 samples/s until they are readable."""
    drained = _alone(services, asked, Entry("HLT", (work.hlt(asked.events),), {"ratio": 0.30}))
    return [*drained, freshness(services, asked.seconds, asked.folder.with_name("recovery-hlt"), SERVERS)]


def fleets(services: Services, asked: Asked) -> Sequence[Result]:
    """Server health of samples that tell all they may."""
    return _alone(services, asked, Entry("HLT-FLEETS", (work.hlt_fleets(asked.events),)))


def frd(services: Services, asked: Asked) -> Sequence[Result]:
    """Purchase fraud: as fast as it goes, then live until the webhook is there."""
    drained = _alone(services, asked, Entry("FRD", (work.frd(asked.events),), {"rate": 40_000.0}))
    told = import_module(OTHERS["frd"]).told
    return [*drained, told(services, FRAUD_RATE, asked.seconds, asked.folder)]


def raw(services: Services, asked: Asked) -> Sequence[Result]:
    """The archive."""
    return _alone(services, asked, Entry("RAW", (work.raw(asked.events),)))


def at_once(services: Services, asked: Asked) -> Sequence[Result]:
    """Three flows over one topic, as `run` starts them: each in a process of its own."""
    works = tuple(make(asked.events) for make in (work.eng, work.ply, work.raw))
    return _alone(services, asked, Entry("ALL", works, {"ratio": 0.28}))


def keys(services: Services, asked: Asked) -> Sequence[Result]:
    """Events per player by the number of players, in the same rounds; then memory when they are gone."""
    entries = [Entry(of.name, (of,)) for of in (work.keys(asked.events, players) for players in work.KEYS)]
    sizes = measure(services, entries, asked.runs, asked.folder)
    gone = Entry("KEYS-GONE", (work.keys_gone(asked.events),), {"kept": 1.2, "keys_left": 12_000})
    return [*sizes, ManyKeys(sizes), *_alone(services, asked, gone)]


def hour(services: Services, asked: Asked) -> Sequence[Result]:
    """Memory over an hour of event time."""
    return _alone(services, asked, Entry("HOUR", (work.hour(asked.events),), {"rss_mb": 1024.0}))


def lat(services: Services, asked: Asked) -> Sequence[Result]:
    """Produced until readable."""
    return [freshness(services, asked.seconds, asked.folder.with_name("recovery-lat"))]


def alert(services: Services, asked: Asked) -> Sequence[Result]:
    """Produced until alerted."""
    alerting = import_module(OTHERS["alert"]).alerting
    return [alerting(services, ALERT_RATES, asked.seconds, asked.folder)]


def peers(services: Services, asked: Asked) -> Sequence[Result]:
    """Other engines, and our own flows over the same topic."""
    entries = [
        Entry("ENG-BESIDE", (work.eng(asked.events),)),
        Entry("PLY-BESIDE", (work.ply(asked.events),)),
    ]
    mine = measure(services, entries, asked.runs, asked.folder)
    run = import_module(OTHERS["peers"]).peers
    others: Sequence[Result] = run(services, asked.events, asked.runs, asked.folder)
    return [*mine, *others, *ahead([*mine, *others])]


def scale(services: Services, asked: Asked) -> Sequence[Result]:
    """One process against two."""
    run = import_module(OTHERS["scale"]).scale
    found: Sequence[Result] = run(services, asked.events, asked.runs, asked.folder)
    return found


def backfill(services: Services, asked: Asked) -> Sequence[Result]:
    """Freshness beside a backfill."""
    run = import_module(OTHERS["backfill"]).backfilling
    folder = asked.folder.with_name("backfill")
    return [run(services, DAYS, max(asked.events // DAYS, 1), asked.seconds, folder)]


def _alone(services: Services, asked: Asked, entry: Entry) -> Sequence[Result]:
    return measure(services, [entry], asked.runs, asked.folder)


RUN: dict[str, Bench] = {
    "eng": eng,
    "ids": ids,
    "ply": ply,
    "hlt": hlt,
    "fleets": fleets,
    "frd": frd,
    "raw": raw,
    "together": at_once,
    "keys": keys,
    "lat": lat,
    "alert": alert,
    "peers": peers,
    "scale": scale,
    "backfill": backfill,
    "hour": hour,
}


def check_there(name: str, others: Mapping[str, str] = OTHERS) -> None:
    """See to it that a benchmark's parts exist here.

    Raises:
        BadInput: they do not.

    """
    if name in others and not _exists(others[name]):
        raise BadInput(f"benchmark {name} needs {others[name].replace('.', '/')}.py, which is not here")


def _exists(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # its folder is no package yet
        return False
