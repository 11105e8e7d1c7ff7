"""`./gamewax run engagement --from-files` as people run it, on the real ClickHouse engine, without Kafka."""

from __future__ import annotations

from itertools import islice

import pytest

from tests.file_fixture import Desk, lines, truth_of
from verify.oracle import Limits
from verify.troubled import POISON, troubled

LIMITS = Limits(lateness_ms=60_000, dedup_offsets=500)
MESSAGES = 20_000

pytestmark = pytest.mark.slow


@pytest.fixture
def desk(desk: Desk) -> Desk:
    desk.given |= {"GAMEWAX_WINDOWS__ALLOWED_LATENESS_S": "60", "GAMEWAX_WINDOWS__DEDUP_OFFSETS": "500"}
    return desk


def traffic(seed: int, files: int, messages: int = MESSAGES) -> list[list[bytes]]:
    """Troubled traffic by file; a message without a value is a blank line, which is none."""
    found: list[list[bytes]] = [[] for _ in range(files)]
    for sent in islice(troubled(seed, files), messages):
        found[sent.partition].append(sent.value or b" ")
    return found


def test_files_show_what_the_oracle_computes_and_once_more_changes_nothing(desk: Desk) -> None:
    files = traffic(1, 4)
    for number, messages in enumerate(files):
        desk.put(f"in/hour-{number}.ndjson", lines(messages))
    code, said = desk.run("in/*.ndjson")
    assert (code, desk.shown()) == (0, truth_of(files, POISON, LIMITS)), said
    before = [desk.ask(f"SELECT * FROM {name} ORDER BY ALL") for name in ("engagement", "accounting")]
    assert desk.run("in/*.ndjson") == (0, said)
    assert [desk.ask(f"SELECT * FROM {name} ORDER BY ALL") for name in ("engagement", "accounting")] == before
