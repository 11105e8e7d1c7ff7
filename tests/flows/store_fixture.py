"""Stores as the engine leaves them, made by the engine itself, without Kafka."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.operators import StatefulLogic
from bytewax.run import cli_main
from bytewax.testing import TestingSink

from flows.store import Store
from windows.seal import sealed

NAME = "engagement"


class Total(StatefulLogic[int, int, bytes]):
    """Adds up, and keeps the sum as our states are kept."""

    def __init__(self, packed: bytes | None) -> None:
        self.total = 0 if packed is None else int(packed[5:])

    def on_item(self, value: int) -> tuple[Iterable[int], bool]:
        self.total += value
        return [self.total], False

    def snapshot(self) -> bytes:
        return sealed(str(self.total).encode())


class Numbers(FixedPartitionedSource[int, bytes]):
    """Gives numbers one by one, and keeps its place as our sources do."""

    def __init__(self, numbers: list[int]) -> None:
        self.numbers = numbers

    def list_parts(self) -> list[str]:
        return ["0"]

    def build_part(
        self,
        step_id: str,  # noqa: ARG002  Bytewax's interface
        for_part: str,  # noqa: ARG002
        resume_state: bytes | None,
    ) -> NumbersPart:
        return NumbersPart(self.numbers, 0 if resume_state is None else int(resume_state[5:]))


class NumbersPart(StatefulSourcePartition[int, bytes]):
    def __init__(self, numbers: list[int], place: int) -> None:
        self.numbers, self.place = numbers, place

    def next_batch(self) -> list[int]:
        if self.place == len(self.numbers):
            raise StopIteration
        self.place += 1
        return [self.numbers[self.place - 1]]

    def snapshot(self) -> bytes:
        return sealed(str(self.place).encode())


def adding(name: str, numbers: list[int], out: list[tuple[str, int]], step: str = "total") -> Dataflow:
    """A flow with a position, a state and a sink."""
    flow = Dataflow(name)
    keyed = op.key_on("keyed", op.input("read", flow, Numbers(numbers)), lambda _: "all")
    op.output("rows", op.stateful(step, keyed, Total), TestingSink(out))
    return flow


def run(folder: Path, flow: Dataflow) -> None:
    store = Store(folder)
    try:
        cli_main(flow, epoch_interval=timedelta(0), recovery_config=store.own())
    finally:
        store.release()


@dataclass
class Made:
    """A store that a run has left behind."""

    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / "store" / "part-0.sqlite3"

    def change(self, statement: str, *values: object) -> None:
        with closing(sqlite3.connect(self.file)) as store, store:
            store.execute(statement, values)


def made(folder: Path, name: str = NAME) -> Made:
    """Run a flow that adds 1, 2, 3 to its end."""
    run(folder / name, adding(name, [1, 2, 3], []))
    return Made(folder / name)
