"""The dashboard of error budgets: what is left, how fast it burns, who spends it.

Rules: an objective's panels have the numbers 10, 11, …, the next one's 20, 21, …; alerts link to them.
"""

from __future__ import annotations

from collections.abc import Sequence

from grafana.panels import GREEN, RED, YELLOW, Json, Look, Panel, Place, dashboard, drawn, heading
from grafana.slo import BURNS, Latency, Slo
from grafana.slo_sql import FRONTIER, budget_left, budget_over_time, burn_over_time, burn_rate, worst_servers

DASHBOARD = "gamewax-slos"
ABOUT = "How much of each objective's error budget is left, how fast it burns, and which servers spend it."
TOP, BLOCK = 5, 16  # rows of the grid: those above all objectives, those of one
_BURN_STEPS = ((GREEN, None), (YELLOW, float(BURNS[-1].rate)), (RED, float(BURNS[1].rate)))
_LEFT_STEPS = ((RED, None), (YELLOW, 0.0), (GREEN, 0.25))
_INCIDENTS_SQL = """\
SELECT
    game_id,
    severity,
    opened_at,
    last_alarm_at,
    length(servers) AS servers,
    arrayStringConcat(metrics, ', ') AS metrics,
    text
FROM server_incidents
WHERE resolved_at IS NULL
ORDER BY severity, opened_at
LIMIT 50"""
_AGE_SQL = f"SELECT dateDiff('second', {FRONTIER}, now()) AS behind"


def slo_dashboard(slos: Sequence[Slo]) -> Json:
    """Give the dashboard."""
    panels = [drawn(_AGE), drawn(_INCIDENTS)]
    for place, slo in enumerate(slos):
        first, y = _first(slos, slo), TOP + place * BLOCK
        panels.append(heading(first, f"{slo.title}: {promise(slo)}", y))
        panels += [drawn(panel) for panel in _block(slo, first, y + 1)]
    return dashboard(DASHBOARD, "SLOs: error budgets", ABOUT, panels)


def burn_panel(slos: Sequence[Slo], slo: Slo) -> int:
    """Give the number of the panel that shows an objective's burn rate."""
    return _first(slos, slo) + 3


def promise(slo: Slo) -> str:
    """Say in words what is promised."""
    if isinstance(slo.indicator, Latency):
        good = f"of samples have a latency of at most {slo.indicator.below:g}"
    else:
        good = "of minutes in which a server's samples are due have some"
    return f"{slo.objective:g} % {good}, in any {slo.window_days} days"


def _first(slos: Sequence[Slo], slo: Slo) -> int:
    return 10 * (1 + slos.index(slo))


def _block(slo: Slo, first: int, y: int) -> list[Panel]:
    percent = Look("percentunit", _LEFT_STEPS, 1, most=1)
    times = Look("suffix:x", _BURN_STEPS, 2)
    days = slo.window_days
    return [
        Panel(
            first + 1, "stat", "Budget left",
            f"Share of {days} days' error budget that is left, if traffic stays as it is. Below 0 %: missed.",
            budget_left(slo), Place(0, y, 4, 8), percent,
        ),
        Panel(
            first + 2, "stat", "Burns now",
            f"How many times too fast the budget went in the last hour. 1x: it lasts {days} days exactly.",
            burn_rate(slo, 3600), Place(4, y, 4, 8), times,
        ),
        Panel(
            first + 3, "timeseries", "Burn rate over an hour",
            "At each minute: how many times too fast the budget went in the hour before. Yellow 1x, red 6x.",
            burn_over_time(slo), Place(8, y, 8, 8), times,
        ),
        Panel(
            first + 4, "timeseries", "Budget left over time",
            f"At each hour: the share of the budget of the {days} days before that was left.",
            budget_over_time(slo), Place(16, y, 8, 8), percent,
        ),
        Panel(
            first + 5, "table", "Who spends it",
            "The 20 servers that spent most of the budget in the last hour.",
            worst_servers(slo), Place(0, y + 8, 24, 7), Look(none="nobody in the last hour"),
        ),
    ]  # fmt: skip


_AGE = Panel(
    1, "stat", "Burn rates end",
    "Age of the newest complete minute. Alerts look no further: what is younger is not all in yet. "
    "Above 15 minutes the alert slos_blind fires.",
    _AGE_SQL, Place(0, 0, 6, TOP), Look("s", ((GREEN, None), (YELLOW, 300), (RED, 900)), 0),
)  # fmt: skip
_INCIDENTS = Panel(
    2, "table", "Open incidents",
    "What the detectors found and what is not resolved yet, the critical first.",
    _INCIDENTS_SQL, Place(6, 0, 18, TOP), Look(none="none"),
)  # fmt: skip
