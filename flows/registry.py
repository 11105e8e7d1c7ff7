"""The flows by name: `./gamewax run NAME` and `python -m bytewax.run flows.NAME` mean the same."""

from __future__ import annotations

FLOWS = {
    "engagement": "player-events to engagement_by_level and engagement",
    "purchases": "purchase-events to item_sales",
    "server_health": "server-metrics to server_health",
}
