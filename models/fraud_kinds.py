"""What a feature of a purchase is: its name, its kind, and whose history it is read from.

Rules: a window reaches back from the purchase, itself included: (t - w, t]. A history holds the last 30 days.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from topics.errors import Broken

Kind = Literal["number", "flag", "text"]
Group = Literal["player", "address", "device", "item", "receipt", "event"]

GROUPS: tuple[Group, ...] = ("player", "address", "device", "item", "receipt")  # those with a history
SPANNING: frozenset[Group] = frozenset({"address", "device", "item", "receipt"})

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
WINDOWS = {
    "1m": MINUTE_MS,
    "10m": 10 * MINUTE_MS,
    "1h": HOUR_MS,
    "24h": DAY_MS,
    "7d": 7 * DAY_MS,
    "30d": 30 * DAY_MS,
}
LONG = ("24h", "7d", "30d")  # windows that means are kept for
LABELLED = {"1d": DAY_MS, "7d": 7 * DAY_MS, "30d": 30 * DAY_MS}
LABEL_DELAY_MS = 7 * DAY_MS
SESSION_GAP_MS = 30 * MINUTE_MS  # parts the sessions of purchases that name none


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature: a number (missing = null), a flag or a text, and the group whose history it needs."""

    name: str
    kind: Kind
    group: Group
    doc: str

    @property
    def spans(self) -> bool:
        """Whether it depends on the order in which partitions are read."""
        return self.group in SPANNING


def known_group(name: str) -> Group:
    """Read the name of a group that has a history.

    Raises:
        Broken: there is no such group.

    """
    for group in GROUPS:
        if group == name:
            return group
    raise Broken(f"{name!r} is no group of features: {', '.join(GROUPS)}")
