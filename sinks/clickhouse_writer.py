"""The thread that writes rows to ClickHouse, and the bounded queue in front of it.

Rules: `put` takes rows at once or waits while the queue is full. The thread takes *all* that is
queued when it is enough, old enough or asked for, inserts it, and only then counts it as
acknowledged, so acknowledgement follows the order of `put`. While the server is away the same
blocks are tried again for ever. An answer is awaited for 30 s at first, since a connection may be dead
without a word, and four times as long after that, since the server may be slow: the block's token makes
the second copy harmless. A fatal error ends the thread and is raised by every later call.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from threading import Condition, Thread

import structlog
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from sinks.clickhouse_client import Server, open_client
from sinks.clickhouse_errors import Verdict, as_users_read_it, judge, root_cause
from sinks.clickhouse_figures import SinkFigures, Tally
from sinks.clickhouse_insert import Block, blocks, insert
from topics.errors import Broken, GamewaxError
from windows.rows import Rows

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Pace:
    """When the writer inserts and how long it waits after a failed try."""

    batch_rows: int = 50_000
    batch_age_s: float = 0.2
    queue_bytes: int = 32 << 20
    first_wait_s: float = 0.1
    longest_wait_s: float = 5.0
    answer_s: int = 30
    patient_answer_s: int = 120


class ClickHouseWriter:
    """Writes rows of any tables through one connection, in order of their arrival.

    `now` gives seconds of a monotonic clock; `random` spreads retries. Threads may share a writer.
    """

    def __init__(
        self, server: Server, now: Callable[[], float], random: Random, pace: Pace | None = None
    ) -> None:
        self._server = server
        self._now = now
        self._random = random
        self._pace = pace or Pace()
        self._changed = Condition()
        self._queued: list[Rows] = []
        self._queued_rows = 0
        self._held_bytes = 0  # queued and in flight
        self._oldest = 0.0  # when the first of the queue came
        self._in_flight_since: float | None = None  # the same of what was taken and is not acknowledged
        self._tally = Tally()
        self._put = 0
        self._acknowledged = 0
        self._wanted = 0  # the last put that a flush waits for
        self._failure: GamewaxError | None = None
        self._stopped = False
        self._client: Client | None = None
        self._thread = Thread(target=self._run, name="clickhouse-writer", daemon=True)
        self._thread.start()

    def put(self, rows: Rows) -> None:
        """Queue rows; wait while the queue holds its bytes (a frame larger than that goes alone).

        Raises:
            GamewaxError: the writer failed before, with its reason.

        """
        size = int(rows.frame.estimated_size())
        with self._changed:
            self._changed.wait_for(lambda: self._ended() or self._has_room(size))
            self._raise_if_ended()
            if not self._queued:
                self._oldest = self._now()
            self._queued.append(rows)
            self._queued_rows += rows.frame.height
            self._held_bytes += size
            self._put += 1
            self._changed.notify_all()

    def flush(self) -> None:
        """Wait until all that was put before is acknowledged.

        Raises:
            GamewaxError: the writer failed, with its reason.

        """
        with self._changed:
            wanted = self._put
            self._wanted = max(self._wanted, wanted)
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._ended() or self._acknowledged >= wanted)
            if self._acknowledged < wanted:
                self._raise_if_ended()

    def figures(self) -> SinkFigures:
        """Tell what was written and what waits; any thread may ask at any time."""
        with self._changed:
            tally, queued = self._tally, self._oldest if self._queued else None
            in_flight = self._in_flight_since
            return SinkFigures(
                rows=tally.rows,
                inserts=tally.inserts,
                retries=tally.retries,
                waited_s=tally.waited_s,
                queue_bytes=self._held_bytes,
                unacknowledged_since_s=queued if in_flight is None else in_flight,
                acknowledged_s=tally.acknowledged_s,
                away_since_s=tally.away_since_s,
            )

    def close(self) -> None:
        """Flush, then end the thread."""
        try:
            self.flush()
        finally:
            self.stop()

    def stop(self) -> None:
        """End the thread without waiting for what is queued."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        self._thread.join()

    def _ended(self) -> bool:
        return self._stopped or self._failure is not None

    def _has_room(self, size: int) -> bool:
        return self._held_bytes == 0 or self._held_bytes + size <= self._pace.queue_bytes

    def _raise_if_ended(self) -> None:
        if self._failure is not None:
            raise self._failure
        if self._stopped:
            raise Broken("the ClickHouse writer was closed before its rows were written")

    def _run(self) -> None:
        try:
            while self._insert_one_round():
                pass
        except GamewaxError as error:
            self._fail(error)
        except Exception as error:  # noqa: BLE001 — a bug here must reach the flow, not end a thread in silence
            self._fail(Broken(f"the ClickHouse writer failed: {error!r}"))
        finally:
            self._disconnect()

    def _fail(self, error: GamewaxError) -> None:
        with self._changed:
            self._failure = error
            self._changed.notify_all()

    def _insert_one_round(self) -> bool:
        """Take all that is queued and write it; False when the writer was stopped."""
        with self._changed:
            while not self._due():
                if self._stopped:
                    return False
                age_left = self._oldest + self._pace.batch_age_s - self._now()
                self._changed.wait(max(age_left, 0.001) if self._queued else None)
            taken, self._queued = self._queued, []
            last, held = self._put, self._held_bytes
            self._queued_rows, self._in_flight_since = 0, self._oldest
        for piece in blocks(taken):
            if not self._insert_until_acknowledged(piece):
                return False
        with self._changed:
            self._acknowledged = last
            self._held_bytes -= held
            self._in_flight_since, self._tally.acknowledged_s = None, self._now()
            self._changed.notify_all()
        return True

    def _due(self) -> bool:
        if not self._queued or self._stopped:
            return False
        return (
            self._queued_rows >= self._pace.batch_rows
            or self._wanted > self._acknowledged
            or self._now() - self._oldest >= self._pace.batch_age_s
        )

    def _insert_until_acknowledged(self, piece: Block) -> bool:
        """Try until the server has the block; False when the writer was stopped meanwhile."""
        pace, wait_s, answer_s = self._pace, self._pace.first_wait_s, self._pace.answer_s
        while (took_s := self._failed_after(piece, answer_s)) is not None:
            if took_s >= answer_s:  # a dead connection or a slow server
                answer_s = pace.patient_answer_s
                self._disconnect()
            if self._stopped_within(wait_s * self._random.uniform(0.5, 1.0)):
                return False
            wait_s = min(2 * wait_s, pace.longest_wait_s)
        if answer_s > pace.answer_s:
            self._disconnect()  # the next block is as impatient again
        return True

    def _failed_after(self, piece: Block, answer_s: int) -> float | None:
        """Try once; None when the server has the block, else how long it took to fail.

        Raises:
            GamewaxError: no later try can help.

        """
        server, tally, begun_s = self._server, self._tally, self._now()
        try:
            insert(self._connected(answer_s), piece)
        except (ClickHouseError, OSError) as error:
            if judge(error) is Verdict.GIVE_UP:
                raise as_users_read_it(error, server.url, server.user, server.database) from error
            if tally.failed(self._now()):
                log.warning("clickhouse_away", url=server.url, reason=root_cause(error))
            return self._now() - begun_s
        if (since := tally.away_since_s) is not None:
            log.info("clickhouse_back", url=server.url, away_s=round(self._now() - since, 1))
        tally.inserted(piece.table, piece.rows)
        return None

    def _connected(self, answer_s: int) -> Client:
        if self._client is None:
            self._client = open_client(self._server, self._server.database, answer_s)
        return self._client

    def _disconnect(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _stopped_within(self, seconds: float) -> bool:
        begun_s = self._now()
        with self._changed:
            stopped = self._changed.wait_for(lambda: self._stopped, seconds)
        self._tally.waited_s += self._now() - begun_s
        return stopped
