"""On the engine itself: a planned stop leaves nothing to write again, a crash leaves all open windows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from bytewax.errors import BytewaxRuntimeError

from flows.registry import FLOWS
from tests.flows.store_fixture import run
from verify import golden
from verify.golden import EACH, GoldenPart, Tables, built
from windows.rows import Rows

HALF = EACH // 2


@dataclass
class Inserted:
    """How many rows went out."""

    rows: int = 0


@pytest.fixture
def inserted(monkeypatch: pytest.MonkeyPatch) -> Inserted:
    count = Inserted()
    upsert = golden.upsert

    def counting(tables: Tables, rows: Rows) -> None:
        count.rows += rows.frame.height
        upsert(tables, rows)

    monkeypatch.setattr(golden, "upsert", counting)
    return count


@pytest.mark.parametrize("name", FLOWS)
def test_a_planned_restart_writes_no_row_again(name: str, tmp_path: Path, inserted: Inserted) -> None:
    run(tmp_path / name, built(name, HALF, {}))
    assert inserted.rows > 0
    inserted.rows = 0
    for _ in range(2):
        run(tmp_path / name, built(name, HALF, {}))
    assert inserted.rows == 0


@pytest.mark.parametrize("name", FLOWS)
def test_after_a_crash_rows_are_written_again(
    name: str, tmp_path: Path, inserted: Inserted, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged = GoldenPart.next_batch

    def until_half(self: GoldenPart) -> list[Any]:
        if self.place > HALF:
            raise ConnectionError("killed")
        return judged(self)

    monkeypatch.setattr(GoldenPart, "next_batch", until_half)
    with pytest.raises(BytewaxRuntimeError):
        run(tmp_path / name, built(name, EACH, {}))
    monkeypatch.setattr(GoldenPart, "next_batch", judged)
    inserted.rows = 0
    run(tmp_path / name, built(name, HALF, {}))
    assert inserted.rows > 0
