"""Dead letters as people and programs read them: tables, JSON, CSV, and one letter in full.

Rules: what came from strangers is escaped before it is shown (`cli.harmless`); JSON has it exactly.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.harmless import harmless, moment
from cli.letters import Count, Letter
from sinks.kafka import as_field
from topics.rejects import Reason

INDENT = " " * 4
WIDE = 120  # columns when nobody says how wide the output is
WHOLE = sys.maxsize
CSV_COLUMNS = (
    "id", "first_seen", "reason", "path", "error", "topic", "key", "replays", "replayed_at", "raw",
)  # fmt: skip
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what spreadsheets would run


def table(counts: Sequence[Count], letters: Sequence[Letter]) -> None:
    """Print the counts and the newest letters, to fit a terminal of 80 columns."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=WIDE)
    if not counts:
        console.print("no dead letters")
        return
    console.print(_counts(counts), "")
    for letter in letters:
        _two_lines(console, letter)
    if more := sum(of.letters for of in counts) - len(letters):
        console.print(f"and {more:,} older ones (--limit)")
    console.print("one in full: ./gamewax deadletters show ID", style="dim")


def as_json(counts: Sequence[Count], letters: Sequence[Letter]) -> None:
    """Print one JSON object; bytes that are no text stand as `key_base64` and `raw_base64`."""
    found = {
        "counts": [
            {**of._asdict(), "first_ms": moment(of.first_ms), "last_ms": moment(of.last_ms)} for of in counts
        ],
        "letters": [fields(letter) for letter in letters],
    }
    for of in found["counts"]:
        of["first_seen"], of["last_seen"] = of.pop("first_ms"), of.pop("last_ms")
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


def as_csv(letters: Sequence[Letter]) -> None:
    """Print letters as CSV, harmless to terminals and spreadsheets."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for letter in letters:
        told = fields(letter) | {"key": harmless(letter.dead.key), "raw": harmless(letter.dead.raw)}
        writer.writerow(_no_formula(told[name]) for name in CSV_COLUMNS)


def in_full(letter: Letter) -> None:
    """Print everything about one letter."""
    console = Console(highlight=False, soft_wrap=True)
    told = fields(letter) | {"key": harmless(letter.dead.key) or "(none, or empty)"}
    for name in ("id", "reason", "path", "error", "first_seen", "replays", "replayed_at", "key"):
        console.print(Text(f"{name:<12}", "dim"), Text(str(told[name] if told[name] is not None else "-")))
    raw = letter.dead.raw
    size = "no value (a tombstone)" if letter.dead.reason == Reason.tombstone else f"{len(raw)} bytes"
    console.print(
        Text(f"{'raw':<12}", "dim"),
        Text(f"{size}; exactly: ./gamewax deadletters show {letter.dead.id} --raw"),
    )
    if raw:
        console.print(Text(harmless(raw)))


def fields(letter: Letter) -> dict[str, str | int | None]:
    """Give all of a letter by name; bytes as text or base64."""
    dead = letter.dead
    return {
        "id": dead.id,
        "reason": dead.reason,
        "path": dead.path,
        "error": dead.error,
        "log": dead.log,
        "topic": dead.topic,
        "partition": dead.partition,
        "offset": dead.offset,
        "first_seen": moment(dead.first_seen_ms),
        "replays": dead.replays,
        "replayed_at": None if letter.replayed_ms is None else moment(letter.replayed_ms),
        **as_field("key", dead.key, WHOLE),
        **as_field("raw", dead.raw, WHOLE),
    }


def _counts(counts: Sequence[Count]) -> Table:
    shown = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("reason", "topic", "field"):
        shown.add_column(name, overflow="fold")
    for name in ("letters", "replayed"):
        shown.add_column(name, justify="right", no_wrap=True)
    shown.add_column("last seen (UTC)", no_wrap=True)
    for of in counts:
        names = (Text(harmless(name)) for name in (of.reason, of.topic, of.path))
        shown.add_row(
            *names, f"{of.letters:,}", f"{of.replayed:,}" if of.replayed else "", _second(of.last_ms)
        )
    return shown


def _two_lines(console: Console, letter: Letter) -> None:
    """Print what a letter is, with its id whole, and below it as much of the message as fits."""
    dead = letter.dead
    reason = f"{dead.reason} {dead.path}".strip()
    replayed = "  replayed" if letter.replayed_ms is not None else ""
    head = Text.assemble((_second(dead.first_seen_ms), "dim"), "  ", (harmless(reason), "bold red"), "  ")
    head.append(harmless(dead.id), "cyan").append(replayed, "green")
    console.print(head, soft_wrap=True)
    raw = harmless(dead.raw, console.width - len(INDENT)) if dead.raw else "(empty)"
    console.print(Text(INDENT + ("(no value)" if dead.reason == Reason.tombstone else raw)), soft_wrap=True)


def _second(ms: int) -> str:
    return moment(ms)[:19].replace("T", " ")


def _no_formula(value: str | int | None) -> str | int | None:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
