"""Many labels at once: a file of chargebacks by transaction, as CSV with a header or one JSON object a line.

Rules: `transaction_id` must be there; `player_id`, `fraud` and `reason` may be. What cannot be read ends it
with its line before anything is sent; a transaction that names no purchase is told, the others are sent.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cli.desk import Desk
from cli.desk_labels import Said, Sent, label_of_transaction, send_labels
from cli.desk_purchases import Bought, of_transactions
from cli.harmless import harmless
from topics.errors import BadInput
from topics.fraud_labels import FraudLabel

FIELDS = {"transaction_id", "player_id", "fraud", "reason"}
FLAGS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
SHOWN = 5  # rows that are told one by one


@dataclass(frozen=True, slots=True)
class Told:
    """What holds for lines that do not say it themselves; `fraud` None: each must."""

    fraud: bool | None
    by: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Chargeback:
    """One line: a transaction, whose it was (empty: not said), and what is said of it."""

    line: int
    transaction_id: str
    player_id: str
    said: Said


@dataclass(frozen=True, slots=True)
class Matched:
    """What a file's lines are about: purchases, labels by transaction, and lines that name none."""

    purchases: list[tuple[Bought, Said]]
    beside: list[FraudLabel]
    faults: list[str]


def label_file(desk: Desk, path: Path, told: Told) -> Sent:
    """Send the labels of a file.

    Raises:
        BadInput: the file cannot be read; or some of its lines named no purchase (the others were sent).

    """
    lines = list(read_file(path, told))
    matched = match(lines, of_transactions(desk, sorted({of.transaction_id for of in lines})))
    sent = send_labels(desk, matched.purchases, matched.beside)
    if matched.faults:
        more = len(matched.faults) - SHOWN
        some = "; ".join(matched.faults[:SHOWN]) + (f"; and {more} more" if more > 0 else "")
        raise BadInput(
            f"{len(matched.faults)} of {len(lines)} lines name no purchase ({some}); of the others: "
            f"{sent.told('as told')}"
        )
    return sent


def match(lines: Sequence[Chargeback], found: Mapping[str, list[Bought]]) -> Matched:
    """Find each line's purchases: those of its transaction, and of its player where it names one."""
    matched = Matched([], [], [])
    for of in lines:
        mine = [
            bought
            for bought in found.get(of.transaction_id, ())
            if of.player_id in {"", bought.player_id}
        ]  # fmt: skip
        name = harmless(of.transaction_id, 60)
        if len({bought.player_id for bought in mine}) > 1:
            matched.faults.append(f"line {of.line}: {name} was used by several players, say player_id")
        elif mine:
            matched.purchases.extend((bought, of.said) for bought in mine)
        elif of.player_id:
            matched.beside.append(label_of_transaction(of.transaction_id, of.player_id, of.said))
        else:
            matched.faults.append(f"line {of.line}: {name} is not in the archive, say player_id")
    return matched


def read_file(path: Path, told: Told) -> Iterator[Chargeback]:
    """Read a file's lines.

    Raises:
        BadInput: it is not there, or a line is no good.

    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.read(1)
            file.seek(0)
            for line, row in _json_rows(file) if first == "{" else _csv_rows(file):
                yield _chargeback(f"{path}:{line}", line, row, told)
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read: {error}") from error


def _csv_rows(file: Iterator[str]) -> Iterator[tuple[int, Mapping[str, object]]]:
    reader = csv.DictReader(file)
    for row in reader:
        yield reader.line_num, row


def _json_rows(file: Iterator[str]) -> Iterator[tuple[int, Mapping[str, object]]]:
    for line, text in enumerate(file, 1):
        if not text.strip():
            continue
        try:
            row = json.loads(text)
        except ValueError as error:
            raise BadInput(f"line {line} is no JSON: {error}") from error
        if not isinstance(row, dict):
            raise BadInput(f"line {line} is no JSON object")
        yield line, row


def _chargeback(place: str, line: int, row: Mapping[str, object], told: Told) -> Chargeback:
    """Read one line.

    Raises:
        BadInput: a field is unknown or missing, or no flag.

    """
    if unknown := [str(name) for name in row if name not in FIELDS]:
        raise BadInput(f"{place}: unknown field {unknown[0]!r}; there are: {', '.join(sorted(FIELDS))}")
    given = {name: _text(value) for name, value in row.items()}
    flag = given.get("fraud", "").lower()
    if flag and flag not in FLAGS:
        raise BadInput(f"{place}: fraud must be true or false, not {flag!r}")
    fraud = FLAGS[flag] if flag else told.fraud
    if fraud is None:
        raise BadInput(f"{place} does not say whether it was fraud: add it, or give --fraud or --honest")
    if not given.get("transaction_id"):
        raise BadInput(f"{place} has no transaction_id")
    said = Said(fraud, told.by, given.get("reason", "") or told.reason)
    return Chargeback(line, given["transaction_id"], given.get("player_id", ""), said)


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()
