"""FEATURES: purchases a second to all their features on one core, and how many times that of plain Python.

`python -m bench.features [--players N]` needs no services. Figures are CPU time of this process, compiling
left out; batches as a flow has them. `--silence` folds one purchase of each of 5 million players, then one a
month later.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

import numpy as np
import polars as pl
import psutil

from bench.features_plain import PlainHistories
from models.fraud_features import GROUPS, GroupHistory, Histories, Rows, assemble, named
from models.fraud_history import KEPT_MS

PURCHASES, PLAIN, BATCH, SMALL_BATCH, ROUNDS = 400_000, 2000, 5000, 25, 200
START_MS, DAYS = 1_700_000_000_000, 40
DAY_MS = 86_400_000
SILENT_PLAYERS = 5_000_000


def load(count: int, players: int) -> pl.DataFrame:
    """Make purchases over 40 days: items as uneven as in shops, one address and device a player."""
    dice = np.random.default_rng(1)
    who = dice.integers(0, players, count)
    homes = dice.integers(0, 255, (players, 3))
    addresses = pl.DataFrame(homes[who], schema=["a", "b", "c"]).select(
        pl.concat_str(pl.lit("10"), "a", "b", "c", separator=".")
    )
    player = pl.Series("player", who)
    return pl.DataFrame(
        {
            "price": dice.integers(99, 99_999, count) * 100,
            "event_time": START_MS + np.sort(dice.integers(0, DAYS * DAY_MS, count)),
            "item": dice.zipf(1.3, count) % 500,
            "number": np.arange(count),
            "player": player,
            "ip_address": addresses.to_series(),
        }
    ).select(
        "price",
        "event_time",
        "ip_address",
        player_id=pl.format("player-{}", "player"),
        item_id=pl.format("item-{}", "item"),
        currency=pl.lit("EUR"),
        session_id=pl.format("s-{}", pl.col("player") * 7),
        game_id=pl.lit("chess"),
        region=pl.lit(None, pl.String),
        country=pl.lit("DE"),
        device_id=pl.format("d-{}", "player"),
        transaction_id=pl.format("t-{}", "number"),
    )


def batches(purchases: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Cut purchases as a flow gets them."""
    for begin in range(0, len(purchases), BATCH):
        yield purchases[begin : begin + BATCH]


def compiled_us(purchases: pl.DataFrame) -> dict[str, float]:
    """Give the CPU microseconds of a purchase: hashing, folding, putting the frame together."""
    histories, spent = Histories(), {"hash": 0.0, "fold": 0.0, "assemble": 0.0}
    histories.fold(purchases[:1])
    histories = Histories()
    for batch in batches(purchases):
        began = time.process_time()
        hashes = named(batch)
        rows = {group: hashes.rows(group) for group in GROUPS}
        hashed = time.process_time()
        pieces = {group: history.fold(rows[group]) for group, history in histories.groups.items()}
        folded = time.process_time()
        assemble(batch, pieces, histories.labels)
        spent["hash"] += hashed - began
        spent["fold"] += folded - hashed
        spent["assemble"] += time.process_time() - folded
    held = sum(history.bytes_held for history in histories.groups.values())
    live = histories.groups["player"].live_rows
    print(f"memory: {held / live:.0f} bytes a purchase kept ({live:,} purchases, {held >> 20} MB)")
    return {step: seconds / len(purchases) * 1e6 for step, seconds in spent.items()}


def plain_us(purchases: pl.DataFrame) -> float:
    """Give the CPU microseconds of a purchase in plain Python, where histories are as short as they start."""
    histories = PlainHistories()
    rows = purchases[:PLAIN].to_dicts()
    began = time.process_time()
    for row in rows:
        histories.features(row)
    return (time.process_time() - began) / len(rows) * 1e6


def small_batch_us(purchases: pl.DataFrame) -> tuple[float, float]:
    """Give the CPU microseconds (median) of a small batch: the folds of all groups, and all of it."""
    histories, folds, all_of_it = Histories(), [], []
    for number in range(ROUNDS):
        batch = purchases[number * SMALL_BATCH : (number + 1) * SMALL_BATCH]
        hashes = named(batch)
        rows = {group: hashes.rows(group) for group in GROUPS}
        began = time.process_time()
        for group, history in histories.groups.items():
            history.fold(rows[group])
        folds.append(time.process_time() - began)
        began = time.process_time()
        histories.fold(batch)
        all_of_it.append(time.process_time() - began)
    return float(np.median(folds)) * 1e6, float(np.median(all_of_it)) * 1e6


def silence() -> None:
    """Fold a purchase of each of 5 million players, then one after a month: nothing else may be left."""
    history, dice = GroupHistory("player"), np.random.default_rng(1)
    for number in range(SILENT_PLAYERS // BATCH):
        hashes = dice.integers(1, 2**63, (BATCH, 7)).astype(np.uint64)
        at = np.full(BATCH, START_MS + number)
        history.fold(Rows("player", at, np.full(BATCH, 49_900), hashes))
    _tell_memory(history)
    began = time.process_time()
    hashes = dice.integers(1, 2**63, (1, 7)).astype(np.uint64)
    newest = history.newest_ms + KEPT_MS + 1
    history.fold(Rows("player", np.array([newest]), np.array([49_900]), hashes))
    print(f"the purchase after the silence took {time.process_time() - began:.2f} s")
    _tell_memory(history)


def _tell_memory(history: GroupHistory) -> None:
    resident = psutil.Process().memory_info().rss >> 20
    print(
        f"live purchases {history.live_rows:,}, live keys {history.live_entities:,},"
        f" tables {history.bytes_held >> 20} MB, process {resident} MB"
    )


def main() -> None:
    """Measure, and say it."""
    parser = argparse.ArgumentParser(prog="python -m bench.features", description=__doc__)
    parser.add_argument("--players", type=int, default=100_000)
    parser.add_argument(
        "--silence", action="store_true", help="only 5 million players, then nothing for a month"
    )
    options = parser.parse_args()
    if options.silence:
        silence()
        return
    purchases = load(PURCHASES, options.players)
    steps = compiled_us(purchases)
    total, plain = sum(steps.values()), plain_us(purchases)
    folds, whole = small_batch_us(purchases)
    print("us a purchase: " + ", ".join(f"{step} {us:.2f}" for step, us in steps.items()))
    print(
        f"a batch of {SMALL_BATCH}: folds of all groups {folds:.0f} us, with hashing and frame {whole:.0f} us"
    )
    print(
        f"FEATURES rate={1e6 / total:.0f} folds={1e6 / steps['fold']:.0f} plain={1e6 / plain:.0f}"
        f" times={plain / total:.1f}"
    )


if __name__ == "__main__":
    main()
