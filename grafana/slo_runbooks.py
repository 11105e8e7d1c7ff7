"""A runbook page for each burn alert: the template of the indicator, filled with the objective's numbers.

Rules: a template is `grafana/runbooks/KIND.md`; its `$names` are those below. All its SQL runs in a test.
"""

from __future__ import annotations

from pathlib import Path
from string import Template

from grafana.slo import PAGE, Burn, Latency, Slo, alert_name, span
from grafana.slo_panels import promise
from grafana.slo_rules import gone_in, share, title
from grafana.slo_sql import FRONTIER, worst_servers

TEMPLATES = Path(__file__).parent / "runbooks"
URGENCY = {
    True: "It pages because waiting until tomorrow would cost too much of it: act now.",
    False: "It is a ticket because it is slow: mend it within days, at daytime.",
}


def runbook(slo: Slo, burn: Burn) -> str:
    """Give the page of an alert."""
    kind = "latency" if isinstance(slo.indicator, Latency) else "availability"
    template = Template((TEMPLATES / f"{kind}.md").read_text(encoding="utf-8"))
    below = f"{slo.indicator.below:g}" if isinstance(slo.indicator, Latency) else ""
    return template.substitute(
        title=slo.title,
        alert=alert_name(slo, burn),
        alert_title=title(slo, burn),
        slo=slo.id,
        severity=f"a {burn.severity}",
        rate=burn.rate,
        long=span(burn.long_s),
        short=span(burn.short_s),
        share=share(slo, burn),
        below=below,
        days=slo.window_days,
        gone=gone_in(slo, burn),
        promise=promise(slo),
        meaning=slo.meaning,
        urgency=URGENCY[burn.severity == PAGE],
        frontier=FRONTIER,
        worst=worst_servers(slo),
    )
