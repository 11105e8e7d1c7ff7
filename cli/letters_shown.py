"""Dead letters as people and programs read them: tables, JSON, CSV, and one letter in full.

Rules: what came from strangers is escaped before it is shown (`cli.harmless`); JSON has it exactly.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.harmless import harmless, moment
from cli.letters import Count, Letter
from sinks.kafka import as_field

PREVIEW = 120  # characters of a message in a table
WIDE = 160  # columns when nobody says how wide the output is
WHOLE = sys.maxsize
CSV_COLUMNS = (
    "id", "first_seen", "reason", "path", "error", "topic", "key", "replays", "replayed_at", "raw",
)  # fmt: skip
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what spreadsheets would run


def table(counts: Sequence[Count], letters: Sequence[Letter]) -> None:
    """Print the counts and the newest letters."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=WIDE)
    if not counts:
        console.print("no dead letters")
        return
    console.print(_counts(counts))
    console.print(_letters(letters))
    more = sum(of.letters for of in counts) - len(letters)
    if more:
        console.print(f"and {more} older ones (--limit)")
    console.print("One in full: ./gamewax deadletters show ID", style="dim")


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
    size = "no value (a tombstone)" if letter.dead.reason == "tombstone" else f"{len(raw)} bytes"
    console.print(Text(f"{'raw':<12}", "dim"), Text(f"{size}; exactly: ./gamewax deadletters show ID --raw"))
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
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("reason", "topic", "field"):
        shown.add_column(name, no_wrap=True)
    for name in ("letters", "replayed"):
        shown.add_column(name, justify="right", no_wrap=True)
    for name in ("first seen", "last seen"):
        shown.add_column(name, no_wrap=True)
    for of in counts:
        times = moment(of.first_ms), moment(of.last_ms)
        numbers = f"{of.letters:,}", f"{of.replayed:,}" if of.replayed else ""
        shown.add_row(of.reason, Text(harmless(of.topic)), Text(harmless(of.path)), *numbers, *times)
    return shown


def _letters(letters: Sequence[Letter]) -> Table:
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    shown.add_column("id", no_wrap=True)
    shown.add_column("first seen", no_wrap=True)
    shown.add_column("reason", no_wrap=True)
    shown.add_column("message", no_wrap=True, overflow="ellipsis")
    for letter in letters:
        dead = letter.dead
        reason = f"{dead.reason} {dead.path}".strip() + (" (replayed)" if letter.replayed_ms else "")
        seen, raw = moment(dead.first_seen_ms), Text(harmless(dead.raw, PREVIEW))
        shown.add_row(Text(harmless(dead.id)), seen, Text(harmless(reason)), raw)
    return shown


def _no_formula(value: str | int | None) -> str | int | None:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
