"""`gamewax status`: how the flows, Kafka and ClickHouse are, in one look."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from flows.registry import FLOWS
from topics.errors import BadInput

if TYPE_CHECKING:  # imported when the command needs it
    from cli.status_model import Status

EVERY_S = 2.0
WIDTH = 100  # columns, where no terminal says how many


def status(
    flows: Annotated[
        list[str] | None, typer.Argument(help="which must run \\[default: at least one]", metavar="FLOW…")
    ] = None,
    *,
    watch: Annotated[bool, typer.Option("--watch", help="look again every 2 s, until Ctrl-C")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object; with --watch one a line")] = False,
) -> int:
    """Tell how flows are: processes, lag, ages, counts, whether every message is accounted for.

    It sees the flows of this recovery folder on this machine.

    Exit code 0: Kafka and ClickHouse answer, the flows named (else at least one) run, none is bad. Else 1.
    """
    from cli.status_look import Looker

    wanted = tuple(dict.fromkeys(flows or []))
    if unknown := [name for name in wanted if name not in FLOWS]:
        raise BadInput(f"there is no flow {unknown[0]!r}; there are: {', '.join(FLOWS)}")
    looker = Looker(wanted)
    if watch:
        return _watch(looker.look, as_json=as_json)
    found = looker.look()
    _show(found, as_json=as_json)
    return 0 if found.well else 1


def _watch(look: Callable[[], Status], *, as_json: bool) -> int:
    """Show it again and again until Ctrl-C; the exit code tells of the last look."""
    from contextlib import suppress

    from rich.live import Live

    from cli.status_view import drawn

    found = look()
    with suppress(KeyboardInterrupt):
        if as_json:
            while True:
                _show(found, as_json=True)
                time.sleep(EVERY_S)
                found = look()
        with Live(drawn(found), auto_refresh=False, vertical_overflow="visible") as live:
            while True:
                time.sleep(EVERY_S)
                found = look()
                live.update(drawn(found), refresh=True)
    return 0 if found.well else 1


def _show(found: Status, *, as_json: bool) -> None:
    if as_json:
        import msgspec

        print(msgspec.json.encode(found).decode(), flush=True)
        return
    from rich.console import Console

    from cli.status_view import drawn

    console = Console()
    if not console.is_terminal:
        console.width = WIDTH
    console.print(drawn(found))
