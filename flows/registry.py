"""The flows by name: `./gamewax run NAME` and `python -m bytewax.run flows.NAME` mean the same."""

from __future__ import annotations

FLOWS = {
    "archive": "player-events, purchase-events, server-metrics, fraud-labels to tables of their names, whole",
    "engagement": "player-events to engagement_by_level and engagement",
    "fraud": "purchase-events to fraud_alerts and the topic fraud-outbox: rules and a model, at once",
    "purchases": "purchase-events to item_sales",
    "server_health": "server-metrics to server_health, server_anomalies, server_incidents and fraud-outbox",
    "thresholds": "server-metrics to the topic alerts, at once: a metric above its limit, and back",
    "weapon_use": "player-events to weapon_use_by_guild",
}
