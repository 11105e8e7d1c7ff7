"""Who receives webhooks: one endpoint, and which messages it wants.

Rules: a value; `sinks/webhook_file.py` reads it from the operator's file. Its secrets are never shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sinks.webhook_signature import Secret
from sinks.webhook_url import Reach, Target
from topics.message_kinds import is_of

if TYPE_CHECKING:  # its fields bring polars with them, which commands do not need
    from topics.fraud_outbox import Outgoing

AT_ONCE = 8  # messages under way to one endpoint


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an endpoint chooses by; nothing given: everything."""

    rules: frozenset[str] = frozenset()
    least_score: float = 0.0
    decisions: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()  # or what they begin with: `server.*`

    def takes(self, message: Outgoing) -> bool:
        """Tell whether the endpoint wants a message."""
        by_rule = not self.rules or str(message.rule_id) in self.rules
        by_decision = not self.decisions or message.decision in self.decisions
        by_kind = not self.kinds or any(is_of(message.kind, wanted) for wanted in self.kinds)
        return by_kind and by_rule and by_decision and message.score >= self.least_score

    def __str__(self) -> str:
        """Say it in few words."""
        words = [f"kinds {', '.join(sorted(self.kinds))}"] if self.kinds else []
        words += [f"rules {', '.join(sorted(self.rules))}"] if self.rules else []
        words += [f"score >= {self.least_score:g}"] if self.least_score else []
        words += [f"decisions {', '.join(sorted(self.decisions))}"] if self.decisions else []
        return "; ".join(words) or "everything"


EVERYTHING, HTTPS_ONLY = Wanted(), Reach()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One receiver; the first secret is the newer one, `ca_file` holds the authorities of a private one."""

    name: str
    target: Target
    secrets: tuple[Secret, ...]
    wanted: Wanted = EVERYTHING
    reach: Reach = HTTPS_ONLY
    at_once: int = AT_ONCE
    ca_file: Path | None = None
