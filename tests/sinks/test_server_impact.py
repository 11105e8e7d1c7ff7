"""`server_impact` on the real engine: its definitions' edges by hand, random worlds by the oracle."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from random import Random

import pytest
from clickhouse_connect.driver.client import Client

import settings
from embedded.clickhouse import EmbeddedClickHouse
from sinks.clickhouse_client import connect
from sinks.migrations import migrate
from tests.clickhouse_fixture import WRITER
from tests.sinks.impact_oracle import HOUR, MINUTE, Alarm, Bought, Incident, Known, Played, Row, impact
from tests.sinks.impact_tables import TABLES, fill, shown

ONSET = 1_767_225_600_000 + 30 * MINUTE
OPENED, SOLVED = ONSET + 3_000, ONSET + 10 * MINUTE
OUTAGE = Incident("i", ("s1",), OPENED, OPENED, SOLVED)
ALARM = Alarm("s1", OPENED, ONSET, SOLVED, "eu")
PLAYERS, QUIT, SILENT = 11, 12, 13  # columns
MONEY = slice(14, 19)


@pytest.fixture(scope="module")
def migrated(clickhouse_server: EmbeddedClickHouse) -> Iterator[Client]:
    """A database of this module's own."""
    user, password = WRITER
    server = settings.ClickHouse.model_validate(
        {"url": clickhouse_server.url, "database": "impact", "user": user, "password": password}
    )
    migrate(settings.Settings(clickhouse=server))
    with connect(server, server.database) as client:
        yield client
        client.command("DROP DATABASE impact SYNC")


@pytest.fixture
def client(migrated: Client) -> Client:
    """The database with empty tables."""
    for table in TABLES:
        migrated.command(f"TRUNCATE TABLE {table}_upserts")
    return migrated


def events(*told: tuple[str, int, str | None, str]) -> list[Played]:
    """Events of players at seconds from the onset: player, when, server, type."""
    return [
        Played(player, ONSET + seconds * 1000, n, kind, server)
        for n, (player, seconds, server, kind) in enumerate(told)
    ]


def seen(client: Client, known: Known) -> list[Row]:
    """Fill the tables and read the view, which must be the oracle's."""
    fill(client, known)
    found = shown(client)
    assert found == impact(known)
    return sorted(found, key=repr)


def test_a_server_its_players_and_what_they_no_longer_buy_are_named(client: Client) -> None:
    played = events(
        ("leaves", -60, "s1", "move"), ("leaves", 20, "s1", "session_end"),
        ("silent", -1, "s1", "move"),
        ("stays", -30, "s1", "move"), ("stays", 570, "s2", "move"),
        ("elsewhere", -1, "s2", "move"),
    )  # fmt: skip
    bought = [
        Bought("silent", ONSET - 29 * MINUTE, 0, 30_000_000),
        Bought("stays", ONSET, 1, 12_000_000, "USD"),
        Bought("stays", ONSET + 1, 2, 1_000_000, "USD"),
        Bought("elsewhere", ONSET - 1, 3, 99_000_000),
        Bought("leaves", ONSET - 30 * MINUTE, 4, 50_000_000),  # just too early
        Bought("stays", SOLVED + 1, 5, 70_000_000),  # just too late
    ]
    rows = seen(client, Known([OUTAGE], [ALARM], played, bought))
    head = ("i", "", "s1", ("s1",), "eu", ("missed_heartbeat",), "critical", ONSET, SOLVED, SOLVED, "server")
    assert [row[:PLAYERS] for row in rows] == [head, head]
    assert [row[PLAYERS : SILENT + 1] for row in rows] == [(3, 2, 1)] * 2
    assert rows[0][MONEY] == ("EUR", 1000, 0, 1000, 6000)
    assert rows[1][MONEY] == ("USD", 400, 100, 300, 2400)


def test_who_was_not_there_at_the_onset_is_not_hit(client: Client) -> None:
    played = events(
        ("moved", -20, "s1", "move"), ("moved", -10, "s2", "move"),
        ("left", -20, "s1", "move"), ("left", -10, None, "session_end"),
        ("left and is late to say so", -20, "s1", "session_end"),
        ("long ago", -300, "s1", "move"),
        ("came after", 1, "s1", "move"),
        ("just in time", 0, "s1", "move"),
        ("in a menu", -299, "s1", "move"), ("in a menu", -1, None, "menu"),
    )  # fmt: skip
    (row,) = seen(client, Known([OUTAGE], [ALARM], played, []))
    assert row[PLAYERS] == 2
    assert row[MONEY] == ("", *[Decimal(0)] * 4)


