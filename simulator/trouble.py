"""Kinds of trouble by name, and how much of each: `late,duplicate=0.05,outage`.

Rules: a name alone means its usual amount. Shares are of all messages, except `skew`: of the clients.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from topics.errors import BadInput


@dataclass(frozen=True, slots=True)
class Trouble:
    """What goes wrong: shares 0-1, and what happens at all.

    `late`: comes 5 s to 5 min after it happened. `beyond`: too late to be counted. `duplicate`: sent again.
    `malformed`: no event. `skew`: the client's clock is minutes off, or decades. `outage`: servers fall
    silent for 90 s. `leak`: one server's memory fills up. `rings`: groups of players share a device and
    buy all day. `faults`: servers have spikes, steps, flatlines, leaks and silences in turns.
    """

    late: float = 0.0
    beyond: float = 0.0
    duplicate: float = 0.0
    malformed: float = 0.0
    skew: float = 0.0
    outage: bool = False
    leak: bool = False
    rings: bool = False
    faults: bool = False


CALM = Trouble()
USUAL = "late,duplicate,malformed"
ALL, NONE = "all", "none"
SHARES: Mapping[str, float] = MappingProxyType(
    {"late": 0.02, "beyond": 0.001, "duplicate": 0.01, "malformed": 0.002, "skew": 0.02}
)
HAPPENINGS = ("outage", "leak", "fraud-rings", "server-faults")


def trouble(text: str) -> Trouble:
    """Read names with or without a share.

    >>> trouble("late,duplicate=0.5,fraud-rings") == Trouble(late=0.02, duplicate=0.5, rings=True)
    True

    Raises:
        BadInput: a name is unknown, or shares are none or together more than 1.

    """
    amounts: dict[str, float] = {}
    for word in _words(text):
        name, _, amount = word.partition("=")
        if name in SHARES:
            amounts[name] = _share(name, amount)
        elif name in HAPPENINGS and not amount:
            amounts[name] = 1.0
        else:
            known = ", ".join([*SHARES, *HAPPENINGS, ALL, NONE])
            raise BadInput(f"--trouble knows {known} (some with a share: late=0.05), not {word!r}")
    late, beyond, duplicate, malformed, skew = (amounts.get(name, 0.0) for name in SHARES)
    if late + beyond + duplicate + malformed > 1:
        raise BadInput("--trouble: the shares of messages add up to more than 1")
    return Trouble(late, beyond, duplicate, malformed, skew, *(name in amounts for name in HAPPENINGS))


def _words(text: str) -> list[str]:
    words = [word for part in text.split(",") if (word := part.strip())]
    if ALL in words:
        return [*SHARES, *HAPPENINGS, *(word for word in words if word != ALL)]
    return [] if words == [NONE] else words


def _share(name: str, amount: str) -> float:
    try:
        share = float(amount) if amount else SHARES[name]
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise BadInput(f"--trouble {name}={amount}: a share is a number from 0 to 1")
    return share
