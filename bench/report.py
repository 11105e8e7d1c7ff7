"""Writes figures into `bench/RESULTS.md`: a pure function of the page as it is and of what was measured.

Rules:
- Figures stand between `<!-- begin NAME -->` and `<!-- end NAME -->`; all else is written by hand and kept.
- A table's rows go by their first cell: what was measured replaces its own row, others stay. Each row says
  from which command, day and version it comes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bench.drained import THREAD, Drained, shown
from bench.peers.peer import Peer
from bench.peers.table import HEAD, peers_table
from bench.result import Result

LATENCY = ("LAT", "ALERT", "BACKFILL")
EMPTY = "# Results\n"
BLOCKS = {
    "machine": "Machine and versions",
    "works": "All works",
    "threads": "Where the CPU goes",
    "keys": "Many keys",
    "peers": "Peers",
    "latency": "Latency",
    "scale": "More processes",
}
HEADS = {
    "works": "work | rows right | bare loop, events/s | events/s | ratio (median, spread) | CPU us/event "
    "| memory MB | snapshots, of CPU | waits, of time | goals | from",
    "threads": "work | reader | ClickHouse writer | Kafka client | polars | other | all | bare loop, all",
    "keys": "work | rows, each a key that was live | rows written per event | CPU us/event "
    "| of it the writer | memory MB | from",
    "peers": f"{' | '.join(HEAD)} | from",
    "latency": "what | measured | from",
    "scale": "what | measured | from",
}


def updated(page: str, results: Sequence[Result], origin: str, machine: Sequence[str]) -> str:
    """Give the page with these results in it."""
    drained = [result for result in results if isinstance(result, Drained)]
    others = [result for result in results if not isinstance(result, Drained)]
    late = [result for result in others if result.name.startswith(LATENCY)]
    many = [result for result in others if result.name.startswith("KEYS")]
    scaled = [result for result in others if result.name.startswith("SCALE")]
    peers = [result for result in others if result not in [*late, *many, *scaled]]
    page = with_block(complete(page), "machine", machine)
    page = with_rows(page, "works", (work_row(result, origin) for result in drained))
    page = with_rows(page, "threads", (thread_row(result) for result in drained if result.exact))
    keyed = (result for result in drained if result.exact and result.name.startswith("KEYS-"))
    page = with_rows(page, "keys", (key_row(result, origin) for result in keyed))
    page = with_rows(page, "keys", ([of.name, told(of), *[""] * 4, origin] for of in many))
    page = with_rows(page, "peers", (peer_row(of, origin) for of in peers))
    page = with_rows(page, "scale", ([of.name, told(of), origin] for of in scaled))
    return with_rows(page, "latency", ([of.name, told(of), origin] for of in late))


def work_row(result: Drained, origin: str) -> list[str]:
    """Give a work's row; wrong rows give no figure."""
    if not result.exact:
        return [result.name, f"**{result.rows}: wrong, so no figure**", *[""] * 7, "falls short", origin]
    met, spread = result.figures, result.ratios
    return [
        result.name,
        f"{result.rows} in each of {len(result.rounds)}",
        f"{met['bare_per_s']:,.0f}",
        f"{met['rate']:,.0f}",
        f"**{met['ratio']:.2f}** ({min(spread):.2f}-{max(spread):.2f})",
        f"{met['cpu_us']:.2f}",
        f"{met['rss_mb']:.0f}",
        f"{met['snapshots']:.1%}",
        f"{met['waits']:.1%}",
        goals_of(result),
        origin,
    ]


def goals_of(result: Drained) -> str:
    """Tell a work's goals, and which of them it misses."""
    if result.missed:
        return f"falls short: {'; '.join(result.missed)}"
    met = result.figures
    return ", ".join(
        f"{name} {shown(name, met[name])} of {shown(name, goal)}"
        for name, goal in result.entry.goals.items()
        if name in met
    )


def thread_row(result: Drained) -> list[str]:
    """Give where a work's CPU goes, in us an event by group of threads."""
    met = result.figures
    used = {name.removeprefix(THREAD).removesuffix("_us"): us for name, us in met.items() if THREAD in name}
    named = [used.pop(group, 0.0) for group in ("reader", "writer", "kafka", "polars")]
    columns = [*named, sum(used.values()), met["cpu_us"], met["bare_cpu_us"]]
    return [result.name, *(f"{us:.2f}" for us in columns)]


def key_row(result: Drained, origin: str) -> list[str]:
    """Give what a number of keys costs."""
    met = result.figures
    memory = f"{met['rss_mb']:.0f}"
    if "base_mb" in met:
        memory += f" at most; {met['base_mb']:.0f} before, {met['after_mb']:.0f} after they were gone"
        memory += f"; keys {met['keys_most']:,.0f} at most, {met['keys_left']:,.0f} left"
    return [
        result.name,
        result.rows,
        f"{met['rows_per_event']:.2f}",
        f"{met['cpu_us']:.2f}",
        f"{met.get('thread_writer_us', 0.0):.2f}",
        memory,
        origin,
    ]


def peer_row(result: Result, origin: str) -> list[str]:
    """Give a peer's row; of what is no peer, what it says of itself."""
    if isinstance(result, Peer):
        cells = peers_table([result]).splitlines()[2].strip("| ").split(" | ")
        return [*cells, origin]
    return [result.name, *[""] * (len(HEAD) - 2), told(result), origin]


def told(result: Result) -> str:
    """Say what a result says of itself, without its name."""
    return f"{'OK' if result.reached else 'FALLS SHORT'} {str(result).removeprefix(result.name).strip()}"


def with_rows(page: str, name: str, rows: Iterable[Sequence[str]]) -> str:
    """Put rows into the table of a block: in the place of the row with the same first cell, else last."""
    head = HEADS[name]
    held = {line.split("|")[1].strip(): line for line in block(page, name)[2:]}
    held |= {row[0]: f"| {' | '.join(cell(of) for of in row)} |" for row in rows}
    return with_block(page, name, [f"| {head} |", "|---" * (head.count("|") + 1) + "|", *held.values()])


def cell(text: str) -> str:
    """Make a text fit into one cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def block(page: str, name: str) -> list[str]:
    """Give the lines of a block; none when the page has no such block."""
    _, _, rest = page.partition(f"<!-- begin {name} -->\n")
    body, end, _ = rest.partition(f"<!-- end {name} -->")
    return body.splitlines() if end else []


def with_block(page: str, name: str, lines: Sequence[str]) -> str:
    """Give the page with a block's lines replaced."""
    before, begin, rest = page.partition(f"<!-- begin {name} -->\n")
    _, end, after = rest.partition(f"<!-- end {name} -->")
    return before + begin + "".join(f"{line}\n" for line in lines) + end + after


def complete(page: str) -> str:
    """Give the page with all blocks: one that is not there is put at the end, under a heading."""
    for name, heading in BLOCKS.items():
        if not (f"<!-- begin {name} -->\n" in page and f"<!-- end {name} -->" in page):
            page += f"\n## {heading}\n\n<!-- begin {name} -->\n<!-- end {name} -->\n"
    return page
