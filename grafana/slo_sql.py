"""The SQL of objectives: one text for alerts, panels, runbooks and `./gamewax slos show`.

Rules:
- No macro and no variable is in what alerts run: Grafana's backend evaluates them without a dashboard.
- Time ends at the frontier, the end of the newest complete minute, never at now(): a flow that is behind
  shows the rates of then, and never half a minute's. Rows are those of 60 seconds.
- What counts comes as rows `game_id, minute, total, bad`; rates are sums over them, never means of means.
- A budget is that of all its days: a game that is younger is taken to go on as it began.
"""

from __future__ import annotations

import numpy as np

from grafana.slo import DAY_S, HOUR_S, MINUTE_S, Latency, Slo
from models.sketch import BUCKET_BITS, value_of

# From the upserts: what is complete stays so, and the view would merge a year of rows for one maximum.
FRONTIER = """\
(
    SELECT max(window_start) + 60 FROM complete_windows_upserts
    WHERE flow = 'server_health' AND table_name = 'server_health' AND window_seconds = 60
)"""
_SLOW = """\
if(
        latency_buckets[-1] <= {last_good}, 0,
        arraySum(arrayFilter((n, bucket) -> bucket > {last_good}, latency_counts, latency_buckets))
    )"""  # buckets ascend: mostly the last one tells that none is slow, for half the time
_LATENCY = """\
SELECT
    game_id,
    window_start AS minute,
    arraySum(latency_counts) AS total,
    {slow} AS bad
FROM server_health
WHERE window_seconds = 60 AND window_start >= {begin} AND window_start < {end}"""
_AVAILABILITY = """\
SELECT game_id, window_start AS minute, toUInt64(1) AS total, toUInt64(0) AS bad
FROM server_health
WHERE window_seconds = 60 AND window_start >= {begin} AND window_start < {end}
UNION ALL
SELECT game_id, minute, toUInt64(1) AS total, toUInt64(1) AS bad
FROM (
    SELECT
        game_id,
        toUnixTimestamp(toStartOfMinute(since)) + 60 AS silent_from,
        toUnixTimestamp(toStartOfMinute(ifNull(resolved_at, {end}))) AS back_at,
        toDateTime(arrayJoin(range(
            greatest(silent_from, toUnixTimestamp({begin})),
            least(back_at, silent_from + {forget_s}, toUnixTimestamp({end})),
            60
        )), 'UTC') AS minute
    FROM server_anomalies
    WHERE kind = 'missed_heartbeat' AND since < {end} AND ifNull(resolved_at, {end}) > {begin}
)"""
_OVER_ALL = """\
WITH {frontier} AS frontier
SELECT game_id, {shown}
FROM (
{minutes}
)
GROUP BY game_id
HAVING sum(total) > 0
ORDER BY game_id"""
_OVER_TIME = """\
WITH {frontier} AS frontier
SELECT time, game_id, {shown}
FROM (
    SELECT
        time,
        game_id,
        sum(step_bad) OVER sliding / sum(step_total) OVER sliding AS share,
        toUnixTimestamp(time) + {step_s} - min(toUnixTimestamp(time)) OVER sliding AS covered_s
    FROM (
        SELECT
            toStartOfInterval(minute, INTERVAL {step_s} SECOND) AS time,
            game_id,
            sum(bad) AS step_bad,
            sum(total) AS step_total
        FROM (
{minutes}
        )
        GROUP BY time, game_id
    )
    WINDOW sliding AS (
        PARTITION BY game_id
        ORDER BY toUnixTimestamp(time)
        RANGE BETWEEN {before_s} PRECEDING AND CURRENT ROW
    )
)
WHERE time >= $__fromTime AND isFinite(share)
ORDER BY time, game_id"""
_SLOWEST = """\
WITH {frontier} AS frontier
SELECT
    game_id,
    server_id,
    any(region) AS region,
    any(fleet_id) AS fleet_id,
    sum(arraySum(latency_counts)) AS samples,
    sum({slow}) AS bad,
    max(latency_max) AS slowest
FROM server_health
WHERE window_seconds = 60 AND window_start >= frontier - 3600 AND window_start < frontier
GROUP BY game_id, server_id
HAVING bad > 0
ORDER BY bad DESC, server_id
LIMIT 20"""
_SILENT = """\
WITH {frontier} AS frontier
SELECT game_id, server_id, region, fleet_id, since, resolved_at
FROM server_anomalies
WHERE kind = 'missed_heartbeat' AND ifNull(resolved_at, frontier + 3600) > frontier - 3600
ORDER BY resolved_at IS NOT NULL, since, server_id
LIMIT 20"""


