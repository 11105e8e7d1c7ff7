"""Incidents of servers as the live view shows them, from the table `server_incidents`."""

from __future__ import annotations

from collections.abc import Sequence

from demo.cells import whole
from demo.figures import Incidents

NEWEST = """
SELECT count(), countIf(resolved_at IS NULL), argMax(text, (opened_at, incident_id)) FROM server_incidents
"""


def incidents(rows: Sequence[Sequence[object]]) -> Incidents:
    """Read the answer to `NEWEST`."""
    ((number, still_open, text),) = rows
    return Incidents(whole(number), whole(still_open), str(text))
