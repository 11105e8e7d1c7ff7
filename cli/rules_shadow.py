"""`./gamewax rules shadow`: what a shadow rule did so far, from the alerts that it wrote."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from difflib import get_close_matches

import msgspec
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from rich.console import Console
from rich.text import Text

from cli.harmless import moment, now_ms
from cli.rebuild import epoch_ms
from cli.rules_alerts import Example, example_line
from cli.rules_backtest_shown import WIDE
from cli.rules_known import KnownRules, known_rules
from cli.rules_lengths import a_day, length
from models.fraud_columns import Value
from models.fraud_expression import Reason
from models.fraud_rule_text import SUPPRESS_S
from settings import Settings
from sinks.clickhouse_client import connect
from sinks.clickhouse_errors import as_users_read_it
from sources.shadow_alerts import ShadowCounts, Strong, shadow_counts, shadow_versions
from topics.errors import BadInput


class _Seen(msgspec.Struct):
    """A reason as the table has it."""

    name: str
    value: Value
    threshold: Value


@dataclass(frozen=True, slots=True)
class Trial:
    """One version in shadow: from when, until when (Kafka time, epoch ms), and what it did."""

    name: str
    from_ms: int
    to_ms: int
    goes_on: bool
    counts: ShadowCounts

    @property
    def alerts_a_day(self) -> float | None:
        """Give its alerts a day; None when it was in shadow for less than an hour."""
        return a_day(self.counts.alerts, (self.from_ms, self.to_ms))

    @property
    def precision(self) -> float | None:
        """Give the share of fraud in the labelled alerts; None without any."""
        return self.counts.fraud / self.counts.labelled if self.counts.labelled else None


def show_shadow(at: Settings, rule_id: str, since: str, *, as_json: bool) -> None:
    """Print what the versions of a rule did in shadow.

    Raises:
        BadInput: there is no such rule, or none of its versions was in shadow.

    """
    since_ms = epoch_ms("--since", since) if since else 0
    with known_rules(at.kafka) as (known, _):
        pass
    server = at.clickhouse
    with closing(connect(server, server.database)) as client:
        try:
            trials = list(_trials(client, known, rule_id, since_ms))
        except (ClickHouseError, OSError) as error:
            raise as_users_read_it(error, server.url, server.user, server.database) from error
    if not trials:
        raise BadInput(_nothing(known, rule_id))
    if as_json:
        print(json.dumps({"rule": rule_id, "versions": [_json(of) for of in trials]}, indent=2))
        return
    console = Console(highlight=False)
    console = console if console.is_terminal else Console(highlight=False, width=WIDE)
    for trial in trials:
        for line in _told(trial):
            console.print(Text(line), soft_wrap=True)


def _trials(client: Client, known: KnownRules, rule_id: str, since_ms: int) -> Iterator[Trial]:
    """Look at each version that is in shadow, or has shadow alerts."""
    versions = {of.rule.version: of for of in known.of(rule_id)}
    wrote = shadow_versions(client, rule_id, since_ms)
    shadow = {number for number, of in versions.items() if of.rule.shadow and of.rule.state == "active"}
    now = now_ms()
    for number in sorted(wrote.keys() | shadow):
        of = versions.get(number)
        from_ms = max(since_ms, of.from_ms if of and of.from_ms else wrote.get(number, now))
        ends_ms = min((it.from_ms for at, it in versions.items() if at > number), default=now)
        suppress_s = SUPPRESS_S if of is None else of.rule.suppress_s
        counts = shadow_counts(client, (rule_id, number), suppress_s, since_ms)
        yield Trial(f"{rule_id}:{number}", from_ms, min(ends_ms, now), ends_ms >= now, counts)


def _nothing(known: KnownRules, rule_id: str) -> str:
    """Say why there is nothing to show."""
    versions = known.of(rule_id)
    if versions:
        name = versions[-1].rule.name
        return (
            f"{name} is no shadow rule, and no version of it wrote a shadow alert in that time: "
            f"./gamewax rules publish FILE --shadow tries a version; fraud_alerts has what {name} found"
        )
    near = get_close_matches(rule_id, {name for name, _ in known.versions}, 1)
    hint = f"did you mean {near[0]}?" if near else "./gamewax rules list --all names all"
    return f"there is no rule {rule_id!r}; {hint}"


def _told(trial: Trial) -> Iterator[str]:
    """Say what one version did."""
    counts, until = trial.counts, "now" if trial.goes_on else moment(trial.to_ms)
    lasted = length(trial.to_ms - trial.from_ms)
    yield f"{trial.name} in shadow from {moment(trial.from_ms)} to {until} ({lasted})"
    rate = "" if trial.alerts_a_day is None else f" ({trial.alerts_a_day:,.1f} a day)"
    yield (
        f"  {counts.alerts:,} alerts{rate} on {counts.players:,} players "
        f"and {counts.purchases:,} purchases; {counts.blocks:,} would have blocked, "
        f"{counts.reviews:,} asked for review"
    )
    share = f" ({counts.covered / counts.alerts:.0%})" if counts.alerts else ""
    yield f"  {counts.covered:,}{share} on players whom a live rule hit in the same window"
    precision = "" if trial.precision is None else f": precision {trial.precision:.3f}"
    yield f"  {counts.labelled:,} labelled, {counts.fraud:,} of them fraud{precision}"
    if counts.strongest:
        yield "  strongest:"
        yield from (f"    {_strong(of)}" for of in counts.strongest)


def _strong(of: Strong) -> str:
    seen = msgspec.json.decode(of.reasons, type=list[_Seen])
    reasons = tuple(Reason(each.name, each.value, each.threshold) for each in seen)
    return example_line(Example(*of[:5], reasons, of.alert_id))


def _json(trial: Trial) -> dict[str, object]:
    return {
        "version": trial.name,
        "from": moment(trial.from_ms),
        "to": moment(trial.to_ms),
        **{name: value for name, value in asdict(trial.counts).items() if name != "strongest"},
        "alerts_a_day": trial.alerts_a_day,
        "precision": trial.precision,
        "strongest": [{**of._asdict(), "reasons": json.loads(of.reasons)} for of in trial.counts.strongest],
    }
