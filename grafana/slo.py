"""Service-level objectives as data: what counts as good, how much of it is promised, what wakes somebody.

Source: "The Site Reliability Workbook", chapter 5, "Alerting on SLOs", its sixth approach: multiple windows,
multiple burn rates. Rules: a burn rate of 1 spends the error budget exactly in the objective's window. An
alert needs its rate in a long window, so that it matters, and in a short one, so that it ends soon after the
trouble does.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

import msgspec

HOUR_S, DAY_S, MINUTE_S = 3_600, 86_400, 60
PAGE, TICKET = "page", "ticket"

Id = Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9_]{2,24}$")]
Text = Annotated[str, msgspec.Meta(min_length=1, pattern="^[^${}]*$")]  # Grafana would replace $x and {{x}}


class Latency(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind", tag="latency"
):
    """Good is a sample whose latency is `below` at most, in the sender's unit, to 1 % (`models.sketch`)."""

    below: Annotated[float, msgspec.Meta(gt=0, lt=10**9)]


class Availability(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    kw_only=True,
    tag_field="kind",
    tag="availability",
):
    """Good is a minute of a server in which a sample came; bad one in which samples were due and none came.

    Due they are from a server's last sample on when its heartbeat is missed (`server_anomalies`), until it is
    back, for `forget_hours` at most (the detector forgets after a day). Who says that it leaves owes nothing.
    """

    forget_hours: Annotated[int, msgspec.Meta(ge=1, le=24)] = 24


class Slo(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One objective.

    `objective` is the percentage of good in any `window_days`. An alert needs `least_bad` bad ones within its
    long window: where little happens, one of three is a third, and nobody should be woken for it.
    """

    id: Id
    title: Text
    objective: Annotated[float, msgspec.Meta(gt=0, lt=100)]
    indicator: Latency | Availability
    meaning: Text
    owner: Text
    window_days: Annotated[int, msgspec.Meta(ge=7, le=90)] = 30
    least_bad: Annotated[int, msgspec.Meta(ge=1)] = 10

    @property
    def budget(self) -> Decimal:
        """The share that may be bad: 0.01 for an objective of 99."""
        return (100 - Decimal(str(self.objective))) / 100


class Burn(msgspec.Struct, frozen=True):
    """A pair of windows (seconds) and the burn rate that both must exceed."""

    rate: Decimal
    long_s: int
    short_s: int
    severity: str

    @property
    def name(self) -> str:
        """What an alert's name ends with."""
        return f"burns_{int(self.rate)}x"


BURNS = (  # of 30 days' budget: 2 % in an hour, 5 % in six hours, 10 % in three days
    Burn(Decimal("14.4"), HOUR_S, 5 * MINUTE_S, PAGE),
    Burn(Decimal(6), 6 * HOUR_S, 30 * MINUTE_S, PAGE),
    Burn(Decimal(1), 3 * DAY_S, 6 * HOUR_S, TICKET),
)


def alert_name(slo: Slo, burn: Burn) -> str:
    """Name the alert of an objective at a burn rate; its runbook has the same name."""
    return f"{slo.id}_{burn.name}"


def unreachable(slo: Slo) -> list[Burn]:
    """Give the burns that can never be: even if all were bad, the rate would not be exceeded."""
    return [burn for burn in BURNS if burn.rate * slo.budget >= 1]


def span(seconds: int) -> str:
    """Write a span as people do.

    >>> span(300), span(21_600), span(259_200)
    ('5m', '6h', '3d')

    """
    for size, unit in ((DAY_S, "d"), (HOUR_S, "h")):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds // MINUTE_S}m"
