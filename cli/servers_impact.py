"""`./gamewax servers impact`: what incidents of servers cost, in players and revenue."""

from __future__ import annotations

from typing import Annotated

import typer

Since = Annotated[str, typer.Option(help="Opened since: 2026-01-01T00:00:00Z, or 10m, 2h, 3d ago.")]
AsJson = Annotated[bool, typer.Option("--json", help="Write it as JSON.")]
Limit = Annotated[int, typer.Option(min=1, help="How many servers are shown at most, the newest first.")]


def impact(since: Since = "6h", limit: Limit = 20, *, as_json: AsJson = False) -> None:
    """Print what incidents cost: players who were on the server, who quit, what they no longer buy.

    It counts what has arrived by now, so it grows while an incident lasts; docs/server-impact.md has the
    definitions.
    """
    from cli.desk import desk
    from cli.harmless import now_ms
    from cli.impact_hurt import hurt_since
    from cli.impact_shown import show, show_json
    from cli.letters_wanted import since as since_ms

    with desk() as at:
        found = hurt_since(at, since_ms(since, now_ms()) or 0, limit)
    if as_json:
        show_json(found)
    else:
        show(found, since)
