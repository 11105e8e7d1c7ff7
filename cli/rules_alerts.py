"""Alerts that rules would have made, as people and programs read them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec

from cli.harmless import moment
from models.fraud_alert import OpenAlert, told
from topics.errors import BadInput


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
