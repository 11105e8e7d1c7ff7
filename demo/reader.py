"""Looks at the tables as the reader user, as a panel would, and at the flows' places in Kafka.

Rules: values are server-side parameters; nothing here knows the truth. Clients' clocks are off, so
"lately" ends now: rows of windows that have not come yet are left out of it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import settings
from demo.alerts import BY_RULE, alerts
from demo.cells import measure, money, whole
from demo.figures import Book, Figures, Level, Load, Progress, Sale
from demo.incidents import NEWEST, incidents
from demo.lag import Lag
from demo.streams import FINEST_S, STREAMS, Stream
from sinks.clickhouse_client import connect

LATELY_S = 60
LEVELS = """
SELECT level_id, sumIf(events, window_start > now() - {lately:UInt32} AND window_start <= now()),
    sum(level_completes), sum(level_fails)
FROM engagement_by_level WHERE window_seconds = {finest:UInt32} GROUP BY level_id ORDER BY level_id
"""
PLAYERS = """
SELECT sum(most) FROM (
    SELECT max(players) AS most FROM engagement
    WHERE window_seconds = {lately:UInt32}
        AND window_start > now() - 2 * {lately:UInt32} AND window_start <= now()
    GROUP BY game_id
)
"""
SALES = """
SELECT item_id, currency, sum(purchases), sum(revenue)
FROM item_sales WHERE window_seconds = {finest:UInt32} GROUP BY item_id, currency ORDER BY 3 DESC, 1, 2
"""
SERVERS = """
SELECT server_id, argMax(cpu_load_avg, window_start), argMax(memory_usage_avg, window_start),
    argMax(latency_p50, window_start), argMax(latency_p95, window_start), argMax(latency_p99, window_start)
FROM server_health WHERE window_seconds = {lately:UInt32} AND window_start > now() - 5 * {lately:UInt32}
GROUP BY server_id ORDER BY 6 DESC, 1
"""
COUNTED = """
SELECT 'engagement', sum(events) FROM engagement WHERE window_seconds = {finest:UInt32}
UNION ALL SELECT 'purchases', sum(purchases) FROM item_sales WHERE window_seconds = {finest:UInt32}
UNION ALL SELECT 'server_health', sum(samples) FROM server_health WHERE window_seconds = {finest:UInt32}
"""
BOOKS = """
SELECT flow, topic, window_seconds, sum(read), sum(aggregated), sum(late), sum(dead), sum(duplicates)
FROM accounting GROUP BY flow, topic, window_seconds ORDER BY window_seconds
"""
DEAD = "SELECT topic, reason, count() FROM dead_letters GROUP BY topic, reason ORDER BY topic, 3 DESC, reason"
PARAMETERS: Mapping[str, int] = {"lately": LATELY_S, "finest": FINEST_S}

Table = Sequence[Sequence[object]]
Books = Mapping[str, Sequence[Book]]  # of one flow, by topic
Dead = Mapping[str, Counter[str]]


class Reader:
    """Logged in to ClickHouse and Kafka for as long as a demo runs."""

    def __init__(self, at: settings.Settings) -> None:
        """Log in.

        Raises:
            BadInput: ClickHouse does not answer or refuses the reader, or Kafka lacks a topic.

        """
        mine = at.clickhouse
        as_reader = mine.model_copy(update={"user": mine.reader_user, "password": mine.reader_password})
        self._client = connect(as_reader, mine.database)
        self._lag = Lag(at)

    def close(self) -> None:
        """Log out."""
        self._client.close()
        self._lag.close()

    def look(self) -> Figures:
        """Take all figures of this moment.

        Raises:
            ClickHouseError: whatever the driver says.

        """
        levels = tuple(
            Level(str(name), *map(whole, counts)) for name, *counts in self.rows(LEVELS, PARAMETERS)
        )
        sales = tuple(
            Sale(str(item), str(currency), whole(purchases), money(revenue))
            for item, currency, purchases, revenue in self.rows(SALES, PARAMETERS)
        )
        servers = tuple(
            Load(str(name), *map(measure, loads)) for name, *loads in self.rows(SERVERS, PARAMETERS)
        )
        players = whole(self.rows(PLAYERS, PARAMETERS)[0][0])
        dead = self._dead()
        fraud = alerts(self.rows(BY_RULE, {}))
        trouble = incidents(self.rows(NEWEST, {}))
        return Figures(levels, players, sales, servers, self._flows(dead), dead, fraud, trouble)

    def messages(self) -> int:
        """Count the messages that the topics ever got.

        Raises:
            Broken: Kafka does not answer.

        """
        return self._lag.messages()

    def rows(self, query: str, parameters: Mapping[str, str | int]) -> Table:
        """Ask ClickHouse.

        Raises:
            ClickHouseError: whatever the driver says.

        """
        answer: Table = self._client.query(query, parameters=dict(parameters)).result_rows
        return answer

    def _dead(self) -> Dead:
        found: dict[str, Counter[str]] = defaultdict(Counter)
        for topic, reason, letters in self.rows(DEAD, {}):
            found[str(topic)][str(reason)] = whole(letters)
        return found

    def _flows(self, dead: Dead) -> Mapping[str, Progress]:
        counted = {str(flow): whole(events) for flow, events in self.rows(COUNTED, PARAMETERS)}
        books: dict[str, dict[str, list[Book]]] = defaultdict(lambda: defaultdict(list))
        for flow, topic, *counts in self.rows(BOOKS, {}):
            books[str(flow)][str(topic)].append(Book(*map(whole, counts)))
        known = Known(counted, dead, self._lag.unsaved())
        return {stream.flow: progress(stream, books[stream.flow], known) for stream in STREAMS}


@dataclass(frozen=True, slots=True)
class Known:
    """What is known besides the books: events in tables and lag by flow, dead letters by topic."""

    counted: Mapping[str, int]
    dead: Dead
    unsaved: Mapping[str, int | None]


def progress(stream: Stream, books: Books, known: Known) -> Progress:
    """Put together how far a flow is; of one whose rows are not counted each second, only its books tell."""
    sums = tuple(total(size, books) for size in stream.windows_s) if books else ()
    read = {topic: min(book.read for book in of) for topic, of in books.items()}
    settled = sum(read.values())
    if stream.flow in known.counted:
        letters = sum(known.dead[topic].total() for topic in stream.topics if topic in known.dead)
        others = sums[0].late + sums[0].duplicates if sums else 0
        settled = known.counted[stream.flow] + letters + others
    return Progress(sums, read, settled, known.unsaved[stream.flow])


def total(window_s: int, books: Books) -> Book:
    """Add up the books of all topics for one window size."""
    of_size = [book for of in books.values() for book in of if book.window_s == window_s]
    return Book(
        window_s,
        sum(book.read for book in of_size),
        sum(book.aggregated for book in of_size),
        sum(book.late for book in of_size),
        sum(book.dead for book in of_size),
        sum(book.duplicates for book in of_size),
    )
