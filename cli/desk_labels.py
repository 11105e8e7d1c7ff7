"""Labels as people give them: made of purchases, sent to `fraud-labels`, none that is there already.

Rules: a label names its purchase by place, or by player and transaction where the archive lacks it. A
purchase whose latest label says the same is left alone: twice is as good as once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

import settings
from cli.desk import Desk, who
from cli.desk_purchases import Bought, said_of
from cli.harmless import moment, now_ms
from sinks.kafka import Deliveries, drain, open_producer, send
from topics.decode import decode
from topics.errors import BadInput
from topics.fraud_labels import TOPIC, FraudLabel


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody says, and of which alert, if they looked at one."""

    fraud: bool
    by: str = ""
    reason: str = ""
    alert_id: str | None = None

    @property
    def verdict(self) -> str:
        """Say it in a word."""
        return "fraud" if self.fraud else "honest"


@dataclass(frozen=True, slots=True)
class Sent:
    """How many labels were sent, and how many purchases had it already."""

    sent: int
    already: int

    def told(self, verdict: str) -> str:
        """Say it in a line."""
        parts = [f"{purchases(self.sent)} labelled {verdict}"] if self.sent or not self.already else []
        parts += [f"{purchases(self.already)} had that label already"] if self.already else []
        return ", ".join(parts)


def purchases(count: int) -> str:
    """Count purchases in words.

    >>> purchases(1), purchases(1200)
    ('1 purchase', '1,200 purchases')

    """
    return f"{count:,} purchase{'' if count == 1 else 's'}"


def label_of(bought: Bought, said: Said) -> FraudLabel:
    """Give the label of a purchase that has a place."""
    return FraudLabel(
        player_id=bought.player_id,
        fraud=said.fraud,
        alert_id=said.alert_id,
        log=bought.log,
        topic=bought.topic,
        partition=bought.partition,
        offset=bought.offset,
        item_id=bought.item_id,
        game_id=bought.game_id,
        currency=bought.currency,
        purchase_timestamp=moment(bought.bought_ms),
        labelled_by=who(said.by) or None,
        reason=said.reason or None,
    )


def label_of_transaction(transaction_id: str, player_id: str, said: Said) -> FraudLabel:
    """Give the label of a purchase that is known by its transaction alone."""
    return FraudLabel(
        player_id=player_id,
        fraud=said.fraud,
        transaction_id=transaction_id,
        labelled_by=who(said.by) or None,
        reason=said.reason or None,
    )


def send_labels(desk: Desk, wanted: Sequence[tuple[Bought, Said]], beside: Sequence[FraudLabel] = ()) -> Sent:
    """Send the labels of purchases that do not have them yet, and labels beside; gives how many.

    Raises:
        BadInput: Kafka does not answer, or a label is none.

    """
    said = said_of(desk, (bought for bought, _ in wanted))
    new = [(bought, of) for bought, of in wanted if said.get(bought.place) is not of.fraud]
    labels = [*(label_of(*of) for of in new), *beside]
    send_all(desk.at.kafka, labels)
    return Sent(len(labels), len(wanted) - len(new))


def send_all(kafka: settings.Kafka, labels: Sequence[FraudLabel]) -> None:
    """Send labels, keyed by their players.

    Raises:
        BadInput: Kafka does not answer, or a label is none.

    """
    records = [(str(label.player_id).encode(), _value(label)) for label in labels]
    if not records:
        return
    producer, delivered = open_producer(kafka, TOPIC.name), Deliveries()
    for key, value in records:
        send(producer, TOPIC.name, key, value, delivered)
    drain(producer, delivered)


def _value(label: FraudLabel) -> bytes:
    """Write a label as all readers take it.

    Raises:
        BadInput: they would not.

    """
    try:
        value = msgspec.json.encode(label)
    except UnicodeEncodeError as error:
        raise BadInput(f"the label holds text that is no Unicode: {error.object!r}") from error
    for reject in decode(TOPIC, [value], np.array([now_ms()], np.int64)).rejects:
        raise BadInput(f"this makes no good label: {reject.path} {reject.error}")
    return value
