"""How far every part has come, seen from outside: books in ClickHouse, acknowledgements of Kafka.

Rules: a thread looks several times a second, straight at ClickHouse, past the proxy; while ClickHouse is away
the last figures stand. Figures only grow.
"""

from __future__ import annotations

import http.client
from collections import Counter
from threading import Event, Thread
from types import TracebackType
from typing import Self

from embedded.process import HOST
from embedded.services_state import User
from verify.chaos.feed import Feed
from verify.chaos.parts import CLICKHOUSE, DATABASE, KAFKA

LOOK_S = 0.15
ANSWER_S = 1.0
QUERY = (
    "SELECT flow, sum(place) FROM ("
    "SELECT flow, topic, `partition`, min(next_offset) AS place FROM accounting GROUP BY ALL"
    ") GROUP BY flow FORMAT TSV"
)


class Progress:
    """Looks for as long as the `with` block lasts."""

    def __init__(self, port: int, user: User, feed: Feed) -> None:
        self._port, self._feed = port, feed
        self._headers = {"X-ClickHouse-User": user.user, "X-ClickHouse-Key": user.password}
        self._places: dict[str, int] = {}
        self._looks = 0
        self._stop, self._thread = Event(), Thread(target=self._run, name="progress", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def of(self, target: str) -> int:
        """Give a number that grows when a part does its work."""
        if target == KAFKA:
            return self._feed.acknowledged
        if target == CLICKHOUSE:
            return self._looks and sum(self._places.values())
        return self._places.get(target.removeprefix("supervisor of "), 0)

    def behind(self, topics: dict[str, tuple[str, ...]]) -> int:
        """Count the acknowledged messages that flows have not booked yet; `topics` of each flow."""
        acked: Counter[str] = Counter()
        for (topic, _), offsets in list(self._feed.acked.items()):
            acked[topic] += len(offsets)
        return sum(
            max(0, sum(acked[topic] for topic in of) - self._places.get(flow, 0))
            for flow, of in topics.items()
        )

    def _run(self) -> None:
        while not self._stop.wait(LOOK_S):
            found = self._ask()
            if found is not None:
                self._places = {flow: max(place, self._places.get(flow, 0)) for flow, place in found.items()}
                self._looks += 1

    def _ask(self) -> dict[str, int] | None:
        connection = http.client.HTTPConnection(HOST, self._port, timeout=ANSWER_S)
        try:
            connection.request("POST", f"/?database={DATABASE}", QUERY.encode(), self._headers)
            answer = connection.getresponse()
            text = answer.read().decode()
            if answer.status != http.client.OK:
                return None
            return {flow: int(place) for flow, place in (line.split("\t") for line in text.splitlines())}
        except (OSError, ValueError, http.client.HTTPException):
            return None
        finally:
            connection.close()
