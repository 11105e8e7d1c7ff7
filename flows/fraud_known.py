"""What the fraud flow judges purchases by: rules, model, labels and players, whatever they were learnt from.

Rules: a purchase's features and verdict follow from what its shards answered and from what is known here; a
record of a side topic counts from a second after its Kafka time on, whatever a batch holds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from bytewax.outputs import Sink

from models.fraud_features import Labels, Pieces, assemble
from models.fraud_judging import Judging
from models.fraud_replay import aged
from models.fraud_suspicion import Origin
from settings import from_caller, load
from sources.artifacts import SHADOW, load_model
from sources.rule_files import standing
from topics.fraud_outbox import Outgoing
from windows.alerting import Suspicions, by_shard
from windows.join import Joined
from windows.plan import Plan


@dataclass(slots=True)
class Known:
    """All that purchases are judged by.

    `created` is when players' accounts were made, and from which Kafka time on that counts (epoch ms).
    """

    judging: Judging = field(default_factory=Judging)
    labels: Labels = field(default_factory=Labels)
    created: dict[str, tuple[int, int]] = field(default_factory=dict)

    def judged(self, plan: Plan, joined: Joined) -> list[tuple[str, Suspicions]]:
        """Give what is suspicious in a take, keyed by the players' shards."""
        purchases, after = joined.take.events, joined.take.after
        assert purchases is not None  # noqa: S101  only takes with purchases are joined
        purchases = aged(purchases, self.created)
        parts = cast("Pieces", joined.parts)
        features = assemble(purchases, parts, self.labels, self.judging.features)
        found = self.judging.suspicions(features, purchases, Origin(after.log, after.topic, after.partition))
        if not found:
            return []
        return by_shard(Suspicions(after.partition, after.guarantee_ms(plan), tuple(found)))

    def meet(self, player_id: str, created_ms: int, from_ms: int) -> None:
        """Learn of an account; what was told first stays, for accounts are made once."""
        self.created.setdefault(player_id, (created_ms, from_ms))

    def forget(self, player_id: str) -> None:
        """Forget a player who was deleted."""
        self.created.pop(player_id, None)


@dataclass(frozen=True, slots=True)
class Court:
    """What purchases are judged by, where messages go, and the sealed rows that the flow goes on from.

    `ready` is called before a batch is judged: all is learnt that may count for it.
    """

    known: Known
    outbox: Sink[tuple[str, Outgoing]]
    stored: Callable[[str], bytes | None] = lambda _: None
    ready: Callable[[], None] = lambda: None


def judging_of_settings() -> Judging:
    """Give what purchases are judged by before anything is heard: built-in rules, and the models in use.

    Raises:
        BadInput: a rule or a model is no good.

    """
    fraud = load().fraud
    judging = Judging(
        model=load_model(fraud.folder),
        shadow=load_model(fraud.folder, pointer=SHADOW),
        review_at=fraud.review_at,
        block_at=fraud.block_at,
    )
    for rule in standing(fraud.rules and from_caller(fraud.rules)):
        judging.book.add(rule)
    return judging
