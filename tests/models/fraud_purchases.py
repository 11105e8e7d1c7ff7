"""Purchases made up for tests: hot items, shared addresses, several currencies, missing ids, odd order."""

import random

import polars as pl

START_MS = 1_700_000_000_000
HOUR_MS = 3_600_000
SCHEMA: dict[str, type[pl.DataType]] = {
    "player_id": pl.String,
    "item_id": pl.String,
    "price": pl.Int64,
    "currency": pl.String,
    "event_time": pl.Int64,
    "ip_address": pl.String,
    "session_id": pl.String,
    "game_id": pl.String,
    "region": pl.String,
    "country": pl.String,
    "device_id": pl.String,
    "transaction_id": pl.String,
}
ADDRESSES = [
    "1.2.3.4",
    "::ffff:1.2.3.4",
    "[::ffff:102:304]",
    "1.2.3.77",
    "2001:db8::1",
    "2001:DB8:0:0::2",
    "home",
    "",
]


def made(count: int, seed: int, players: int = 2000, days: int = 45) -> pl.DataFrame:
    """Make purchases, most of them about in order of time."""
    dice = random.Random(seed)
    rows = [_one(dice, START_MS + int(days * 24 * HOUR_MS * of / count), players) for of in range(count)]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def _one(dice: random.Random, time: int, players: int) -> tuple[object, ...]:
    player = int(dice.paretovariate(0.5)) % players
    behind = dice.choice([0, 0, 0, 1, 1, 50]) * dice.randint(0, HOUR_MS)
    homes = [f"10.{player % 7}.{player % 200}.{player % 250}", f"fe80::{player:x}:1%eth0", "203.0.113.9"]
    return (
        f"player-{player}",
        f"item-{int(dice.paretovariate(0.8)) % 40}",
        dice.choice([0, 9_900, 49_900, dice.randint(1, 10**16 - 1)]),
        dice.choice(["EUR", "EUR", "USD", ""]),
        time - behind,
        dice.choice(homes + ADDRESSES),
        dice.choice([None, "", f"s{time // (6 * HOUR_MS)}"]),
        dice.choice(["", "chess"]),
        None,
        dice.choice([None, "DE", "FR"]),
        dice.choice([None, "", f"d{player}", f"d{dice.randint(0, 30)}"]),
        dice.choice([None, f"t{dice.randint(0, 5000)}"]),
    )
