"""The poison run: send, drain the flows, compare everything with the truth of the topics read back.

Rules: every message is a dead letter with its reason and all its bytes, or counted, nothing else; no flow
ends by itself. It goes in two rounds, so that state is saved and read again between.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

from clickhouse_connect.driver.client import Client

from settings import Settings
from sinks.clickhouse_client import connect
from sources.kafka_client import describe
from verify.oracle import Limits, truth
from verify.oracle_groups import sales
from verify.oracle_servers import TABLES, health, health_by
from verify.poison import shown
from verify.poison.contract import PLAYERS, PURCHASES, SERVERS
from verify.poison.flows import FLOWS, Ran, drain
from verify.poison.form import TOPICS
from verify.poison.log import read_log
from verify.poison.produce import Sender, open_topics
from verify.poison.stream import Sending, stream
from verify.poison.truth import Row, TopicTruth, books, late_events, topic_truth
from verify.sheets import Compared, compare
from verify.shown_sheets import shown_sheet

FLOW_OF = {PLAYERS: "engagement", PURCHASES: "purchases", SERVERS: "server_health"}
CORPUS = 3_000  # of it, and of the good ones between, in a round: the next one begins with the rest
SHOWN, LONGEST = 20, 400  # of what is wrong: lines, and characters of each
LEAST_S, PER_MESSAGE_S = 240.0, 0.01  # how long the flows may take


def harmless(text: str) -> str:
    """Give text from messages as a line that a terminal only shows."""
    return ascii(text)[1:-1][:LONGEST]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to send, where, and in how many rounds: between two of them the flows end and start again."""

    seed: int
    generated: int
    settings: Settings
    environment: Mapping[str, str]
    say: Callable[[str], None]
    rounds: int = 2


@dataclass(slots=True)
class Result:
    """What came of it."""

    sent: int = 0
    messages: int = 0
    forms: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    late: int = 0
    duplicates: int = 0
    misjudged: list[str] = field(default_factory=list)  # forms that the judge and the corpus see differently
    compared: list[Compared] = field(default_factory=list)
    ran: list[Ran] = field(default_factory=list)
    drained_s: float = 0.0

    @property
    def exits(self) -> int:
        """Count the flows that ended by themselves."""
        return sum(of.code != 0 for of in self.ran)

    @property
    def wrong_reasons(self) -> int:
        """Count the letters that are wrong in the table or on the topic."""
        return sum(of.wrong for of in self.compared if of.view.startswith("dead"))

    @property
    def right(self) -> bool:
        """Whether all is as it must be."""
        there = self.sent == self.messages
        return there and not (self.exits or self.misjudged or any(of.wrong for of in self.compared))

    def lines(self) -> Iterator[str]:
        """Tell everything that is worth a line: reasons, memory by flow, and what is wrong."""
        yield "reasons: " + ", ".join(f"{reason} {count:,}" for reason, count in self.reasons.most_common())
        for flow in FLOWS:
            peak = max(of.peak_mb for of in self.ran if of.flow == flow)
            yield f"{flow}: peak {peak} MB"
        yield from (f"{of.flow} ended with {of.code}: {of.said}" for of in self.ran if of.code)
        yield from self.misjudged[:SHOWN]
        for compared in self.compared:
            yield str(compared)
            yield from (f"    {harmless(example)}" for example in compared.examples)

    def __str__(self) -> str:
        """Give the figures of the last line."""
        good = self.reasons["good"]
        peak = max((of.peak_mb for of in self.ran), default=0)
        return (
            f"poison messages={self.messages} dead={self.messages - good} good={good} forms={self.forms} "
            f"late={self.late} duplicates={self.duplicates} lost={sum(of.lost for of in self.compared)} "
            f"double={sum(of.double for of in self.compared)} exits={self.exits} "
            f"wrong_reasons={self.wrong_reasons} wrong_rows={sum(of.wrong for of in self.compared)} "
            f"messages_per_s={self.messages / max(self.drained_s, 0.001):.0f} peak_rss_mb={peak}"
        )


