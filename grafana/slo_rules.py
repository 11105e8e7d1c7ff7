"""Objectives as alert rules: for each, three pairs of windows in which its error budget burns too fast.

Rules: $A is the burn rate in the long window, 0 where fewer than `least_bad` were bad; $B in the short one.
"""

from __future__ import annotations

from collections.abc import Sequence

from grafana.alert_rules import Group, Query, Rule
from grafana.slo import BURNS, DAY_S, HOUR_S, PAGE, TICKET, Burn, Latency, Slo, alert_name, span
from grafana.slo_panels import DASHBOARD, burn_panel
from grafana.slo_sql import burn_rate

BURN = '{{ printf "%.1f" $values.A.Value }}'
GAME = "{{ with $labels.game_id }} in {{ . }}{{ end }}"


def burn_groups(slos: Sequence[Slo]) -> list[Group]:
    """Give the rules that page, looked at every minute, and those that make tickets, every five."""
    rules = {severity: [_rule(slos, slo, burn) for slo in slos for burn in BURNS if burn.severity == severity]
             for severity in (PAGE, TICKET)}  # fmt: skip
    return [Group("slo_pages", "1m", rules[PAGE]), Group("slo_tickets", "5m", rules[TICKET])]


def title(slo: Slo, burn: Burn) -> str:
    """Give what Grafana calls the alert (its label alertname)."""
    return f"{slo.title}: error budget burns above {burn.rate}x"


def share(slo: Slo, burn: Burn) -> str:
    """Write the percentage of bad above which an objective burns so fast."""
    return f"{(burn.rate * slo.budget * 100).normalize():f} %"


def gone_in(slo: Slo, burn: Burn) -> str:
    """Write how long the whole error budget lasts at a burn rate."""
    hours = float(slo.window_days * DAY_S / burn.rate / HOUR_S)
    return f"{hours:.0f} hours" if hours < 100 else f"{hours / 24:.0f} days"  # noqa: PLR2004  hours that one can grasp


def counted(slo: Slo) -> str:
    """Say what is bad, behind a percentage."""
    if isinstance(slo.indicator, Latency):
        return f"samples had a latency above {slo.indicator.below:g}"
    return "minutes of servers had no sample though some were due"


def _rule(slos: Sequence[Slo], slo: Slo, burn: Burn) -> Rule:
    least = slo.least_bad
    description = (
        f"More than {share(slo, burn)} of {counted(slo)}, in the last {span(burn.long_s)} and still in the "
        f"last {span(burn.short_s)}. At {burn.rate}x the budget of {slo.window_days} days is gone in "
        f"{gone_in(slo, burn)}. {slo.meaning}"
    )
    return Rule(
        name=alert_name(slo, burn),
        title=title(slo, burn),
        queries=(
            Query(burn_rate(slo, burn.long_s, least), burn.long_s),
            Query(burn_rate(slo, burn.short_s), burn.short_s),
        ),
        above=float(burn.rate),
        labels={"severity": burn.severity, "slo": slo.id, "team": slo.owner},
        annotations={
            "summary": f"{slo.title}: error budget burns {BURN}x{GAME}",
            "description": description,
            "__dashboardUid__": DASHBOARD,
            "__panelId__": str(burn_panel(slos, slo)),
        },
    )
