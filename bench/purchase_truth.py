"""Which alerts the benchmark's own rules must give of a load: found by looking at each player's purchases.

Rules: only alerts of `bench/fraud_rules` are compared; the rules that come with Gamewax judge the same
purchases beside them, at their full cost. Of each alert: its id, how many purchases, when the first was.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import polars as pl

from bench.check import Checked, Found, compared
from bench.purchases import PurchaseLoad
from sources.rule_files import FOLDER

OWN = Path(__file__).parent / "fraud_rules"
MINUTE_MS, HOUR_MS = 60_000, 3_600_000
THRICE, DEAR = "bench_thrice", "bench_dear"
QUERY = (
    "SELECT alert_id, toInt64(purchases) AS purchases, "
    "toInt64(toUnixTimestamp64Milli(first_event_time)) AS first_ms "
    "FROM {database}.fraud_alerts WHERE startsWith(rule_id, 'bench_')"
)


@dataclass(frozen=True, slots=True)
class AlertTruth:
    """The alerts of a load."""

    load: PurchaseLoad

    def judge(self, found: Found) -> Checked:
        """Compare every alert."""
        return compared(alerts(self.load), found.ask(QUERY), ["alert_id"], {})


def alerts(load: PurchaseLoad) -> pl.DataFrame:
    """Look at every purchase; times of one partition only grow."""
    recent: dict[int, deque[int]] = defaultdict(deque)
    due: dict[str, list[int]] = {}
    for block in load.blocks():
        for player, time_ms, dear in block.select("player", "time_ms", "dear").iter_rows():
            times = recent[player]
            times.append(time_ms)
            while times[0] <= time_ms - MINUTE_MS:
                times.popleft()
            if len(times) >= 3:  # noqa: PLR2004  what the rule says
                due.setdefault(
                    alert_of(THRICE, f"player_{player}", time_ms // MINUTE_MS * MINUTE_MS), []
                ).append(time_ms)
            if dear:
                due.setdefault(alert_of(DEAR, f"player_{player}", time_ms // HOUR_MS * HOUR_MS), []).append(
                    time_ms
                )
    return pl.DataFrame(
        {
            "alert_id": list(due),
            "purchases": [len(times) for times in due.values()],
            "first_ms": [min(times) for times in due.values()],
        }
    )


def rules_in(folder: Path) -> Path:
    """Make a folder of the rules that come with Gamewax and the benchmark's own; gives the folder."""
    folder.mkdir(parents=True)
    for path in (*FOLDER.glob("*.yaml"), *OWN.glob("*.yaml")):
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def alert_of(rule: str, player: str, window_ms: int) -> str:
    """Name an alert as the contract says, by itself."""
    named = "\x1f".join((rule, "1", player, str(window_ms), ""))
    return sha256(named.encode()).hexdigest()[:32]
