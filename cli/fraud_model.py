"""`./gamewax fraud train|promote|rollback`: make models from stored purchases, and choose which one works."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from topics.errors import BadInput

if TYPE_CHECKING:
    from models.fraud_card import Card

Name = Annotated[str, typer.Option(metavar="NAME", help="Which model; `fraud` is the one that scores.")]
AsOf = Annotated[
    str,
    typer.Option("--as-of", metavar="TIME", help="Train as if it were then, like 2026-11-22T00:00Z."),
]
Days = Annotated[int, typer.Option(min=1, max=365, help="Days of purchases to learn from.")]
Delay = Annotated[int, typer.Option(min=0, max=90, help="Days until the labels of a day are known.")]
Budget = Annotated[int, typer.Option(min=1, help="Players a day that can be reviewed; sets the threshold.")]
Version = Annotated[int, typer.Argument(min=1, metavar="VERSION", help="A version that `fraud train` made.")]
Shadow = Annotated[bool, typer.Option("--shadow", help="It only watches: scored and stored, never acted on.")]
Unshadow = Annotated[bool, typer.Option("--shadow", help="Take the watching version away instead.")]


def train(
    name: Name = "fraud", as_of: AsOf = "", days: Days = 28, delay_days: Delay = 7, budget: Budget = 100
) -> None:
    """Train a model from the purchases and labels in ClickHouse; nothing uses it until it is promoted.

    The archive must have kept the purchases (./gamewax run archive), and labels must have come in. A
    purchase counts as honest once the delay is over and nobody called it fraud. Features are computed
    by the code of the flow, in the order of the log. The newest four weeks whose labels are ripe are
    tests: each is scored by a model of what was known when it began. Then the model is fitted on the
    newest ripe days and stored with its card: ./gamewax fraud promote VERSION lets it work.
    """
    from cli.fraud_training import trained
    from cli.rebuild import epoch_ms
    from models.fraud_learning import Wish
    from settings import load

    now_ms = epoch_ms("--as-of", as_of) if as_of else int(datetime.now(UTC).timestamp() * 1000)  # noqa: TID251
    card = trained(load(), now_ms, (days, delay_days), Wish(name, budget))
    tell(card)
    typer.echo(f"version {card.version} is stored. Let it work: ./gamewax fraud promote {card.version}")
    typer.echo(f"or let it watch first:       ./gamewax fraud promote {card.version} --shadow")


def promote(version: Version, name: Name = "fraud", *, shadow: Shadow = False) -> None:
    """Let a version score purchases from the flow's next start on, or with --shadow only watch.

    Before that its files are checked against its card, and ONNX, which serves, against the forest that
    was trained, on split points where they would differ first. ./gamewax fraud rollback goes back.
    """
    from models.fraud_card import FOREST, ONNX
    from settings import load
    from sinks.artifacts import promote as point
    from sources.artifacts import CURRENT, SHADOW, read_version

    models = load().fraud.folder
    card, files = read_version(models, name, version)
    from models.fraud_proof import prove  # scikit-learn: only once there is something to prove

    prove(card, files[FOREST], files[ONNX])
    before = point(models, name, version, SHADOW if shadow else CURRENT).before
    if shadow:
        typer.echo(
            f"model {name} version {version} watches from the flow's next start on, and decides nothing"
        )
        return
    earlier = f"; before it: {before[-1]}" if before else ""
    typer.echo(
        f"model {name} version {version} scores purchases from the flow's next start on "
        f"(review from {card.threshold:.4f} up, about {card.budget} players a day){earlier}"
    )


def rollback(name: Name = "fraud", *, shadow: Unshadow = False) -> None:
    """Let the version before work again, from the flow's next start on; without one, rules work alone."""
    from settings import load
    from sinks.artifacts import roll_back, stop_shadow

    models = load().fraud.folder
    if shadow:
        if not stop_shadow(models, name):
            raise BadInput(f"no version of model {name} is watching")
        typer.echo(f"no version of model {name} watches any more")
        return
    pointer = roll_back(models, name)
    if pointer is None:
        typer.echo(f"model {name} is out of use and none was before it: rules work alone")
    else:
        typer.echo(f"model {name} version {pointer.version} scores purchases from the flow's next start on")


def tell(card: Card) -> None:
    """Show a new model: what it learned from and how it did in its test weeks."""
    from cli.fraud_figures import figures
    from models.fraud_training import date

    day_ms, span = 86_400_000, card.trained
    first, last = date(span.from_ms // day_ms), date(span.to_ms // day_ms - 1)
    typer.echo(
        f"learned from {span.purchases:,} purchases of {first} to {last}, {span.frauds:,} of them fraud, "
        f"by {len(card.features)} features"
    )
    figures([(fold.test_from, fold.measures) for fold in card.folds], card.budget)
