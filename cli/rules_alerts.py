"""Alerts that rules would have made, as people and programs read them.

Rules: names of players and values of reasons are strangers' text, escaped before they are shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from cli.harmless import harmless, moment
from models.fraud_alert import OpenAlert, told
from models.fraud_expression import Reason
from topics.errors import BadInput


class Example(NamedTuple):
    """What is shown of an alert in a line."""

    first_ms: int
    player_id: str
    decision: str
    score: float
    purchases: int
    reasons: tuple[Reason, ...]
    alert_id: str


def example(alert: OpenAlert) -> Example:
    """Give what is shown of an alert."""
    return Example(
        alert.first_event_ms,
        alert.first.player_id,
        alert.decision,
        alert.score,
        alert.purchases,
        alert.reasons,
        alert.alert_id,
    )


def example_line(of: Example) -> str:
    """Say in a line what was found, and why."""
    many = "1 purchase" if of.purchases == 1 else f"{of.purchases} purchases"
    does = f"{of.decision or 'nothing'} {of.score:.2f}"
    reasons = "; ".join(_reason(reason) for reason in of.reasons)
    return f"{moment(of.first_ms)}  {harmless(of.player_id, 40)}  {does}  {many}  {reasons}  {of.alert_id}"


def _reason(of: Reason) -> str:
    """Say what was seen against what limit."""
    value, limit = (f"{it:g}" if isinstance(it, float) else harmless(str(it), 40) for it in of[1:])
    return f"{of.name} {value} (limit {limit})" if of.threshold is not None else f"{of.name} {value}"


@contextmanager
def written(out: Path | None) -> Iterator[Callable[[OpenAlert], None]]:
    """Write alerts as lines of JSON to a file; it is there whole, or not at all.

    Raises:
        BadInput: the file cannot be written.

    """
    if out is None:
        yield lambda _: None
        return
    part = out.with_name(f"{out.name}.part")
    try:
        file = part.open("wb")
    except OSError as error:
        raise _refused(out, error) from error
    with file:
        try:
            yield lambda alert: _write(file, alert, out)
        except BaseException:
            part.unlink()
            raise
    part.replace(out)


def alert_json(alert: OpenAlert) -> dict[str, object]:
    """Give an alert as a row of `fraud_alerts` has it, with reasons and evidence as JSON."""
    first = alert.first
    return {
        "alert_id": alert.alert_id,
        "window_start": moment(alert.window_ms),
        "game_id": first.game_id,
        "player_id": first.player_id,
        "rule_id": first.rule_id,
        "rule_version": first.rule_version,
        "score": alert.score,
        "decision": alert.decision,
        "reasons": told(alert.reasons),
        "evidence": msgspec.to_builtins(alert.evidence),
        "purchases": alert.purchases,
        "model_version": first.model_version,
        "shadow": first.shadow,
        "first_event_time": moment(alert.first_event_ms),
        "detected_at": moment(first.kafka_ms),
    }


def _write(file: BinaryIO, alert: OpenAlert, out: Path) -> None:
    try:
        file.write(msgspec.json.encode(alert_json(alert)) + b"\n")
    except OSError as error:
        raise _refused(out, error) from error


def _refused(out: Path, error: OSError) -> BadInput:
    return BadInput(f"cannot write {out}: {error.strerror or error}")
