"""What the drain benchmarks run: flows over a load, each with its tables and its truth.

ENG is `engagement_by_level` at 10 s with distinct players; PLY counts events per player at 10 s, so that
nearly every second event makes a row; HLT is the flow `server_health`, whole; RAW the archive of the events.
KEYS is PLY over more and more players who are all live at once: a million events a second of event time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from types import ModuleType

import polars as pl

from bench import truth
from bench.bad import letters
from bench.check import FileTruth, LettersTruth, Several, TableTruth, Truth
from bench.load import Load, Sequel, Traffic
from bench.purchase_truth import AlertTruth
from bench.purchases import PurchaseLoad
from bench.raw_truth import RawTruth
from bench.servers import ServerLoad
from flows import archive, engagement, fraud, server_health
from models.aggregates import Aggregate, count
from models.engagement import BY_LEVEL
from models.server_health import BY_FLEET, SERVER_HEALTH
from models.sketch import ERROR
from topics import player_events, purchase_events, server_metrics
from topics.topic import Topic
from windows.archive import table_of
from windows.plan import SIZES_S

SIZE_S = 10
FLEETS = 20
FAST_PER_S = 1_000_000
KEYS = (1_000, 10_000, 100_000, 1_000_000, 5_000_000)
PLAYER_COUNTS = (
    """CREATE TABLE player_counts_upserts
    (
        game_id String, player_id String, window_seconds UInt32,
        window_start DateTime('UTC') CODEC(Delta, ZSTD(1)), events UInt64, version UInt64
    )
    ENGINE = ReplacingMergeTree(version) PARTITION BY toYYYYMM(window_start)
    ORDER BY (game_id, player_id, window_seconds, window_start)
    SETTINGS non_replicated_deduplication_window = 1000""",
    "CREATE VIEW player_counts AS SELECT * EXCEPT (version) FROM player_counts_upserts FINAL",
)


@dataclass(frozen=True, slots=True)
class Work:
    """One flow over one load; `aggregate` is what its windows count (None: it has none)."""

    name: str
    load: Traffic
    truth: Callable[[], Truth]
    flow: ModuleType = engagement
    topic: Topic = player_events.TOPIC
    aggregate: Aggregate | None = None
    tables: tuple[str, ...] = ()
    to_files: bool = False
    dedup_offsets: int = 0
    phases: tuple[int, ...] = ()  # after how many events the load changes; memory is looked at there

    @property
    def read_from(self) -> Topic:
        """The topic with the load's name."""
        return replace(self.topic, name=self.load.topic)


@dataclass(frozen=True, slots=True)
class Entry:
    """What is measured under one name: one work, or several that run at the same time on one topic.

    `goals`: the least ratio to the bare loop, the most CPU (us an event), memory (MB) and so on; `against`
    is another entry of the same rounds, which `cost` is counted from.
    """

    name: str
    works: tuple[Work, ...]
    goals: dict[str, float] = field(default_factory=dict)
    against: str = ""


def eng(events: int, name: str = "ENG") -> Work:
    """Engagement by level."""
    return _by_level(name, Load(events, ids=False))


def eng_no_sink(events: int) -> Work:
    """The same without ClickHouse: rows go to files."""
    load = Load(events, ids=False)
    key = truth.KEY

    def rows() -> Truth:
        return FileTruth(BY_LEVEL.table, truth.by_level(load, SIZE_S), key)

    return replace(eng(events, "ENG-NOSINK"), truth=rows, to_files=True)


def eng_bad(events: int) -> Work:
    """The same with one bad message in a hundred."""
    load = Load(events, ids=False, bad_every=100)
    dead = LettersTruth(load.topic, letters(events, load.bad_every))
    work = _by_level("ENG-BAD", load)
    return replace(work, truth=lambda: Several([work.truth(), dead]))


def eng_ids(events: int) -> Work:
    """The same with event ids and deduplication on."""
    return replace(_by_level("ENG+IDS", Load(events, ids=True)), dedup_offsets=100_000)


def ply(events: int) -> Work:
    """Events per player."""
    return _by_player("PLY", Load(events, ids=False))


def hlt(events: int) -> Work:
    """Server health, whole: windows of both sizes with quantiles, detector, heartbeats, incidents."""
    load = ServerLoad(events)

    def rows() -> Truth:
        return _of_sizes(SERVER_HEALTH.table, "server_id", partial(truth.by_server, load))

    return Work("HLT", load, rows, server_health, server_metrics.TOPIC)


