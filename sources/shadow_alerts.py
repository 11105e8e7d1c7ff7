"""What shadow rules wrote to `fraud_alerts`, counted, and what is known of it.

Rules: a shadow alert is covered when a live rule of another id hit the same player within its window, as far
as evidence tells (20 purchases an alert).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from clickhouse_connect.driver.client import Client

_MINE = """
SELECT alert_id, game_id, player_id, toUnixTimestamp64Milli(window_start) AS begin_ms, purchases, decision
FROM fraud_alerts
WHERE shadow AND rule_id = {id:String} AND rule_version = {version:UInt32}
    AND detected_at >= fromUnixTimestamp64Milli({since:Int64})
"""
_VERSIONS = """
SELECT rule_version, toUnixTimestamp64Milli(min(detected_at)) FROM fraud_alerts
WHERE shadow AND rule_id = {id:String} AND detected_at >= fromUnixTimestamp64Milli({since:Int64})
GROUP BY rule_version ORDER BY rule_version
"""
_COUNTS = """
SELECT count(), uniqExact(game_id, player_id), sum(purchases), countIf(decision = 'block'),
    countIf(decision = 'review')
FROM (<mine>)
"""
_COVERED = """
SELECT uniqExact(mine.alert_id) FROM (<mine>) AS mine
INNER JOIN (
    SELECT game_id, player_id,
        arrayJoin(JSONExtract(evidence, 'Array(Tuple(time_ms Int64))')).1 AS hit_ms
    FROM fraud_alerts
    WHERE NOT shadow AND rule_id != {id:String} AND player_id IN (SELECT player_id FROM (<mine>))
) AS live ON live.game_id = mine.game_id AND live.player_id = mine.player_id
WHERE live.hit_ms >= mine.begin_ms AND live.hit_ms < mine.begin_ms + {size:Int64}
"""
_LABELLED = """
SELECT count(), countIf(fraud) FROM fraud_alert_labels WHERE alert_id IN (SELECT alert_id FROM (<mine>))
"""
_STRONGEST = """
SELECT toUnixTimestamp64Milli(first_event_time), player_id, decision, score, purchases, reasons, alert_id
FROM fraud_alerts WHERE alert_id IN (SELECT alert_id FROM (<mine>))
ORDER BY score DESC, purchases DESC, alert_id LIMIT 1 BY game_id, player_id LIMIT 5
"""


class Strong(NamedTuple):
    """One of the strongest alerts; `reasons` are JSON, as the table has them."""

    first_ms: int
    player_id: str
    decision: str
    score: float
    purchases: int
    reasons: str
    alert_id: str


@dataclass(frozen=True, slots=True)
class ShadowCounts:
    """What one version did in shadow; `blocks` and `reviews` are decisions that it would have made."""

    alerts: int
    players: int
    purchases: int
    blocks: int
    reviews: int
    covered: int
    labelled: int
    fraud: int
    strongest: tuple[Strong, ...]


def shadow_versions(client: Client, rule_id: str, since_ms: int) -> dict[int, int]:
    """Name the versions with shadow alerts since a Kafka time, and when each had its first (epoch ms)."""
    rows = client.query(_VERSIONS, parameters={"id": rule_id, "since": since_ms}).result_rows
    return {row[0]: row[1] for row in rows}


def shadow_counts(client: Client, version: tuple[str, int], suppress_s: int, since_ms: int) -> ShadowCounts:
    """Count what a version (id, number) did in shadow since a Kafka time (epoch ms)."""
    asked = {"id": version[0], "version": version[1], "since": since_ms, "size": suppress_s * 1000}
    (counts,), (covered,), (labelled,), strongest = (
        client.query(query.replace("<mine>", _MINE), parameters=asked).result_rows
        for query in (_COUNTS, _COVERED, _LABELLED, _STRONGEST)
    )
    alerts, players, purchases, blocks, reviews = counts
    return ShadowCounts(
        alerts=alerts,
        players=players,
        purchases=purchases,
        blocks=blocks,
        reviews=reviews,
        covered=covered[0],
        labelled=labelled[0],
        fraud=labelled[1],
        strongest=tuple(Strong(*row) for row in strongest),
    )
