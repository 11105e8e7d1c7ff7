"""`gamewax rules`: what counts as fraud, as data: look, check, publish, retire, while flows run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # read when a command runs
    from settings import Kafka

Files = Annotated[
    list[str], typer.Argument(metavar="FILE…", help="YAML files with a rule, or a list of them.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Write it as JSON.")]
HELP = """Say what counts as fraud: rules as data, changed while flows run.

A rule is a few lines of YAML:

  id: many_small_ones

  version: 1

  when: player_purchases_10m >= 8 and price < 2

  decision: review        (allow, block or review; or a weight: 0.4)

  shadow: true            (writes rows, tells nobody)

  owner: fraud team

  description: eight cheap purchases in ten minutes

./gamewax rules check FILE tells what is wrong with it, publish makes it count a second later, retire ends it.
How to write one, and all features: docs/fraud-rules.md
"""

app = typer.Typer(help=HELP, rich_markup_mode="rich")


@app.command("list")
def list_rules(
    *,
    every: Annotated[
        bool, typer.Option("--all", help="Versions that count no more, too: replaced or retired.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show the rules: which version counts, what it does, since when, whose it is, where it is from.

    They come from files that Gamewax brings along and from the topic fraud-rules; the highest version counts.
    """
    from cli.rules_shown import show_rules

    show_rules(_kafka(), every=every, as_json=as_json)


@app.command()
def check(files: Files) -> None:
    """Check files of rules: fields, expressions, types; each error with its place. Needs no Kafka."""
    from cli.rules_checked import check_files

    check_files(files)


@app.command()
def publish(
    files: Files,
    effective_at: Annotated[
        str,
        typer.Option(
            metavar="TIME",
            help="Count for purchases that Kafka has from then on, such as 2026-01-01T00:00:00Z.",
            show_default="a second after publishing",
        ),
    ] = "",
    *,
    shadow: Annotated[
        bool, typer.Option("--shadow", help="Publish as shadow rules: they write rows and tell nobody.")
    ] = False,
) -> None:
    """Check files, then publish their rules to the topic fraud-rules; says from when on each counts.

    Running flows judge by them without a restart, and every replay judges each purchase by the same version.
    A version that is there stays as it is: to change a rule, raise its version. Twice is as good as once.
    """
    from cli.rules_published import publish_files

    publish_files(_kafka(), files, effective_at, shadow=shadow)


@app.command()
def retire(
    rule_id: Annotated[str, typer.Argument(metavar="ID", help="A rule, as `list` names it.")],
) -> None:
    """End a rule: publishes its next version, with state retired. A higher one brings it back."""
    from cli.rules_published import retire_rule

    retire_rule(_kafka(), rule_id)


@app.command()
def backtest(  # noqa: PLR0913  one option each
    files: Files,
    from_: Annotated[str, typer.Option("--from", metavar="TIME", help="What Kafka had from then on …")],
    to: Annotated[str, typer.Option(metavar="TIME", help="… and before then.")],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write each alert they would have made, as NDJSON.")
    ] = None,
    *,
    alone: Annotated[
        bool, typer.Option("--alone", help="Judge by these rules only: no live ones, no model.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Say what rules would have done, judged on stored purchases by the code of the flow.

    The rules count as if published just before --from, together with those that were live then; one that
    has the id of a live rule takes its place. Nothing is published, written or sent. For each rule: alerts,
    alerts a day, players, purchases hit; how many of its alerts concern a player whom another live rule hit
    in the same window; precision and recall where purchases are labelled; the strongest examples.

    Purchases come from the raw table that the flow archive writes, in the order of their log, with 30 days of
    history before --from. A version that was live in that time is compared with what the flow logged: alerts
    of rules that look at the player alone must be equal, else the exit code is 1.

    ./gamewax rules backtest many.yaml --from 2026-01-01T00:00Z --to 2026-01-08T00:00Z
    """
    from cli.rules_backtest import backtest_files

    _kafka()
    return backtest_files(files, (from_, to), out, alone=alone, as_json=as_json)


@app.command()
def shadow(
    rule_id: Annotated[str, typer.Argument(metavar="ID", help="A rule, as `list` names it.")],
    since: Annotated[
        str, typer.Option(metavar="TIME", help="Only what Kafka had from then on; else all there is.")
    ] = "",
    *,
    as_json: AsJson = False,
) -> None:
    """Say what a shadow rule did so far: alerts a day, overlap with live rules, precision where labelled.

    Counted from the rows that it wrote to fraud_alerts, version by version. When it is good enough, publish
    the next version without shadow; `backtest` tells beforehand what that one would have done.
    """
    from cli.rules_shadow import show_shadow

    _kafka()
    import settings

    show_shadow(settings.load(), rule_id, since, as_json=as_json)


def _kafka() -> Kafka:
    """Tell where Kafka is; what its client has to say goes to stderr."""
    import structlog

    import settings

    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    return settings.load().kafka
