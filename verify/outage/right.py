"""Whether the tables hold what the load sent: every row, every book."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl
from clickhouse_connect.driver.client import Client

from verify.outage.load import Load

KEY = ["start_s", "level_id"]
SHOWN = """
SELECT toInt64(toUnixTimestamp(window_start)) AS start_s, level_id, toInt64(events) AS events,
    toInt64(moves) AS moves, toInt64(players) AS players
FROM engagement_by_level WHERE window_seconds = {size:UInt32}
"""
BOOKS = """
SELECT sum(read), sum(duplicates), sum(dead), sum(late), sum(aggregated)
FROM accounting WHERE flow = 'engagement' AND window_seconds = 10
"""
PURCHASES = "SELECT sum(purchases) FROM item_sales WHERE window_seconds = 10"


@dataclass(frozen=True, slots=True)
class Wrong:
    """Events too few and too many, rows that differ in anything else, books that do not say what was sent."""

    lost: int = 0
    double: int = 0
    rows: int = 0
    books: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Tell whether anything is wrong."""
        return bool(self.lost or self.double or self.rows or self.books)

    def __str__(self) -> str:
        """Say it in one line."""
        books = f"; books: {', '.join(self.books)}" if self.books else ""
        return f"{self.lost} lost, {self.double} double, {self.rows} other rows wrong{books}"


def wrong(client: Client, load: Load) -> Wrong:
    """Compare everything."""
    sizes = [_window(client, load, size) for size in (10, 60)]
    return Wrong(
        lost=sum(of.lost for of in sizes),
        double=sum(of.double for of in sizes),
        rows=sum(of.rows for of in sizes),
        books=tuple(_books(client, load)),
    )


def _window(client: Client, load: Load, size_s: int) -> Wrong:
    true = load.truth(size_s).with_columns(pl.col("level_id").cast(pl.String))
    shown = pl.DataFrame(client.query_arrow(SHOWN, parameters={"size": size_s}, use_strings=True))
    both = true.join(
        shown.with_columns(pl.col("level_id").cast(pl.String)), KEY, "full", suffix="_shown", coalesce=True
    )
    both = both.fill_null(0)
    apart = both["events_shown"] - both["events"]
    others = both.filter(
        (pl.col("moves") != pl.col("moves_shown")) | (pl.col("players") != pl.col("players_shown"))
    )
    return Wrong(
        lost=-int(apart.clip(upper_bound=0).sum()), double=int(apart.clip(0).sum()), rows=others.height
    )


def _books(client: Client, load: Load) -> list[str]:
    sent = load.sent
    good = sent.events - sent.duplicates - sent.dead
    true = {
        "read": sent.events,
        "duplicates": sent.duplicates,
        "dead": sent.dead,
        "late": 0,
        "aggregated": good,
    }
    told = dict(zip(true, client.query(BOOKS).result_rows[0], strict=True))
    told["purchases"] = client.query(PURCHASES).result_rows[0][0]
    return [
        f"{name} {told[name]}, not {count}"
        for name, count in {**true, "purchases": sent.purchases}.items()
        if told[name] != count
    ]
