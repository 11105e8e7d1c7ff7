"""How objectives stand now: the SQL of alert rules and panels, asked once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime

import msgspec
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

import settings
from cli.slos_shown import print_now
from cli.slos_standing import Burning, Firing, Now, Standing
from grafana.alert_rules import Rule
from grafana.server_rules import server_group
from grafana.slo import BURNS, Slo, alert_name
from grafana.slo_rules import burn_groups
from grafana.slo_sql import FRONTIER, budget_left
from grafana.slo_yaml import read_slos
from sinks.clickhouse_client import connect
from sinks.clickhouse_errors import as_users_read_it

ByGame = dict[str, float]


class Store:
    """ClickHouse, as the reader where one is set; a server's error becomes one line."""

    def __init__(self, client: Client, server: settings.ClickHouse) -> None:
        self._client, self._server = client, server

    def by_game(self, sql: str) -> ByGame:
        """Give a number by game: of rows `game_id, number`, or of one row with a number."""
        return {str(row[0]) if len(row) > 1 else "": float(str(row[-1])) for row in self._rows(sql)}

    def frontier(self) -> datetime | None:
        """Give the end of the newest complete minute."""
        ((found,),) = self._rows(f"SELECT toUnixTimestamp({FRONTIER})")
        seconds = int(str(found))
        return datetime.fromtimestamp(seconds, UTC) if seconds > 60 else None  # noqa: PLR2004  none is complete

    def _rows(self, sql: str) -> Sequence[Sequence[object]]:
        try:
            return self._client.query(sql).result_rows
        except (ClickHouseError, OSError) as error:
            raise as_users_read_it(
                error, self._server.url, self._server.user, self._server.database
            ) from error


def show_now(*, as_json: bool) -> None:
    """Print how everything stands.

    Raises:
        BadInput: ClickHouse does not answer, or its tables are not there.

    """
    server = as_reader(settings.load().clickhouse)
    slos = read_slos()
    with closing(connect(server, server.database)) as client:
        now = asked(Store(client, server), slos)
    if as_json:
        print(json.dumps(msgspec.to_builtins(now), indent=2, ensure_ascii=False))
    else:
        print_now(now, slos)


def as_reader(server: settings.ClickHouse) -> settings.ClickHouse:
    """Give the server for the one who only reads, where there is one."""
    if not server.reader_user:
        return server
    return server.model_copy(update={"user": server.reader_user, "password": server.reader_password})


def asked(store: Store, slos: Sequence[Slo]) -> Now:
    """Ask how everything stands."""
    rules = {rule.name: rule for group in burn_groups(slos) for rule in group.rules}
    found = {name: [store.by_game(query.sql) for query in rule.queries] for name, rule in rules.items()}
    standings = [
        Standing(slo.id, game, left, list(_burning(slo, game, rules, found)))
        for slo in slos
        for game, left in store.by_game(budget_left(slo)).items()
    ]
    for rule in server_group().rules:
        rules[rule.name], found[rule.name] = rule, [store.by_game(query.sql) for query in rule.queries]
    firing = [
        Firing(name, game, rule.labels["severity"])
        for name, rule in rules.items()
        for game in rule.fires(found[name])
    ]
    return Now(store.frontier(), standings, firing)


def _burning(
    slo: Slo, game: str, rules: dict[str, Rule], found: dict[str, list[ByGame]]
) -> Iterator[Burning]:
    for burn in BURNS:
        name = alert_name(slo, burn)
        long, short = (of.get(game, 0.0) for of in found[name])
        yield Burning(name, long, short, game in rules[name].fires(found[name]))
