"""`./gamewax run`: flows as supervised processes."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from flows.registry import FLOWS
from topics.errors import BadInput

ALL = "all"


Globs = Annotated[
    list[str], typer.Option(metavar="GLOB", help="read these files instead of Kafka (repeatable; quote it)")
]
AsOf = Annotated[
    str,
    typer.Option(metavar="TIME", help="when the files' events arrived [default: now]"),
]
OnGap = Annotated[
    Literal["stop", "earliest", "latest"] | None,
    typer.Option(
        help="when messages are gone unread: stop (exit code 3), or go on, this once, with the earliest that "
        "the log holds or with what comes after the latest",
        show_default="stop",
    ),
]
Held = Annotated[str, typer.Option(metavar="NAME", help="what the files hold, for a flow of several topics")]


def run(  # noqa: PLR0913 — one argument an option
    flows: Annotated[list[str], typer.Argument(help=f"which: {', '.join(FLOWS)}; or all", metavar="FLOW…")],
    processes: Annotated[int, typer.Option(help="processes of a Bytewax cluster on this host, per flow")] = 1,
    *,
    drain: Annotated[bool, typer.Option(help="read to the end seen at start, write all rows, stop")] = False,
    from_files: Globs = [],  # noqa: B006  typer copies it
    as_of: AsOf = "",
    topic: Held = "",
    on_gap: OnGap = None,
) -> int:
    """Run dataflows until Ctrl-C, starting again what dies (not what only you can mend: exit codes 2, 3).

    Each flow keeps its place in the recovery store, so a restart, planned or not, changes no number.

    With --from-files a flow reads files to their end: .ndjson, .jsonl, .json and .csv, also packed as .gz
    or .zst, and .parquet. Each set of files has a recovery store of its own, so the live flow's place is
    untouched, a stopped run goes on where it was, and a finished set read again changes nothing.

    A flow stops when messages are gone that it has not read: they expired, or the topic was created anew or
    cut. The table data_gaps names them. --on-gap goes on behind such a gap; what is gone stays gone.
    """
    import settings
    from cli.run_files import files_flow
    from cli.supervise import Flow, supervise

    unknown = [name for name in flows if name not in {*FLOWS, ALL}]
    if unknown:
        hint = "; quote the pattern of --from-files, else the shell makes words of it" if from_files else ""
        raise BadInput(f"there is no flow {unknown[0]!r}; there are: {', '.join(FLOWS)} (or {ALL}){hint}")
    settings.load()  # a wrong setting is said once, here
    if from_files:
        if processes > 1:
            raise BadInput("--from-files reads in one process; leave --processes away")
        if on_gap:
            raise BadInput("--on-gap is about Kafka's topics; files have no gaps")
        return supervise([files_flow(chosen(flows), from_files, as_of, topic)])
    if as_of or topic:
        raise BadInput("--as-of and --topic say what --from-files reads; there is none")
    once = {"GAMEWAX_KAFKA__ON_GAP": on_gap} if on_gap else {}
    return supervise([Flow(name, processes, drain=drain, at_first=once) for name in chosen(flows)])


def chosen(names: list[str]) -> list[str]:
    """Give each flow once; `all` means every one."""
    return list(FLOWS) if ALL in names else list(dict.fromkeys(names))
