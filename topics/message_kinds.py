"""Kinds of messages to those who receive webhooks, as they stand in `type`; what endpoints choose by."""

from __future__ import annotations

ALERT, UPDATED = "fraud.alert", "fraud.alert.updated"
INCIDENT, INCIDENT_UPDATED = "server.incident", "server.incident.updated"
INCIDENT_RESOLVED = "server.incident.resolved"
KINDS = (ALERT, UPDATED, INCIDENT, INCIDENT_UPDATED, INCIDENT_RESOLVED)
ALL_BELOW = ".*"
SERVERS = "server.*"


def is_of(kind: str, wanted: str) -> bool:
    """Tell whether a kind is the one that is wanted, or one of those: `server.*` are all that begin so.

    >>> is_of("server.incident", "server.*"), is_of("server.incident", "fraud.*")
    (True, False)

    """
    if wanted.endswith(ALL_BELOW):
        return kind.startswith(wanted[:-1])
    return kind == wanted
