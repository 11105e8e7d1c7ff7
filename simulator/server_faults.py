"""The faults of a run: which server, when, and of which sort.

Rules: the first begins five minutes after the start, then one every two minutes, or as seldom as it takes
that no server has two at once. Sorts take turns, and so do servers. A server that leaks all the time, or is
in an outage meanwhile, is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from simulator.faults import SORTS, TOUCHES, Fault, Sort
from simulator.servers import OUTAGE_EVERY_MS, Servers

FIRST_MS, APART_MS, REST_MS = 300_000, 120_000, 60_000
LONG_MS: Mapping[Sort, int] = MappingProxyType(
    {"spike": 60_000, "step": 480_000, "flatline": 300_000, "leak": 900_000, "silence": 60_000}
)
LONGEST_MS = max(LONG_MS.values())
HARMS = 5  # steps from half of the harm to all of it


def server_faults(servers: Servers, from_ms: int, to_ms: int) -> list[Fault]:
    """Name the faults that last at any moment of a span, epoch ms; by their beginnings."""
    if not servers.plan.trouble.faults:
        return []
    first_ms = servers.plan.start_ms + FIRST_MS
    apart_ms = max(APART_MS, (LONGEST_MS + REST_MS) // max(1, servers.count - 1))
    earliest = max(0, (from_ms - LONGEST_MS - first_ms) // apart_ms)
    latest = (to_ms - first_ms) // apart_ms
    found = (_fault(servers, number, first_ms + number * apart_ms) for number in range(earliest, latest + 1))
    return [one for one in found if one.from_ms < to_ms and one.to_ms > from_ms and _alone(servers, one)]


def _fault(servers: Servers, number: int, from_ms: int) -> Fault:
    sort = SORTS[number % len(SORTS)]
    turn = number // len(SORTS)
    touches = TOUCHES[sort][turn % len(TOUCHES[sort])]
    harm = 0.5 + turn % HARMS / (HARMS - 1) / 2
    server = (servers.plan.seed + number + number // servers.count) % servers.count  # another sort next time
    return Fault(sort, server, from_ms, from_ms + LONG_MS[sort], touches, harm)


def _alone(servers: Servers, fault: Fault) -> bool:
    """Tell whether nothing else is wrong with its server meanwhile."""
    outages = servers.outages(fault.to_ms)[-(LONGEST_MS // OUTAGE_EVERY_MS + 2) :]
    silent = any(one.server == fault.server and one.to_ms > fault.from_ms for one in outages)
    return fault.server != servers.leaky and not silent
