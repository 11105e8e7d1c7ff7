"""Writes facts as the bytes of messages: JSON as many clients would send it, column by column.

Rules: what is written follows from the facts alone, so a duplicate has the same bytes. Event ids hold the
run's name, so that two runs never share one.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from simulator.fraud_writing import bought, registered
from simulator.loads import LOADS
from simulator.malformed import FAULTS
from simulator.plan import PLAYER_EVENTS, PLAYERS, SERVER_METRICS, Ints
from simulator.players import ANONYMOUS, GAMES, REGIONS, game_of_server
from simulator.reports import MILLI, STATES
from simulator.servers import Servers
from simulator.times import ZULU_CLOCK, written
from simulator.world import World

Values = list[bytes | None]
COUNTS = ("players", "disconnects")  # of a server's report
FLEETS = ("eu-west", "us-east", "ap-south")  # one in each of the players' regions


class Writer:
    """Writes one run's messages."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.run = world.plan.run
        self.heads = server_heads(world.servers)
        self.server_keys = [name.encode() for name in world.servers.ids]

    def write(self, topic: str, facts: pl.DataFrame) -> tuple[list[bytes], Values]:
        """Give the keys and values of one topic's messages."""
        if topic == SERVER_METRICS:
            who, keys = facts["server"], self.server_keys
            texts = self._reports(facts)
        else:
            who, keys = facts["player"], self.world.names.keys
            texts = self._of_players(topic, facts)
        values: Values = texts.cast(pl.Binary).to_list()
        faults = facts["fault"]
        for row in (faults >= 0).arg_true().to_list():
            values[row] = FAULTS[topic][faults[row]][1]
        return [keys[row] for row in who.to_list()], values

    def _of_players(self, topic: str, facts: pl.DataFrame) -> pl.Series:
        if topic == PLAYER_EVENTS:
            return self._events(facts)
        return self._registrations(facts) if topic == PLAYERS else self._purchases(facts)

    def _registrations(self, facts: pl.DataFrame) -> pl.Series:
        clocks = np.full(facts.height, ZULU_CLOCK)
        first, last = registered(facts, self.world.players.game)
        return joined(told(facts, first), *written(facts["created_ms"].to_numpy(), clocks), told(facts, last))

    def _events(self, facts: pl.DataFrame) -> pl.Series:
        names, actions = self.world.names, self.world.actions
        session = pl.format(f'"session_id":"session_{self.run}_{{}}",', pl.col("session"))
        known = pl.col("player") % ANONYMOUS != 1
        return joined(
            names.play.gather(facts["player"]),
            told(facts, pl.when(known).then(session).otherwise(pl.lit(""))),
            actions["text"].gather(facts["action"]),
            *written(facts["at_ms"].to_numpy(), self._clocks(facts)),
            told(facts, pl.format(f',"event_id":"{self.run}-{{}}"}}}}', pl.col("number"))),
        )

    def _purchases(self, facts: pl.DataFrame) -> pl.Series:
        names, offers = self.world.names, self.world.items.offers
        if self.world.people is not None:
            first, last = bought(facts, self.world.players.game, self.run)
            times = written(facts["at_ms"].to_numpy(), self._clocks(facts))
            return joined(
                told(facts, first), offers["text"].gather(facts["offer"]), *times, told(facts, last)
            )
        ids = f',"transaction_id":"tx-{self.run}-{{}}","event_id":"{self.run}-p{{}}"}}}}'
        return joined(
            names.buy.gather(facts["player"]),
            offers["text"].gather(facts["offer"]),
            *written(facts["at_ms"].to_numpy(), self._clocks(facts)),
            names.address.gather(facts["player"]),
            told(facts, pl.format(ids, "number", "number")),
        )

    def _reports(self, facts: pl.DataFrame) -> pl.Series:
        loads = [facts[name].to_numpy() / MILLI for name in LOADS]
        texts = [pl.Series(name, load).cast(pl.String) for name, load in zip(LOADS, loads, strict=True)]
        state = pl.col("state").replace_strict(dict(enumerate(STATES)), return_dtype=pl.String)
        form = ",".join([*(f'"{name}":{{}}' for name in (*LOADS, *COUNTS)), '"state":"{}","timestamp":'])
        return joined(
            self.heads.gather(facts["server"]),
            told(facts.with_columns(texts), pl.format(form, *LOADS, *COUNTS, state)),
            *written(facts["at_ms"].to_numpy(), np.full(facts.height, ZULU_CLOCK)),
            told(facts, pl.format(f',"event_id":"{self.run}-s{{}}"}}}}', pl.col("number"))),
        )

    def _clocks(self, facts: pl.DataFrame) -> Ints:
        clocks: Ints = self.world.players.clock[facts["player"].to_numpy()]
        return clocks


def server_heads(servers: Servers) -> pl.Series:
    """Write what every report of a server begins with."""
    return pl.Series(
        [
            f'{{"server_id":"{name}",'
            + (f'"game_id":"{game}",' if (game := game_of(row)) else "")
            + f'"fleet_id":"{fleet_of(row)}","region":"{region_of(row)}",'
            + f'"capacity":{servers.capacity},'
            for row, name in enumerate(servers.ids)
        ],
        dtype=pl.String,
    )


def game_of(server: int) -> str:
    """Name the game of a server."""
    return GAMES[game_of_server(server)]


def fleet_of(server: int) -> str:
    """Name the fleet of a server."""
    return FLEETS[server % len(FLEETS)]


def region_of(server: int) -> str:
    """Name the region of a server."""
    return REGIONS[server % len(REGIONS)]


def told(facts: pl.DataFrame, text: pl.Expr) -> pl.Series:
    """Write one column of text."""
    return facts.select(text.alias("text")).to_series()


def joined(*parts: pl.Series) -> pl.Series:
    """Join columns of text, each of them made before: nested expressions take four times as long."""
    columns = pl.DataFrame([part.alias(str(number)) for number, part in enumerate(parts)])
    return columns.select(pl.concat_str(pl.all())).to_series()
