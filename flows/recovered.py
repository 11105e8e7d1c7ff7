"""Which count of a flow this is: its generation, the first window that it counts, and where it began.

Rules:
- `./gamewax recover FLOW --from TIME` leaves a file beside the store that says so; it is never changed.
- An empty store without that file goes on as the last recovery that ClickHouse knows of: rows of a lower
  generation would lose against those that stand there.
- A store of another generation than the file or ClickHouse names is refused for the same reason.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import msgspec
from clickhouse_connect.driver.exceptions import ClickHouseError

from flows.past import committed_lanes
from flows.store import store_of
from settings import load
from sinks.clickhouse_client import connect
from sinks.clickhouse_errors import as_users_read_it
from sources.kafka_client import Log
from topics.errors import NeedsOperator
from windows.plan import NEVER, Plan
from windows.take import LaneState, fresh_state

NOTES = "recover.json"
_LAST = """
SELECT generation, toUnixTimestamp64Milli(`from`) FROM generations
WHERE flow = {flow:String} AND reason = 'recover' ORDER BY generation DESC LIMIT 1
"""


class Begins(msgspec.Struct, frozen=True):
    """Where the lanes of one topic begin: offsets by partition, in one log."""

    log: str
    offsets: dict[int, int]


class Recovered(msgspec.Struct, frozen=True):
    """One count of a flow; `starts` by topic, for partitions that the store knows nothing of."""

    generation: int = 0
    from_ms: int = NEVER
    starts: dict[str, Begins] = {}

    def plan(self, plan: Plan) -> Plan:
        """Give a flow's plan for this count."""
        return replace(plan, generation=self.generation, from_ms=self.from_ms)

    def lanes(self, log: Log) -> Mapping[int, LaneState]:
        """Give the lanes of a topic as they were to begin."""
        begins = self.starts.get(log.topic)
        if begins is None:
            return {}
        lanes = {
            number: fresh_state(begins.log, log.topic, number, offset)
            for number, offset in begins.offsets.items()
        }
        return {
            number: msgspec.structs.replace(lane, generation=self.generation)
            for number, lane in lanes.items()
        }


def recovered(flow: str, steps: list[str]) -> Recovered:
    """Tell which count a flow is at; `steps` are its source steps.

    Raises:
        BadInput: ClickHouse does not answer.
        NeedsOperator: the store is of another count, or what was noted cannot be read.

    """
    store = store_of(load().recovery.dir, flow)
    lanes = [lane for step in steps for lane in committed_lanes(store, step)]
    noted, last = read_notes(store.parent) or Recovered(), last_recovery(flow)
    if not lanes and last.generation > noted.generation:
        write_notes(store.parent, last)
        return last
    found = next((lane.generation for lane in lanes if lane.generation != noted.generation), noted.generation)
    newest = max(last.generation, noted.generation)
    if found != newest:
        raise NeedsOperator(
            f"the recovery store {store} counts as generation {found} of flow {flow}, and the last recovery "
            f"was generation {newest}: its rows would lose against those; count anew: "
            f"./gamewax recover {flow} --from TIME"
        )
    return noted


def last_recovery(flow: str) -> Recovered:
    """Give the flow's last recovery by ClickHouse, or the first count.

    Raises:
        BadInput: ClickHouse does not answer.

    """
    server = load().clickhouse
    with closing(connect(server, server.database)) as client:
        try:
            found = client.query(_LAST, parameters={"flow": flow}).result_rows
        except (ClickHouseError, OSError) as error:
            raise as_users_read_it(error, server.url, server.user, server.database) from error
    return Recovered(int(found[0][0]), int(found[0][1])) if found else Recovered()


def read_notes(folder: Path) -> Recovered | None:
    """Read what a recovery has left beside the store.

    Raises:
        NeedsOperator: it cannot be read.

    """
    notes = folder / NOTES
    if not notes.exists():
        return None
    try:
        return msgspec.json.decode(notes.read_bytes(), type=Recovered)
    except (msgspec.DecodeError, OSError) as error:
        raise NeedsOperator(
            f"{notes} cannot be read ({error}): put it back, or ./gamewax recover {folder.name} --from TIME"
        ) from error


def write_notes(folder: Path, notes: Recovered) -> None:
    """Leave notes beside the store, whole or not at all; several processes may."""
    new = folder / f"{NOTES}.{os.getpid()}"
    with new.open("wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(notes)))
        file.flush()
        os.fsync(file.fileno())
    new.rename(folder / NOTES)
