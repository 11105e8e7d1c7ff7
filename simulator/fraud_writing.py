"""How purchases of the shop and registrations are written: what stands before and behind their time.

Rules: every purchase has a device, a country and a region, a receipt, an address, and mostly a session.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from simulator.fraud_addresses import address_text
from simulator.fraud_people import COUNTRIES
from simulator.plan import Ints
from simulator.players import GAMES, text_by

Text = tuple[pl.Expr, pl.Expr]  # before the time, and behind it


def bought(facts: pl.DataFrame, games: Ints, run: str) -> Text:
    """Write purchases, but for offer and time."""
    player, country = pl.col("player"), pl.col("country")
    where = text_by(country, [f'"region":"{each.region}","country":"{each.code}",' for each in COUNTRIES])
    session = pl.when(pl.col("session") < 0).then(pl.lit(""))
    visit = session.otherwise(pl.format(f'"session_id":"visit_{run}_{{}}",', "session"))
    first = pl.concat_str(
        pl.format('{{"player_id":"player_{}",', player),
        game_text(facts, games),
        pl.lit('"schema_version":2,'),
        where,
        pl.format('"device_id":"device_{}",', "device"),
        visit,
    )
    ids = f',"transaction_id":"tx-{run}-{{}}","event_id":"{run}-p{{}}"}}}}'
    last = pl.concat_str(
        pl.format(',"ip_address":"{}"', address_text(pl.col("address"))),
        pl.format(ids, "receipt", "number"),
    )
    return first, last


def registered(facts: pl.DataFrame, games: Ints) -> Text:
    """Write registrations, but for the time of creation."""
    player = pl.col("player")
    first = pl.concat_str(
        pl.format('{{"player_id":"player_{}","player_name":"Player {}",', player, player),
        game_text(facts, games),
        pl.format('"ip":"{}","created_at":', address_text(pl.col("address"))),
    )
    return first, pl.format(',"schema_version":2,"device_id":"device_{}"}}', "device")


def game_text(facts: pl.DataFrame, games: Ints) -> pl.Expr:
    """Write the players' games; the default one is not written."""
    texts = pl.Series(["", *(f'"game_id":"{name}",' for name in GAMES[1:])])
    return pl.lit(texts.gather(pl.Series(games[facts["player"].to_numpy()].astype(np.uint32))))