def test_a_player_on_two_servers_counts_once_and_leaves_only_when_nothing_is_heard(client: Client) -> None:
    both = Incident("i", ("s1", "s2"), OPENED, OPENED, SOLVED)
    alarms = [ALARM, Alarm("s2", OPENED, ONSET, SOLVED, "eu")]
    at = ONSET - 10_000
    played = [
        Played("p", at, 0, server="s1", session="a"),
        Played("p", at + 1, 1, server="s2", session="b"),
        Played("q", at, 2, server="s1", session="c"),
        Played("q", at + 1, 3, server="s9", session="d"),  # plays on, there
        Played("q", SOLVED - 1, 4, server="s9", session="d"),
    ]
    first, second = seen(client, Known([both], alarms, played, [Bought("p", at, 0, 60_000)]))
    assert (first[2], first[PLAYERS], first[QUIT]) == ("s1", 1, 0)
    assert (second[2], second[PLAYERS], second[QUIT], second[15]) == ("s2", 1, 1, 2)


def test_where_nobody_tells_a_server_the_region_counts_once_for_all_its_servers(client: Client) -> None:
    both = Incident("i", ("s1", "s2", "s3"), OPENED, OPENED, SOLVED)
    alarms = [
        Alarm("s1", OPENED, ONSET, SOLVED, "eu"), Alarm("s2", OPENED, ONSET - 5, None, "eu"),
        Alarm("s3", OPENED, ONSET, SOLVED),
    ]  # fmt: skip
    played = [
        Played("european", ONSET - MINUTE, 0, region="eu"),
        Played("american", ONSET - MINUTE, 1, region="us"),
        Played("traveller", ONSET - MINUTE, 2, region="eu"),
        Played("traveller", ONSET - 1000, 3, region="us"),
        Played("nowhere", ONSET - MINUTE, 4),
        Played("of another day", ONSET - 24 * HOUR, 5, server="s1"),
    ]
    region, unknown = seen(client, Known([both], alarms, played, []))
    assert (region[2], region[3], region[7], region[10], region[PLAYERS]) == (
        *("", ("s1", "s2"), ONSET - 5, "region", 1),
    )
    assert (unknown[2], unknown[10], unknown[PLAYERS]) == ("s3", "nothing", 0)


def test_one_event_with_a_server_is_enough_not_to_go_by_region(client: Client) -> None:
    played = [Played("p", ONSET - 9, 0, region="eu"), Played("q", ONSET - 9, 1, server="s7", region="eu")]
    (row,) = seen(client, Known([OUTAGE], [ALARM], played, []))
    assert (row[10], row[PLAYERS]) == ("server", 0)


def test_a_late_event_corrects_the_row_and_a_replayed_one_does_not_change_it(client: Client) -> None:
    known = Known([OUTAGE], [ALARM], events(("p", -9, "s1", "move"), ("q", -9, "s1", "move")),
                  [Bought("p", ONSET - 1, 0, 6, event_id="e")])  # fmt: skip
    assert seen(client, known)[0][PLAYERS] == 2
    fill(client, known)
    fill(client, Known([], [], [], [Bought("p", ONSET - 1, 7, 6, event_id="e")]))  # sent twice
    assert shown(client) == impact(known)
    late = Known([], [], [Played("q", ONSET - 5_000, 2, server="s2")], [Bought("p", ONSET - 2, 1, 9)])
    fill(client, late)
    (row,) = shown(client)
    assert (row[PLAYERS], row[18]) == (1, Decimal("0.003"))