def poison(wanted: Wanted) -> Result:
    """Send the poison, let the flows read it, and compare."""
    result = Result()
    servers = wanted.settings.kafka.bootstrap_servers
    open_topics(servers)
    sender = Sender(servers, {topic: describe(wanted.settings.kafka, topic).id for topic in TOPICS})
    sender.await_open()
    forms: dict[tuple[str, int, int], Sending] = {}
    messages = _noting(stream(wanted.seed, wanted.generated), sender, forms)
    part = CORPUS + wanted.generated // wanted.rounds
    for number in range(1, wanted.rounds + 1):
        wanted.say(f"round {number} of {wanted.rounds}: sending")
        sender.send(islice(messages, part) if number < wanted.rounds else messages)
        wanted.say(f"{sender.sent.total():,} messages in Kafka; the flows read them")
        began = time.monotonic()
        result.ran += drain(wanted.environment, LEAST_S + PER_MESSAGE_S * wanted.generated)
        result.drained_s += time.monotonic() - began
    result.sent = sender.sent.total()
    wanted.say("comparing every row with the truth")
    judge_and_compare(wanted.settings, forms, result)
    return result


def _noting(
    messages: Iterator[Sending], sender: Sender, forms: dict[tuple[str, int, int], Sending]
) -> Iterator[Sending]:
    """Note at which offset each form of the corpus will be."""
    for of in messages:
        if of.form or of.means:
            forms[of.topic, of.partition, sender.sent[of.topic, of.partition]] = of
        yield of


def judge_and_compare(
    settings: Settings, forms: Mapping[tuple[str, int, int], Sending], result: Result
) -> None:
    """Read the topics back, judge them, and compare with all that is shown."""
    servers = settings.kafka.bootstrap_servers
    records = shown.records(servers)
    with connect(settings.clickhouse, settings.clickhouse.database) as client:
        true_books: dict[shown.Key, Row] = {}
        for topic in TOPICS:
            log_id = describe(settings.kafka, topic).id
            true = topic_truth(topic, log_id, read_log(servers, topic), Limits())
            result.messages += true.messages
            result.reasons += true.reasons
            result.misjudged += _misjudged(true, forms)
            result.compared += compared_topic(client, true)
            result.compared.append(compared_records(true, log_id, records))
            true_books |= books(true, FLOW_OF[topic])
        result.compared.append(compare("accounting", shown.books(client), true_books))
    result.forms = len({(of.topic, of.form) for of in forms.values() if of.form})
    windowed = [row for key, row in true_books.items() if key[2] == 10]  # noqa: PLR2004 - of one size
    result.late = sum(row["late"] for row in windowed)
    result.duplicates = sum(row["duplicates"] for row in windowed)


def _misjudged(true: TopicTruth, forms: Mapping[tuple[str, int, int], Sending]) -> list[str]:
    return [
        f"{topic}: {of.form or 'a good message'} means {of.means}, and the judge says "
        f"{true.verdicts.get((partition, offset))}"
        for (topic, partition, offset), of in forms.items()
        if topic == true.topic and of.means not in {None, true.verdicts.get((partition, offset))}
    ]


def compared_topic(client: Client, true: TopicTruth) -> Iterator[Compared]:
    """Compare all tables that hold one topic."""
    topic, flow = true.topic, FLOW_OF[true.topic]
    letters = {place: shown.hashed(letter) for place, letter in true.letters.items()}
    yield compare(f"dead_letters of {topic}", shown.letters(client, topic), letters)
    yield compare(f"late_events of {topic}", shown.late_events(client, topic), late_events(true, flow))
    yield compare(topic.replace("-", "_"), shown.raw_rows(client, topic), true.raw)
    if topic == PLAYERS:
        grouped = truth(true.events, Limits())
        yield compare("engagement", shown_sheet(client, "engagement"), grouped.whole_game)
        yield compare("engagement_by_level", shown_sheet(client, "engagement_by_level"), grouped.by_level)
    elif topic == PURCHASES:
        yield compare("item_sales", shown_sheet(client, "item_sales"), sales(true.judged))
    else:
        yield compare("server_health", shown_sheet(client, "server_health"), health(true.judged))
        for view, column in TABLES.items():
            yield compare(view, shown_sheet(client, view), health_by(true.judged, column))


def compared_records(true: TopicTruth, log_id: str, records: Mapping[str, shown.Record]) -> Compared:
    """Compare the records on the topic `dead-letters` with one topic's letters."""
    places = {place: f"{log_id}:{true.topic}:{place[0]}:{place[1]}" for place in true.letters}
    found = {
        place: shown.says(records[name], true.letters[place])
        for place, name in places.items()
        if name in records
    }
    wanted = {
        place: {name: letter[name] for name in ("reason", "path", "key", "raw")}
        for place, letter in true.letters.items()
    }
    return compare(f"dead-letters of {true.topic}", found, wanted)
