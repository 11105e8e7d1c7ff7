"""`./gamewax run`: flows as supervised processes."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.registry import FLOWS
from topics.errors import BadInput

ALL = "all"


def run(
    flows: Annotated[list[str], typer.Argument(help=f"which: {', '.join(FLOWS)}; or all", metavar="FLOW…")],
    processes: Annotated[int, typer.Option(help="processes of a Bytewax cluster on this host, per flow")] = 1,
    *,
    drain: Annotated[bool, typer.Option(help="read to the end seen at start, write all rows, stop")] = False,
) -> int:
    """Run dataflows until Ctrl-C, starting again what dies (not what only you can mend: exit codes 2, 3).

    Each flow keeps its place in the recovery store, so a restart, planned or not, changes no number.
    """
    import settings
    from cli.supervise import Flow, supervise

    unknown = [name for name in flows if name not in {*FLOWS, ALL}]
    if unknown:
        raise BadInput(f"there is no flow {unknown[0]!r}; there are: {', '.join(FLOWS)} (or {ALL})")
    settings.load()  # a wrong setting is said once, here
    return supervise([Flow(name, processes, drain=drain) for name in chosen(flows)])


def chosen(names: list[str]) -> list[str]:
    """Give each flow once; `all` means every one."""
    return list(FLOWS) if ALL in names else list(dict.fromkeys(names))
