"""`./gamewax backfill`: window rows counted again from files or from the topic, beside the live flow."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from topics.errors import BadInput

if TYPE_CHECKING:
    from flows.backfill_begin import Begun

Name = Annotated[str, typer.Argument(metavar="FLOW", help="whose rows: a flow with windows")]
Globs = Annotated[
    list[str], typer.Option("--files", metavar="GLOB", help="read these files (repeatable; quote it)")
]
From = Annotated[str, typer.Option("--from", metavar="TIME", help="first window, like 2026-11-22T12:00Z")]
To = Annotated[str, typer.Option("--to", metavar="TIME", help="windows that start before it")]
AsOf = Annotated[
    str, typer.Option(metavar="TIME", help="when the files' events arrived [default: when first read]")
]
PerS = Annotated[float, typer.Option("--rate", min=0, help="events a second at most; 0 = any")]


def backfill(  # noqa: PLR0913, PLR0917 — one argument an option
    flow: Name,
    files: Globs = [],  # noqa: B006  typer copies it
    from_: From = "",
    to: To = "",
    as_of: AsOf = "",
    rate: PerS = 0,
) -> int:
    """Count a flow's windows again from files, or from its Kafka topic as far as that reaches back.

      ./gamewax backfill engagement --files 'logs/2026-10-*/*.ndjson.gz'

      ./gamewax backfill engagement --from 2026-10-01T00:00Z --to 2026-10-31T00:00Z

    The rows are those that the live flow would have written for these events, and replace what stands
    there. It takes windows that the live flow has closed and runs beside it at the lowest priority.
    Stopped or killed it goes on where it was: the same command again. A finished one changes nothing.
    """
    from cli.rebuild import epoch_ms
    from cli.run_files import moment
    from cli.supervise import Flow, supervise
    from flows.backfill_begin import Asked, begun
    from flows.registry import FLOWS
    from settings import from_caller

    if flow not in FLOWS:
        raise BadInput(f"there is no flow {flow!r}; there are: {', '.join(FLOWS)}")
    if not files and not (from_ and to):
        raise BadInput("say what to count again: --files GLOB, or --from TIME --to TIME of the topic")
    if as_of and not files:
        raise BadInput("--as-of says when files arrived; Kafka knows it of its messages")
    times = (epoch_ms("--from", from_) if from_ else None, epoch_ms("--to", to) if to else None)
    globs = [str(from_caller(pattern)) for pattern in files]
    given = {"GAMEWAX_BACKFILL__RATE": str(rate)}
    if globs:
        given["GAMEWAX_FILES__GLOBS"] = json.dumps(globs)
    if as_of:
        given["GAMEWAX_FILES__AS_OF"] = moment(as_of).isoformat()
    with begun(Asked(flow, *times, globs)) as ready:
        sys.stderr.write(f"gamewax: {told(flow, ready)}\n")
        named = {"GAMEWAX_BACKFILL__NAME": ready.name}
        return supervise([Flow(flow, 1, drain=True, once=True, settings=given | named)])


def told(flow: str, ready: Begun) -> str:
    """Say in one line what begins."""
    from flows.spans import text_of

    notes = ready.notes
    begin = "the first event" if notes.from_ms < 0 else text_of(notes.from_ms)
    goes_on = "goes on with" if ready.before else "counts"
    return (
        f"backfill {flow} {goes_on} windows from {begin} to {text_of(notes.to_ms)} as generation "
        f"{notes.generation}"
    )
