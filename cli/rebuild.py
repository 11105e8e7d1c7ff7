"""`./gamewax rebuild`: window rows computed anew from the raw events."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from topics.errors import BadInput

if TYPE_CHECKING:
    from flows.rebuild import Rebuild
    from flows.spans import Span

LOOK_S = 0.5

Name = Annotated[str, typer.Argument(metavar="FLOW", help="whose rows: a flow with windows")]
From = Annotated[str, typer.Option("--from", metavar="TIME", help="first window, like 2026-11-22T12:00Z")]
To = Annotated[str, typer.Option("--to", metavar="TIME", help="windows that start before it")]
Wait = Annotated[float, typer.Option("--wait", min=0, help="seconds that the archive may take to catch up")]
Accept = Annotated[
    bool, typer.Option("--accept-missing", help="write also where raw events are gone and rows would shrink")
]


def rebuild(flow: Name, from_: From, to: To, wait_s: Wait = 300, *, accept_missing: Accept = False) -> None:
    """Compute rows anew from the raw events that the flow `archive` keeps, with events that came too late.

    Use it when `late_events` shows that many events were left out, or when the code of a flow was wrong.
    The rows become those of a run in which nothing was late; duplicates stay left out. It takes windows
    that the live flow has closed, reads the raw table in pieces, and may run beside the flow. Rows with
    a higher generation replace the old ones whole; running it twice changes nothing.
    """
    from flows.rebuild import opened
    from flows.registry import FLOWS
    from flows.spans import text_of

    if flow not in FLOWS:
        raise BadInput(f"there is no flow {flow!r}; there are: {', '.join(FLOWS)}")
    times = epoch_ms("--from", from_), epoch_ms("--to", to)
    with opened(flow) as ready:
        span = ready.span(*times)
        asked = f"{text_of(span.from_ms)} to {text_of(span.to_ms)}"
        if (span.from_ms, span.to_ms) != times:
            typer.echo(
                f"windows of all sizes begin together each {ready.step_ms // 1000} s: rebuilding {asked}"
            )
        wait_for_archive(ready, wait_s)
        if not accept_missing:
            ready.check_archive()
        events = draw(ready, span, accept_missing=accept_missing)
    typer.echo(f"{flow}: windows from {asked} rebuilt from {events:,} raw events")


def wait_for_archive(ready: Rebuild, wait_s: float) -> None:
    """Wait until the archive has passed the flow.

    Raises:
        BadInput: it has not within the time.

    """
    import time

    from rich.console import Console

    give_up_at = time.monotonic() + wait_s
    with Console(stderr=True).status("") as status:
        while left := ready.behind():
            status.update(f"waiting for the archive: {left:,} messages of {ready.topic.name} to go")
            if time.monotonic() >= give_up_at:
                raise BadInput(
                    f"the archive is {left:,} messages of {ready.topic.name} behind flow {ready.plan.flow} "
                    f"after {wait_s:g} s: start it (./gamewax run archive), or give it longer (--wait)"
                )
            time.sleep(LOOK_S)


def draw(ready: Rebuild, span: Span, *, accept_missing: bool) -> int:
    """Rebuild with a bar; gives the number of raw events read."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from flows.rebuild import write
    from flows.spans import text_of

    total = sum(piece.events for piece in ready.pieces(span))
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("raw events", total=total)
        for piece in write(ready, span, accept_missing=accept_missing):
            bar.update(task, advance=piece.events, description=f"up to {text_of(piece.to_ms)}")
    return total


def epoch_ms(option: str, text: str) -> int:
    """Read an RFC 3339 time with an offset.

    Raises:
        BadInput: it is none.

    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInput(f"{option} must be a time like 2026-11-22T12:00:00Z, not {text!r}") from error
    if moment.tzinfo is None:
        raise BadInput(f"{option} {text!r} needs an offset: add Z for UTC")
    return int(moment.timestamp() * 1000)
