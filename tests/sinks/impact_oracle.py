"""What `server_impact` must show, in plain Python, from the definitions in docs/server-impact.md alone.

Rules: it goes from each hurt server to its players, one by one, and looks at all events each time.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

MINUTE, HOUR = 60_000, 3_600_000
SEEN, BASE, SILENT, EARLIEST = 5 * MINUTE, 30 * MINUTE, MINUTE, 10 * MINUTE
UNIT = Decimal("0.0001")


class Played(NamedTuple):
    """A player event; times are epoch ms, `came` is Kafka's (None: after it happened)."""

    player: str
    at: int
    offset: int
    kind: str = "move"
    server: str | None = None
    session: str | None = None
    region: str | None = None
    game: str = ""
    came: int | None = None


class Bought(NamedTuple):
    """A purchase; `units` of 10^-4."""

    player: str
    at: int
    offset: int
    units: int
    currency: str = "EUR"
    event_id: str | None = None
    game: str = ""
    came: int | None = None


class Alarm(NamedTuple):
    """A row of `server_anomalies`."""

    server: str
    time: int
    since: int
    resolved: int | None = None
    region: str = ""
    kind: str = "missed_heartbeat"
    severity: str = "critical"
    game: str = ""


class Incident(NamedTuple):
    """A row of `server_incidents`."""

    name: str
    servers: tuple[str, ...]
    opened: int
    last_alarm: int
    resolved: int | None = None
    kinds: tuple[str, ...] = ("missed_heartbeat",)
    severity: str = "critical"
    game: str = ""


@dataclass(frozen=True)
class Known:
    """All that the tables hold; `samples` are the event times of server metrics."""

    incidents: Sequence[Incident]
    alarms: Sequence[Alarm]
    played: Sequence[Played]
    bought: Sequence[Bought]
    samples: Sequence[int] = ()

    def newest(self) -> int:
        played = [min(of.at, of.came or of.at) for of in self.played]
        bought = [min(of.at, of.came or of.at) for of in self.bought]
        return max([*played, *bought, *self.samples], default=0)


@dataclass
class Place:
    """A server, or the servers of a region, in an incident; who was there, as (game, player)."""

    incident: Incident
    link: str
    name: str
    region: str
    onset: int
    resolved: int | None
    servers: list[str]
    kinds: set[str]
    severities: set[str]
    until: int = 0

    def of(self, event: Played) -> bool:
        return self.name == (event.server if self.link == "server" else event.region)

    def serves(self, game: str) -> bool:
        return self.incident.game in {"", game}


Who = tuple[str, str]
Row = tuple[object, ...]


def impact(known: Known) -> set[Row]:
    """Give the view's rows, its columns in order."""
    return {row for incident in known.incidents for row in _rows(incident, known)}


def _rows(incident: Incident, known: Known) -> Iterable[Row]:
    places = _places(incident, known)
    there: dict[Who, tuple[tuple[int, int], int]] = {}  # where each player was last
    for number, place in enumerate(places):
        for who, last in _present(place, known.played).items():
            there[who] = max(there.get(who, ((0, 0), 0)), (last, number))
    for number, place in enumerate(places):
        players = {who for who, (_, at) in there.items() if at == number}
        left, silent = _gone(place, players, known.played)
        money = _money(place, players, known.bought)
        head = (
            incident.name,
            incident.game,
            place.servers[0] if len(place.servers) == 1 else "",
            tuple(sorted(place.servers)),
            place.region,
            tuple(sorted(place.kinds)),
            min(place.severities),
            place.onset,
            place.until,
            place.resolved,
            place.link,
            len(players),
            len(left | silent),
            len(silent - left),
        )
        for currency, (before, during) in (money or {"": (0, 0)}).items():
            expected = before * (place.until - place.onset) // BASE * UNIT
            actual = during * UNIT
            yield *head, currency, expected, actual, max(expected - actual, Decimal(0)), 2 * before * UNIT