def hlt_fleets(events: int) -> Work:
    """The same of samples that tell all they may, so that fleets, regions and ticks have rows too."""
    load = ServerLoad(events, fleets=FLEETS)

    def rows() -> Truth:
        servers = _of_sizes(SERVER_HEALTH.table, "server_id", partial(truth.by_server, load))
        return Several([servers, _of_sizes(BY_FLEET.table, "fleet_id", partial(truth.by_fleet, load))])

    return Work("HLT-FLEETS", load, rows, server_health, server_metrics.TOPIC)


def _of_sizes(table: str, name: str, rows_of: Callable[[int], pl.DataFrame]) -> Truth:
    """Give the truth of a table of server health, of both window sizes."""
    size_s = "window_seconds"
    sizes = [rows_of(size).with_columns(pl.lit(size, pl.Int64).alias(size_s)) for size in SIZES_S]
    near = dict.fromkeys([*truth.QUANTILES, *truth.TICKS], ERROR)
    return TableTruth(table, pl.concat(sizes), [size_s, "window_start", name], near)


def frd(events: int) -> Work:
    """Purchase fraud: all features, all rules that come with Gamewax, and two whose alerts are compared."""
    load = PurchaseLoad(events)
    return Work("FRD", load, lambda: AlertTruth(load), fraud, purchase_events.TOPIC)


def raw(events: int) -> Work:
    """The archive of player events, into a table like `player_events` with the topic's own name."""
    load = Load(events, ids=False)
    table = f"{table_of(replace(player_events.TOPIC, name=load.topic))}_upserts"
    made = f"CREATE TABLE {table} AS player_events_upserts"
    return Work("RAW", load, lambda: RawTruth(load, table), archive, tables=(made,))


def keys(events: int, players: int) -> Work:
    """Events per player, with so many players live at once (when there are as many events)."""
    load = Load(events, ids=False, players=players, per_s=FAST_PER_S, in_turn=True)
    return _by_player(f"KEYS-{players}", load)


def keys_gone(events: int) -> Work:
    """Few players, then a million at once, then few again, 20 minutes later: memory must come back."""
    few = Load(events * 2 // 7, ids=False, players=1_000, per_s=FAST_PER_S, in_turn=True)
    after = replace(few, per_s=20_000, start_ms=few.start_ms + 1_200_000)
    left = events - few.events - after.events
    many = replace(few, events=left, players=1_000_000, start_ms=few.start_ms + 2_000)
    work = _by_player("KEYS-GONE", Sequel("gone", (few, many, after)))
    return replace(work, phases=(few.events, few.events + left))


def hour(events: int) -> Work:
    """Events per player over an hour of event time, or as much of it as is asked for."""
    return replace(ply(events), name="HOUR")


def _by_level(name: str, load: Load) -> Work:
    aggregate = replace(BY_LEVEL, where=None)  # every event of the load has a level

    def rows() -> Truth:
        return TableTruth(BY_LEVEL.table, truth.by_level(load, SIZE_S), truth.KEY)

    return Work(name, load, rows, aggregate=aggregate)


def _by_player(name: str, load: Load | Sequel) -> Work:
    per_player = Aggregate("player_counts", ("game_id", "player_id"), {"events": count()})

    def rows() -> Truth:
        return TableTruth(
            per_player.table,
            truth.by_player(load, SIZE_S).with_columns(pl.col("events").cast(pl.Int64)),
            ["window_start", "player_id"],
        )

    return Work(name, load, rows, aggregate=per_player, tables=PLAYER_COUNTS)


ONE = {"ENG": eng, "ENG-NOSINK": eng_no_sink, "ENG-BAD": eng_bad, "ENG+IDS": eng_ids} | {
    "PLY": ply,
    "HLT": hlt,
    "HLT-FLEETS": hlt_fleets,
    "RAW": raw,
    "FRD": frd,
    "HOUR": hour,
    "KEYS-GONE": keys_gone,
}


def named(name: str, events: int) -> Work:
    """Give one work by its name, `ENG+IDS` for example."""
    if name in ONE:
        return ONE[name](events)
    return keys(events, int(name.removeprefix("KEYS-")))