def test_an_open_incident_counts_to_the_newest_event_but_an_hour_at_most(client: Client) -> None:
    again = Incident("j", ("s1",), OPENED + 2 * HOUR, OPENED + 2 * HOUR)
    opened = Incident("i", ("s1",), OPENED, OPENED)
    alarms = [Alarm("s1", OPENED, ONSET), Alarm("s1", OPENED + 2 * HOUR, ONSET + 2 * HOUR)]
    played = [
        Played("p", ONSET - 1, 0, server="s1"),
        Played("p", ONSET + 2 * HOUR, 1, server="s1"),
        Played("of a clock ahead", ONSET + 3 * HOUR, 2, server="s9", came=ONSET + 2 * HOUR + 30_000),
    ]
    known = Known([opened, again], alarms, played, [], samples=[ONSET + 2 * HOUR + 59_999])
    first, second = seen(client, known)
    assert (first[8], first[QUIT]) == (ONSET + HOUR, 1)
    assert (second[8], second[9], second[QUIT]) == (ONSET + 2 * HOUR + 59_999, None, 0)
    assert {row[0] for row in shown(client, OPENED + HOUR)} == {"j"}


def test_a_server_of_a_game_has_its_players_and_one_of_no_game_all_of_them(client: Client) -> None:
    ours = Incident("i", ("s1",), OPENED, OPENED, SOLVED, game="kart")
    all_ = Incident("j", ("s2",), OPENED, OPENED, SOLVED)
    spots = [("kart", "s1"), ("", "s1"), ("kart", "s2"), ("", "s2")]
    played = [
        Played(f"{game} {server}", ONSET - 1, n, server=server, game=game)
        for n, (game, server) in enumerate(spots)
    ]
    rows = seen(client, Known([ours, all_], [], played, []))
    assert [(row[0], row[7], row[PLAYERS]) for row in rows] == [("i", OPENED, 1), ("j", OPENED, 2)]


def world(random: Random, number: int) -> Known:
    """One hour of a small game, a day after the one before."""
    day = ONSET + number * 24 * HOUR

    def at(before: int, after: int) -> int:
        return day + random.randint(-before, after) * 20_000

    servers, regions = ["s1", "s2", "s3"], ["eu", "us", None]
    tells = random.random() < 0.7
    played = [
        Played(f"p{random.randint(1, 9)}", at(20, 40), n,
               random.choice(["move", "move", "move", "session_end"]),
               random.choice([*servers, None]) if tells else None,
               random.choice(["a", "b", None]), random.choice(regions), random.choice(["", "", "kart"]),
               came=random.choice([None, day]))
        for n in range(random.randint(0, 80))
    ]  # fmt: skip
    bought = [
        Bought(f"p{random.randint(1, 9)}", at(100, 60), n, random.randint(1, 9_999_999),
               random.choice(["EUR", "USD"]), random.choice([None, "e1", "e2"]), random.choice(["", "kart"]))
        for n in range(random.randint(0, 40))
    ]  # fmt: skip
    incidents, alarms = [], []
    for n in range(random.randint(1, 3)):
        game, opened = random.choice(["", "", "kart"]), day + n * 5 * MINUTE
        hurt = tuple(random.sample(servers, random.randint(1, 3)))
        last = opened + random.randint(0, 3) * MINUTE
        end = random.choice([None, last, last + 10 * MINUTE])
        incidents.append(Incident(f"{number} {n}", hurt, opened, last, end, game=game))
        alarms += [
            Alarm(server, random.randint(opened - MINUTE, last), opened - random.randint(0, 11 * MINUTE),
                  random.choice([None, last + MINUTE]), random.choice(["eu", "us", ""]),
                  random.choice(["spike", "shift"]), random.choice(["warning", "critical"]), game)
            for server in hurt for _ in range(random.randint(0, 2))
        ]  # fmt: skip
    return Known(incidents, alarms, played, bought)


def test_random_worlds_show_what_the_oracle_says(client: Client) -> None:
    worlds = [world(Random(seed), seed) for seed in range(40)]
    for known in worlds:
        fill(client, known)
    newest = max(known.newest() for known in worlds)
    expected = [impact(Known(*(of.incidents, of.alarms, of.played, of.bought), [newest])) for of in worlds]
    assert shown(client) == set().union(*expected)
    assert shown(client, ONSET + 20 * 24 * HOUR - HOUR) == set().union(*expected[20:])
    links = [row[10] for rows in expected for row in rows]
    assert min(links.count(link) for link in ("server", "region")) > 20