def _places(incident: Incident, known: Known) -> list[Place]:
    found: dict[tuple[str, str], Place] = {}
    for server in incident.servers:
        alarms = [
            of
            for of in known.alarms
            if (of.game, of.server) == (incident.game, server)
            and incident.opened - MINUTE <= of.time <= incident.last_alarm
        ]
        onset = max(incident.opened - EARLIEST, min((of.since for of in alarms), default=incident.opened))
        ends = [of.resolved for of in alarms if of.resolved is not None]
        resolved = max(ends) if alarms and len(ends) == len(alarms) else incident.resolved
        region = max((of.region for of in alarms), default="")
        link = _link(incident, onset, region, known.played)
        name = {"server": server, "region": region, "nothing": ""}[link]
        kinds = {of.kind for of in alarms} or set(incident.kinds)
        severity = min((of.severity for of in alarms), default=incident.severity)
        new = Place(incident, link, name, region, onset, resolved, [server], kinds, {severity})
        old = found.setdefault((link, name), new)
        if old is not new:
            both = None if old.resolved is None or resolved is None else max(old.resolved, resolved)
            old.onset, old.resolved = min(old.onset, onset), both
            old.servers.append(server)
            old.kinds |= kinds
            old.severities.add(severity)
    for place in found.values():
        end = max(known.newest(), incident.last_alarm) if place.resolved is None else place.resolved
        place.until = max(place.onset, min(place.onset + HOUR, end))
    return list(found.values())


def _link(incident: Incident, onset: int, region: str, played: Sequence[Played]) -> str:
    minutes = range(onset // MINUTE - 5, onset // MINUTE + 1)
    told = any(
        of.server is not None and incident.game in {"", of.game} and of.at // MINUTE in minutes
        for of in played
    )
    return "server" if told else "region" if region else "nothing"


def _present(place: Place, played: Sequence[Played]) -> dict[Who, tuple[int, int]]:
    """Give who is there at the onset, and their last event there (time, offset)."""
    sessions: dict[tuple[str, str, str], list[Played]] = defaultdict(list)
    for of in played:
        if place.onset - SEEN < of.at <= place.onset and place.serves(of.game):
            sessions[of.game, of.player, of.session or ""].append(of)
    found: dict[Who, tuple[int, int]] = {}
    for (game, player, _), events in sessions.items():
        ordered = sorted(events, key=lambda of: (of.at, of.offset))
        here = [number for number, of in enumerate(ordered) if place.of(of)]
        if not here or place.link == "nothing":
            continue
        rest = ordered[here[-1] :]
        elsewhere = [of.server if place.link == "server" else of.region for of in rest[1:]]
        if all(of.kind != "session_end" for of in rest) and all(of is None for of in elsewhere):
            last = (rest[0].at, rest[0].offset)
            found[game, player] = max(found.get((game, player), (0, 0)), last)
    return found


def _gone(place: Place, players: set[Who], played: Sequence[Played]) -> tuple[set[Who], set[Who]]:
    """Give who left in the incident, and who was silent at its end."""
    last: dict[Who, Played] = {}
    for of in sorted(played, key=lambda of: (of.at, of.offset)):
        if of.at <= place.until and (of.game, of.player) in players:
            last[of.game, of.player] = of
    left = {who for who, of in last.items() if of.kind == "session_end" and of.at > place.onset}
    silent = {who for who, of in last.items() if max(of.at, place.onset) <= place.until - SILENT}
    return left, silent


def _money(place: Place, players: set[Who], bought: Sequence[Bought]) -> dict[str, tuple[int, int]]:
    """Add up what they bought before and since, by currency; a purchase that came twice once."""
    once: dict[tuple[str, str, str], Bought] = {}
    for of in sorted(bought, key=lambda of: of.offset, reverse=True):
        if (of.game, of.player) in players and place.onset - BASE < of.at <= place.until:
            once[of.game, of.player, of.event_id or f"at {of.offset}"] = of
    before, during = Counter[str](), Counter[str]()
    for of in once.values():
        (before if of.at <= place.onset else during)[of.currency] += of.units
    return {currency: (before[currency], during[currency]) for currency in before.keys() | during.keys()}
