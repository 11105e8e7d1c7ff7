"""`./gamewax fraud evaluate`: how good the model or the rules would have been where the truth is known."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from topics.errors import BadInput

Handbook = Annotated[
    Path | None,
    typer.Option(metavar="FILE.parquet", help="Transactions of the Fraud Detection Handbook, to score."),
]
Out = Annotated[
    Path | None,
    typer.Option(metavar="PRED.csv", help="Where scores go: TRANSACTION_ID,fold,score, one row each."),
]
Fold0 = Annotated[
    str,
    typer.Option(metavar="DATE", help="First day of fold 0's training week; else 20 days before the last."),
]
Simulated = Annotated[
    bool, typer.Option("--simulated", help="Judge the built-in rules by made-up purchases instead.")
]
Events = Annotated[int, typer.Option(min=5000, help="With --simulated: about so many purchases.")]
Seed = Annotated[int, typer.Option(min=0, help="With --simulated: same seed, same purchases.")]


def evaluate(  # noqa: PLR0913 — one argument an option
    handbook: Handbook = None,
    out: Out = None,
    fold0: Fold0 = "",
    *,
    simulated: Simulated = False,
    events: Events = 60_000,
    seed: Seed = 1,
) -> int:
    """Score the handbook's transactions by models that knew only what was known at the time.

    With --simulated: three days of made-up purchases with five kinds of planted fraud among honest
    cafes, families, travellers and bulk buyers, judged by the built-in rules.

    The file's customers are players, its terminals items; the features are computed by the flow's own
    code. Four folds: 7 days to learn from, 7 days until labels are known, 7 days to be tested on, folds
    1 to 3 a week earlier each. A test day leaves out customers known to be robbed by then. AP: average
    precision; CP@100: share of robbed customers among the 100 reviewed a day; the last line says
    whether the goals are met. The file needs TRANSACTION_ID, TX_DATETIME, CUSTOMER_ID, TERMINAL_ID,
    TX_AMOUNT and TX_FRAUD.

    ./gamewax fraud evaluate --handbook transactions.parquet --out scores.csv --fold0 2018-09-10
    """
    if simulated:
        from cli.fraud_simulated import judge_simulated

        return judge_simulated(events, seed)
    if handbook is None:
        raise BadInput("say what to evaluate on: --handbook FILE.parquet, or --simulated")
    from cli.fraud_handbook import judged, scored_folds
    from settings import from_caller

    scores, weeks = scored_folds(from_caller(handbook), day_of(fold0) if fold0 else None)
    if out is not None:
        write(scores, from_caller(out))
    line = judged(weeks)
    typer.echo(line)
    return 0 if line.startswith("OK ") else 1


def write(scores: object, file: Path) -> None:
    """Write the scores as CSV.

    Raises:
        BadInput: the file cannot be written.

    """
    import polars as pl

    assert isinstance(scores, pl.DataFrame)  # noqa: S101
    try:
        scores.write_csv(file)
    except OSError as error:
        raise BadInput(f"cannot write {file}: {error.strerror}") from error


def day_of(text: str) -> int:
    """Read a date as the number of days since 1970-01-01.

    Raises:
        BadInput: it is none.

    """
    from datetime import date

    try:
        return (date.fromisoformat(text) - date(1970, 1, 1)).days
    except ValueError as error:
        raise BadInput(f"--fold0 must be a date like 2018-09-10, not {text!r}") from error