def last_good_bucket(below: float) -> int:
    """Give the last bucket of `models.sketch` whose value is at most `below`."""
    values = value_of(np.arange(2**BUCKET_BITS, dtype=np.int64))
    return int(np.searchsorted(values, below, side="right")) - 1


def minutes(slo: Slo, begin: str, end: str = "frontier") -> str:
    """Give the rows that count between two times, which are SQL expressions of whole minutes."""
    if isinstance(slo.indicator, Latency):
        return _LATENCY.format(begin=begin, end=end, slow=_slow(slo.indicator))
    return _AVAILABILITY.format(begin=begin, end=end, forget_s=slo.indicator.forget_hours * HOUR_S)


def burn_rate(slo: Slo, seconds: int, least_bad: int = 1) -> str:
    """Give each game's burn rate in a window that ends at the frontier: columns game_id, burn.

    It is 0 where fewer than `least_bad` were bad.
    """
    rate = f"if(sum(bad) < {least_bad}, 0, sum(bad) / sum(total) / {slo.budget}) AS burn"
    return _over_all(slo, seconds, rate)


def budget_left(slo: Slo) -> str:
    """Give what is left of each game's error budget (1: all, below 0: overspent): game_id, budget_left."""
    seconds = slo.window_days * DAY_S
    covered_s = "(toUnixTimestamp(frontier) - toUnixTimestamp(min(minute)))"
    spent = f"sum(bad) / sum(total) / {slo.budget} * {covered_s} / {seconds}"
    return _over_all(slo, seconds, f"1 - {spent} AS budget_left")


def burn_over_time(slo: Slo, seconds: int = HOUR_S) -> str:
    """Give the burn rate minute by minute, for a panel: columns time, game_id, burn."""
    return _over_time(slo, MINUTE_S, seconds, f"share / {slo.budget} AS burn")


def budget_over_time(slo: Slo) -> str:
    """Give the budget that was left, hour by hour, for a panel: columns time, game_id, budget_left."""
    seconds = slo.window_days * DAY_S
    left = f"1 - share / {slo.budget} * covered_s / {seconds} AS budget_left"
    return _over_time(slo, HOUR_S, seconds, left)


def worst_servers(slo: Slo) -> str:
    """Give who spent most of the budget in the last hour: for panels and runbooks."""
    if isinstance(slo.indicator, Latency):
        return _SLOWEST.format(frontier=FRONTIER, slow=_slow(slo.indicator))
    return _SILENT.format(frontier=FRONTIER)


def indented(sql: str, spaces: int = 4) -> str:
    """Move lines to the right."""
    return "\n".join(" " * spaces + line for line in sql.splitlines())


def _slow(indicator: Latency) -> str:
    return _SLOW.format(last_good=last_good_bucket(indicator.below))


def _over_all(slo: Slo, seconds: int, shown: str) -> str:
    counted = indented(minutes(slo, f"frontier - {seconds}"))
    return _OVER_ALL.format(frontier=FRONTIER, shown=shown, minutes=counted)


def _over_time(slo: Slo, step_s: int, seconds: int, shown: str) -> str:
    """Give what follows from the bad share of a sliding window, at each `step_s` of a panel's time."""
    counted = minutes(slo, f"toStartOfHour($__fromTime) - {seconds}", "least(frontier, $__toTime)")
    return _OVER_TIME.format(
        frontier=FRONTIER,
        shown=shown,
        step_s=step_s,
        before_s=seconds - step_s,
        minutes=indented(counted, 12),
    )
