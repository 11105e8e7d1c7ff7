"""`./gamewax bench`: how fast, with the rows compared before any figure counts."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.bench_names import BENCHES, LIVE_S, chosen, told

if TYPE_CHECKING:
    from bench.result import Result
    from bench.run import Asked
    from cli.bench_names import Bench
    from embedded.services import Services

RESULTS = Path(__file__).parents[1] / "bench" / "RESULTS.md"


def bench(  # noqa: PLR0913 — one argument an option
    name: Annotated[str, typer.Argument(help=told())] = "eng",
    *,
    runs: Annotated[
        int | None,
        typer.Option(min=1, help="Rounds of the bare loop and the flows. [default: 1 to 5]"),
    ] = None,
    events: Annotated[
        int | None,
        typer.Option(min=100_000, help="Events in each topic. [default: 2 to 8 million]"),
    ] = None,
    seconds: Annotated[int, typer.Option(min=5, help="Seconds of live traffic (lat, alert).")] = LIVE_S,
    data: Annotated[Path | None, typer.Option(help="Folder of the services; topics are kept there.")] = None,
    results: Annotated[
        Path | None, typer.Option(help="The page that figures are written into. [default: bench/RESULTS.md]")
    ] = None,
) -> int:
    """Measure the product on this machine, compare it with its goals, and write the figures down.

    Kafka and ClickHouse are started for it. A topic is filled once and kept, in a folder of the benchmark's
    own. Every round runs a bare consume loop and then the flows over the same topic, each flow with an empty
    database and an empty recovery store, as the product runs it; the ratio is to the bare loop of the same
    round. All rows that a flow has written are compared with a plain group-by over the same events before
    any figure is told.

    "bench all" takes about half an hour, a little less when the topics are there; leave the machine alone
    meanwhile. "bench eng --runs 1 --events 300000" is a first try of half a minute, too short for good
    figures; give it --results FILE to leave the page in the repository as it is.

    The last line is OK or FALLS SHORT, with each figure that missed its goal.
    """
    names = chosen(name)

    from bench.run import check_there
    from embedded.services import running
    from settings import data_home, from_caller

    if len(names) == 1:
        check_there(names[0])
    page = from_caller(results) if results else RESULTS
    folder = from_caller(data) if data else data_home() / "bench"
    with running(folder) as services:
        _prepare(services)
        found: list[Result] = []
        for place, one in enumerate(names, 1):
            asked = _asked(BENCHES[one], runs, events, seconds, folder)
            found += _step(services, one, asked, f"[{place}/{len(names)}]", page)
    return conclude(found)


def _prepare(services: Services) -> None:
    from bench.load import PARTITIONS
    from bench.rig import held
    from cli.topics import create_topics
    from sinks.migrations import migrate
    from topics.registry import TOPICS

    create_topics(services.settings(), PARTITIONS)
    migrate(services.settings())
    for topic in TOPICS:
        held(services, topic)  # a broker that has just started leads them a moment later


def _asked(of: Bench, runs: int | None, events: int | None, seconds: int, folder: Path) -> Asked:
    from bench.run import Asked

    return Asked(runs or of.runs, events or of.events, seconds, folder / "recovery-drain")


def _step(services: Services, name: str, asked: Asked, place: str, page: Path) -> Sequence[Result]:
    """Say what runs and how long it takes, run it, and write it down."""
    from bench.result import Failed
    from bench.run import RUN, check_there
    from topics.errors import BadInput

    of = BENCHES[name]
    try:
        check_there(name)
    except BadInput as error:
        print(f"{place} left out: {error}", flush=True)
        return []
    much = (asked.runs, asked.events, asked.seconds)
    command = f"./gamewax bench {name} {of.size(*much)}"
    print(f"{place} {command}: {of.about}; about {of.takes_minutes(*much):.1f} minutes", flush=True)
    try:
        found = RUN[name](services, asked)
    except Exception as error:  # noqa: BLE001  one that breaks must not take the others' figures with it
        traceback.print_exception(error)
        return [Failed(name.upper(), " ".join(f"{error.__class__.__name__}: {error}".split()))]
    print(*(f"  {result}" for result in found), sep="\n", flush=True)
    _write(services, command, found, page)
    return found


def _write(services: Services, command: str, found: Sequence[Result], page: Path) -> None:
    from bench.machine import machine, origin
    from bench.report import EMPTY, updated

    before = page.read_text(encoding="utf-8") if page.exists() else EMPTY
    page.write_text(updated(before, found, origin(command), machine(services)), encoding="utf-8")
    print(f"  written into {page}", flush=True)


def conclude(results: Sequence[Result]) -> int:
    """Print the last line and give the exit code."""
    reached = all(result.reached for result in results)
    print("OK" if reached else "FALLS SHORT", "; ".join(str(result) for result in results))
    return 0 if reached else 1
