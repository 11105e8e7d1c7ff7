"""The benchmarks by name, with what each measures; light, so that `--help` is fast.

Rules: `runs` and `events` are the defaults. Goals are stated over 5 interleaved pairs of 8 million events;
what costs time and has less says so here, in the figures' own command and in `bench/RESULTS.md`.
"""

from __future__ import annotations

from dataclasses import dataclass

from topics.errors import BadInput

EVERYTHING = "all"
LIVE_S = 40  # of live traffic, when nothing else is asked for


@dataclass(frozen=True, slots=True)
class Bench:
    """One benchmark: what it measures, how often, over how many events, and about how long that takes.

    Without events it measures live traffic, for as many seconds as are asked for.
    """

    about: str
    runs: int = 3
    events: int = 4_000_000
    minutes: float = 1.0
    in_all: bool = True

    def size(self, runs: int, events: int, seconds: int) -> str:
        """Give the options that say how much."""
        return f"--runs {runs} --events {events}" if self.events else f"--seconds {seconds}"

    def takes_minutes(self, runs: int, events: int, seconds: int) -> float:
        """Guess how long that takes."""
        share = runs * events / (self.runs * self.events) if self.events else seconds / LIVE_S
        return max(self.minutes * share, 0.5)


BENCHES = {
    "eng": Bench(
        "engagement by level with distinct players: with ClickHouse, without, and with 1 % bad messages",
        runs=5,
        events=8_000_000,
        minutes=7.5,
    ),
    "ids": Bench("the same with event ids and deduplication", runs=2, minutes=1),
    "ply": Bench("events per player: nearly every second event makes a row", events=8_000_000, minutes=2.5),
    "hlt": Bench(
        "server health with quantiles and the detector, 1,000 servers; then 5,000 samples/s until readable",
        minutes=2.5,
    ),
    "fleets": Bench(
        "the same of samples that tell fleet, region, players, ticks and disconnects too",
        minutes=2,
        in_all=False,
    ),
    "frd": Bench(
        "purchase fraud: all features and rules; then 2,000 purchases/s, produced until a webhook is there",
        runs=2,
        events=1_000_000,
        minutes=3,
    ),
    "raw": Bench("the archive: every event into its raw table", minutes=1.5),
    "together": Bench("ENG, PLY and RAW at once over one topic, each in a process of its own", minutes=2.5),
    "keys": Bench(
        "events per player with 1,000 to 5,000,000 live players, and memory after they are gone",
        runs=1,
        events=6_000_000,
        minutes=4.5,
    ),
    "lat": Bench("freshness at 20,000 events/s: produced until its row is readable", 1, 0, minutes=1.2),
    "alert": Bench(
        "a threshold flow at 1,000 and 20,000 events/s: produced until its alert", 1, 0, minutes=1.7
    ),
    "peers": Bench("other engines and our own flows over the same topic", 1, 2_000_000, minutes=5.5),
    "scale": Bench("one process against two, and what that says of N hosts", runs=1, minutes=2),
    "backfill": Bench(
        "30 days of files counted again while a live flow must stay fresh",
        runs=1,
        events=12_000_000,
        minutes=5,
        in_all=False,
    ),
    "hour": Bench("memory over an hour of event time", runs=1, events=72_000_000, minutes=6, in_all=False),
}


def chosen(name: str) -> list[str]:
    """Give the benchmarks that a name means; case does not matter.

    Raises:
        BadInput: there is none of that name.

    """
    wanted = name.lower()
    if wanted == EVERYTHING:
        return [one for one, bench in BENCHES.items() if bench.in_all]
    if wanted not in BENCHES:
        raise BadInput(f"there is no benchmark {name!r}; there are: {', '.join(BENCHES)} (or {EVERYTHING})")
    return [wanted]


def told() -> str:
    """Tell of all names, for the help."""
    each = [f"{name}: {bench.about}." for name, bench in BENCHES.items()]
    not_in_it = " and ".join(name for name, bench in BENCHES.items() if not bench.in_all)
    return " ".join([*each, f"{EVERYTHING}: all of these but {not_in_it}."])
