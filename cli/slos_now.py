"""How objectives stand now: the SQL of alert rules and panels, asked once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime

import msgspec
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

import settings
from cli.slos_shown import print_now
from cli.slos_standing import Burning, Firing, Now, Standing
from grafana.server_rules import server_group
from grafana.slo import BURNS, Slo, alert_name
from grafana.slo_rules import burn_groups
from grafana.slo_sql import FRONTIER, budget_left, burn_rate
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
    rules = [rule for group in (*burn_groups(slos), server_group()) for rule in group.rules]
    fires = {rule.name: rule.fires([store.by_game(query.sql) for query in rule.queries]) for rule in rules}
    standings = [of for slo in slos for of in _standings(store, slo, fires)]
    firing = [Firing(rule.name, game, rule.labels["severity"]) for rule in rules for game in fires[rule.name]]
    return Now(store.frontier(), standings, firing)


def _standings(store: Store, slo: Slo, fires: Mapping[str, Sequence[str]]) -> Iterator[Standing]:
    """Give how an objective stands in each game; rates are told even if too little went wrong for alerts."""
    rates = {
        burn: [store.by_game(burn_rate(slo, of)) for of in (burn.long_s, burn.short_s)] for burn in BURNS
    }
    for game, left in store.by_game(budget_left(slo)).items():
        burns = []
        for burn, (long, short) in rates.items():
            name = alert_name(slo, burn)
            burns.append(Burning(name, long.get(game, 0.0), short.get(game, 0.0), game in fires[name]))
        yield Standing(slo.id, game, left, burns)
