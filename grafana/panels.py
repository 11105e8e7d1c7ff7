"""Panels of a classic Grafana dashboard (schema 41: Grafana 11.6 to 13) over ClickHouse.

Rules: the datasource is the dashboard's variable; each panel says what it shows, in which unit, and what
stands there when there is nothing to show.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from grafana.alert_rules import PLUGIN, TABLE, VERSION

SCHEMA = 41
SERIES = 0  # the plugin's number for the format
DATASOURCE = {"type": PLUGIN, "uid": "${datasource}"}
Json = dict[str, object]
GREEN, YELLOW, RED = "green", "yellow", "red"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a panel stands: column (of 24), row, width, height."""

    x: int
    y: int
    w: int
    h: int


@dataclass(frozen=True, slots=True)
class Look:
    """How numbers are shown: unit, colours from values on (the first from none on), digits, what if none."""

    unit: str = "short"
    steps: Sequence[tuple[str, float | None]] = ((GREEN, None),)
    decimals: int | None = None
    none: str = "no data yet"
    most: float | None = None


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel: `kind` is stat, timeseries or table."""

    number: int
    kind: str
    title: str
    about: str
    sql: str
    place: Place
    look: Look = field(default_factory=Look)


def dashboard(uid: str, title: str, about: str, panels: list[Json]) -> Json:
    """Give a dashboard."""
    chosen = {
        "name": "datasource", "label": "Data source", "type": "datasource", "query": PLUGIN, "current": {},
        "hide": 0, "includeAll": False, "multi": False, "refresh": 1, "regex": "", "options": [],
    }  # fmt: skip
    return {
        "uid": uid, "id": None, "title": title, "description": about, "tags": ["gamewax", "slo"],
        "schemaVersion": SCHEMA, "editable": False, "graphTooltip": 1, "refresh": "5m", "timezone": "utc",
        "time": {"from": "now-24h", "to": "now"}, "timepicker": {}, "links": [],
        "annotations": {"list": []}, "templating": {"list": [chosen]}, "panels": panels,
    }  # fmt: skip


def heading(number: int, title: str, y: int) -> Json:
    """Give a row that parts what stands above from what stands below."""
    at = {"x": 0, "y": y, "w": 24, "h": 1}
    return {"id": number, "type": "row", "title": title, "collapsed": False, "panels": [], "gridPos": at}


def drawn(panel: Panel) -> Json:
    """Give a panel as JSON."""
    at = panel.place
    series = panel.kind == "timeseries"
    return {
        "id": panel.number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.about,
        "datasource": DATASOURCE,
        "gridPos": {"x": at.x, "y": at.y, "w": at.w, "h": at.h},
        "targets": [
            {
                "refId": "A",
                "datasource": DATASOURCE,
                "pluginVersion": VERSION,
                "editorType": "sql",
                "queryType": panel.kind if series else "table",
                "format": SERIES if series else TABLE,
                "rawSql": panel.sql,
            }
        ],
        "fieldConfig": {"defaults": _defaults(panel.look, series=series), "overrides": []},
        "options": _OPTIONS[panel.kind],
    }


def _defaults(look: Look, *, series: bool) -> Json:
    steps = [{"color": color, "value": value} for color, value in look.steps]
    found: Json = {
        "unit": look.unit,
        "noValue": look.none,
        "color": {"mode": "palette-classic" if series else "thresholds"},
        "thresholds": {"mode": "absolute", "steps": steps},
    }
    if look.decimals is not None:
        found["decimals"] = look.decimals
    if look.most is not None:
        found["max"] = look.most
    if series:
        lines = "line" if len(steps) > 1 else "off"
        found["custom"] = {"lineWidth": 1, "fillOpacity": 0, "thresholdsStyle": {"mode": lines}}
    return found


_OPTIONS: dict[str, Json] = {
    "stat": {
        "reduceOptions": {"values": True, "limit": 20, "calcs": ["lastNotNull"], "fields": ""},
        "colorMode": "value",
        "graphMode": "none",
        "textMode": "auto",
        "justifyMode": "auto",
        "orientation": "auto",
    },
    "timeseries": {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "table": {"showHeader": True, "cellHeight": "sm"},
}
