"""What an outage run asks for, and what it measures."""

from __future__ import annotations

from dataclasses import dataclass, field

from verify.outage.right import Wrong

WARM, AWAY, CATCHING_UP = "before", "ClickHouse away", "catching up"
OTHERS, KAFKA = "other troubles", "Kafka away"


@dataclass(frozen=True, slots=True)
class Asked:
    """How long ClickHouse and Kafka are away, and how many events a second come meanwhile."""

    seconds: float
    kafka_s: float
    per_second: int


@dataclass(slots=True)
class Found:
    """What was measured; a figure of a part that was not run is None. The acts are those named above."""

    before_mb: int = 0
    peak_mb: dict[str, int] = field(default_factory=dict)  # by act
    others_behind_s: dict[str, float] = field(
        default_factory=dict
    )  # by act: the other flow's worst freshness
    paused_after_s: float | None = None
    red_after_s: float | None = None
    resumed_after_s: float | None = None
    caught_up_after_s: float | None = None
    catch_up: float = 0.0  # times the live rate
    kafka_red_s: float | None = None
    kafka_back_s: float | None = None  # since Kafka held all that had come meanwhile
    stopped: str = ""  # why the run could not go on
    wrong: Wrong | None = None

    def note(self, act: str, rss_mb: int, other_s: float | None) -> None:
        """Keep what is most of one look at the flows."""
        self.peak_mb[act] = max(self.peak_mb.get(act, 0), rss_mb)
        if other_s is not None:
            self.others_behind_s[act] = max(self.others_behind_s.get(act, 0.0), other_s)

    def grew_mb(self, act: str) -> int:
        """Give how much memory grew above the level before, at most, within an act."""
        return max(self.peak_mb.get(act, 0) - self.before_mb, 0)
