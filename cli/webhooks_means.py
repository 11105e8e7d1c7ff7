"""How webhooks are sent, by the settings: the real clock, chance, names and connections."""

from __future__ import annotations

import time
from random import SystemRandom

from settings import Settings
from sinks.webhook_exchange import Exchange, Limits
from sinks.webhook_lane import Means, Silenced, nothing_silenced
from sinks.webhook_resolve import resolve
from sinks.webhook_schedule import Rests, Schedule

LONGEST_REST = 60  # times the first rest of an endpoint that fails


def means(at: Settings, silenced: Silenced = nothing_silenced) -> Means:
    """Make what lanes work with."""
    given = at.webhooks
    exchange = Exchange(resolve, Limits(whole_s=given.timeout_s, connect_s=given.connect_s))
    return Means(
        exchange.post,
        lambda: time.time_ns() // 1_000_000,
        SystemRandom(),
        Schedule(given.waits_s),
        Rests(given.rest_s, LONGEST_REST * given.rest_s),
        silenced,
    )
