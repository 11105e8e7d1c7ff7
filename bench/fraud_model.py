"""What scoring costs: purchases a second on one core, and how long 100 purchases take at worst.

`python -m bench.fraud_model` fits a forest on made-up purchases, as many and as seldom fraud as a week of the
handbook's, so that its trees are as large, and scores frames of features as the flow does. CPU time is this
thread's; wall time also holds what other programs of the machine took.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
import polars as pl

from models.fraud_card import FOREST, ONNX
from models.fraud_folds import fold_from
from models.fraud_inputs import INPUTS
from models.fraud_learning import Wish, learn
from models.fraud_proof import prove
from models.fraud_serving import Model
from models.fraud_training import Past

ROWS_A_DAY, FRAUD_SHARE, NOISE = 9_600, 0.009, 0.45
MANY, FEW, ROUNDS, TRIES = 10_000, 100, 30, 1_000
LEAST_ROWS_S, MOST_P99_MS = 100_000, 5.0


def made_past(days: int, chance: np.random.Generator) -> Past:
    """Make a past in which some features tell most of the fraud, and the rest is noise."""
    count = days * ROWS_A_DAY
    rows = chance.lognormal(2, 1, (count, len(INPUTS))).astype(np.float32)
    told = rows[:, :6].prod(axis=1) + chance.lognormal(12, NOISE * 4, count)
    fraud = told > np.quantile(told, 1 - FRAUD_SHARE)
    day = np.repeat(np.arange(days), ROWS_A_DAY)
    players = [f"p{number}" for number in chance.integers(0, 5_000, count)]
    known = pl.DataFrame(
        {"day": day, "player_id": players, "fraud": fraud.astype(np.int64), "known_day": day + 8}
    )
    return Past(rows, known)


def timed(
    score: Callable[[pl.DataFrame], object], frame: pl.DataFrame, times: int
) -> tuple[list[float], float]:
    """Score a frame many times; gives the wall seconds of each, and the CPU seconds of one."""
    score(frame)
    walls: list[float] = []
    cpu = time.thread_time()
    for _ in range(times):
        begin = time.perf_counter()
        score(frame)
        walls.append(time.perf_counter() - begin)
    return walls, (time.thread_time() - cpu) / times


def fitted(chance: np.random.Generator) -> Model:
    """Fit, store and open a model."""
    past = made_past(21, chance)
    learned = learn(past, fold_from(7), [fold_from(0)], Wish("bench", 100, threads=2))
    card = learned.card_of(1, "now")
    trees = len(learned.files[ONNX]) / 1e6
    print(
        f"forest: {card.forest['n_estimators']} trees, {len(card.features)} features, {trees:.1f} MB as ONNX"
    )
    return prove(card, learned.files[FOREST], learned.files[ONNX])


def main() -> int:
    """Print both figures; gives the exit code."""
    chance = np.random.default_rng(1)
    model = fitted(chance)
    many = pl.DataFrame(chance.lognormal(2, 1, (MANY, len(INPUTS))), schema=list(INPUTS), orient="row")
    few = [many[place : place + FEW] for place in range(0, MANY, FEW)]
    walls, cpu = timed(model.score, many, ROUNDS)
    rows_s = MANY / cpu
    print(f"{MANY:,} purchases: {MANY / np.median(walls):,.0f}/s by the wall, {rows_s:,.0f}/s of CPU time")
    turns = iter(range(TRIES + 1))
    waits, _ = timed(lambda _: model.score(few[next(turns) % len(few)]), many, TRIES)
    p50, p99 = (1_000 * float(np.quantile(waits, part)) for part in (0.5, 0.99))
    print(f"{FEW} purchases: p50 {p50:.2f} ms, p99 {p99:.2f} ms by the wall")
    row = many.row(0, named=True)
    begin = time.perf_counter()
    for _ in range(TRIES // 10):
        model.reasons(row)
    print(f"reasons of one purchase: {10_000 * (time.perf_counter() - begin) / TRIES:.2f} ms")
    right = rows_s >= LEAST_ROWS_S and p99 <= MOST_P99_MS
    rate = f"{rows_s:,.0f} purchases/s of one core (>= {LEAST_ROWS_S:,})"
    print(f"{'OK' if right else 'FALLS SHORT'} {rate}, p99 of {FEW} {p99:.2f} ms (<= {MOST_P99_MS})")
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
