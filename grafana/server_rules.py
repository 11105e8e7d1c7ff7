"""Alert rules on what the detectors found, and one that watches whether anybody watches.

Rules:
- When all servers are silent the frontier stands, and burn rates with it. So silence pages by its alarms,
  too, which need no frontier to move.
- One silent server is a critical incident, but no page: that is what budgets are for.
- Age counts from the frontier, as all else does. The one rule that looks at the clock says that we are blind.
"""

from __future__ import annotations

from grafana.alert_rules import Group, Query, Rule
from grafana.slo import DAY_S, HOUR_S, MINUTE_S, PAGE, TICKET
from grafana.slo_panels import DASHBOARD
from grafana.slo_rules import GAME
from grafana.slo_sql import FRONTIER

SILENT_SHARE = 0.5
BLIND_S = 15 * MINUTE_S
_INCIDENTS = """\
WITH {frontier} AS frontier
SELECT game_id, toFloat64(count()) AS incidents
FROM server_incidents
WHERE severity = 'critical' AND resolved_at IS NULL AND last_alarm_at + INTERVAL 1 DAY > frontier
GROUP BY game_id
ORDER BY game_id"""
_SILENT = """\
WITH {frontier} AS frontier
SELECT game_id, uniqExactIf(server_id, silent) / uniqExact(server_id) AS share
FROM (
    SELECT game_id, server_id, false AS silent
    FROM server_health
    WHERE window_seconds = 60 AND window_start >= frontier - 3600 AND window_start < frontier
    UNION ALL
    SELECT game_id, server_id, true AS silent
    FROM server_anomalies
    WHERE kind = 'missed_heartbeat' AND resolved_at IS NULL AND since + INTERVAL 1 DAY > frontier
)
GROUP BY game_id
ORDER BY game_id"""
_BLIND = """\
WITH {frontier} AS frontier
SELECT toFloat64(dateDiff('second', frontier, now())) AS behind_s
WHERE frontier > toDateTime(60, 'UTC')"""


def server_group() -> Group:
    """Give the rules."""
    return Group("servers", "1m", (_incident(), _silent(), _blind()))


def _incident() -> Rule:
    return Rule(
        name="server_incident",
        title="Critical incident of game servers",
        queries=(Query(_INCIDENTS.format(frontier=FRONTIER), DAY_S),),
        above=0,
        labels=_labels(TICKET),
        annotations=_annotations(
            f'Critical incidents that are open: {{{{ printf "%.0f" $values.A.Value }}}}{GAME}',
            "Detectors found servers far outside what they are used to; the dashboard lists what they saw.",
        ),
    )


def _silent() -> Rule:
    return Rule(
        name="servers_silent",
        title="Most game servers are silent",
        queries=(Query(_SILENT.format(frontier=FRONTIER), HOUR_S),),
        above=SILENT_SHARE,
        labels=_labels(PAGE),
        annotations=_annotations(
            f"{{{{ humanizePercentage $values.A.Value }}}} of the servers are silent{GAME}",
            "Each missed three of its own heartbeats, and did not say that it leaves. While all are silent, "
            "burn rates stand still: this alert is the only one.",
        ),
    )


def _blind() -> Rule:
    return Rule(
        name="slos_blind",
        title="Nobody watches the game servers",
        queries=(Query(_BLIND.format(frontier=FRONTIER), HOUR_S),),
        above=BLIND_S,
        labels=_labels(PAGE),
        annotations=_annotations(
            "Burn rates end {{ humanizeDuration $values.A.Value }} ago",
            "No minute of server_health became complete since then, or ClickHouse cannot be asked: the flow "
            "stands, or no server sends. Meanwhile no objective can page.",
        ),
        wait="5m",
        when_failing="Alerting",
    )


def _labels(severity: str) -> dict[str, str]:
    return {"severity": severity, "team": "sre"}


def _annotations(summary: str, description: str) -> dict[str, str]:
    return {"summary": summary, "description": description, "__dashboardUid__": DASHBOARD, "__panelId__": "1"}
