"""Generations: each time that a flow's windows are counted again, the rows win over all earlier ones.

Rules: one rebuild or backfill of a flow at a time, so that two never take the same generation.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
from clickhouse_connect.driver.client import Client

from topics.errors import BadInput
from windows.archive import TIME
from windows.rows import Rows

_GENERATION = "SELECT max(generation) FROM generations WHERE flow = {flow:String}"


def next_generation(client: Client, flow: str) -> int:
    """Give the generation of rows to be written."""
    return int(client.query(_GENERATION, parameters={"flow": flow}).result_rows[0][0]) + 1


def generation_rows(flow: str, generation: int, reason: str, span: tuple[int | None, int | None]) -> Rows:
    """Give the row that notes a generation; `span` is what windows it counts (epoch ms), None without end."""
    frame = pl.DataFrame({"flow": [flow], "reason": [reason]}).with_columns(
        pl.lit(generation, pl.UInt16).alias("generation"),
        *(pl.lit(ms, pl.Int64).cast(TIME).alias(name) for name, ms in zip(("from", "to"), span, strict=True)),
    )
    return Rows("generations_upserts", frame)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the lock of a flow's rebuilds and backfills; `folder` is that of its live store.

    Raises:
        BadInput: another process holds it.

    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(folder / "rebuild", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BadInput(
                f"flow {folder.name} is being rebuilt or backfilled by another process: wait for it"
            ) from error
        yield
    finally:
        os.close(lock)
