"""Suspicions: verdicts over purchases as alerts take them, with their place in the log and their evidence.

Rules:
- A live rule's hit counts when something is to be done: a purchase that a rule allows, or whose score asks
  for nothing, gives none. A shadow rule's hit always counts: people see what it would have done.
- Evidence holds the features that any rule looked at that matched the purchase: enough to judge it again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from models.fraud_alert import STRENGTH, Evidence, Suspicion
from models.fraud_verdict import Hit, Verdict

COLUMNS = ("game_id", "player_id", "event_time", "kafka_time_ms", "offset")


@dataclass(frozen=True, slots=True)
class Origin:
    """The partition of a log that purchases come from."""

    log: str
    topic: str
    partition: int


def suspicions(
    verdicts: Sequence[Verdict], purchases: pl.DataFrame, origin: Origin, model: str
) -> Iterator[Suspicion]:
    """Give what alerts are made of, in the purchases' order.

    Args:
        verdicts: over rows of `purchases`, in order.
        purchases: as the flow folded them; `COLUMNS` are looked at.
        origin: where they were read.
        model: name and version of the model that was asked; empty: none was.

    """
    if not verdicts:
        return
    picked = purchases.select(COLUMNS)[[verdict.row for verdict in verdicts]]
    for verdict, row in zip(verdicts, picked.iter_rows(), strict=True):
        game_id, player_id, time_ms, kafka_ms, offset = row
        for hit in verdict.hits:
            if not _counts(hit):
                continue
            yield Suspicion(
                game_id=game_id or "",
                player_id=player_id,
                rule_id=hit.rule_id,
                rule_version=hit.rule_version,
                suppress_s=hit.suppress_s,
                shadow=hit.shadow,
                decision=hit.outcome.decision or "",
                reasons=hit.reasons,
                evidence=_evidence(verdict, hit.outcome.score, origin, (offset, time_ms)),
                kafka_ms=kafka_ms,
                model_version=model if verdict.model_score is not None else "",
            )


def _counts(hit: Hit) -> bool:
    """Tell whether a hit belongs to an alert; `allow` is none."""
    return hit.shadow or bool(STRENGTH.get(hit.outcome.decision or "", 0))


def _evidence(verdict: Verdict, score: float, origin: Origin, at: tuple[int, int]) -> Evidence:
    """Give a purchase as it was judged; `at` is its offset and event time."""
    offset, time_ms = at
    return Evidence(
        log=origin.log,
        topic=origin.topic,
        partition=origin.partition,
        offset=offset,
        time_ms=time_ms,
        features=dict(verdict.features),
        rules=list(verdict.rules),
        model_score=verdict.model_score,
        score=score,
    )
