"""`gamewax import`: tables of other games and older times, as events on the topic `player-events`."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from topics.errors import BadInput

FIRST_DAY = "2020-01-01"

app = typer.Typer(
    help="Bring in what others have kept as tables: attempts on levels, or sessions.",
    rich_markup_mode="rich",
)
File = Annotated[Path, typer.Argument(metavar="FILE", help="A CSV file; also .csv.gz and .csv.zst.")]
Player = Annotated[str, typer.Option(metavar="COL", help="The column that says who played.")]
Day = Annotated[
    str,
    typer.Option(
        metavar="COL", help="The day: a date, a time, YYYYMMDD, epoch seconds or ms, or a day number."
    ),
]
Level = Annotated[str, typer.Option(metavar="COL", help="The level that was played.")]
Attempts = Annotated[str, typer.Option(metavar="COL", help="How often it was begun that day.")]
Wins = Annotated[str, typer.Option(metavar="COL", help="How often it was completed that day.")]
Begin = Annotated[str, typer.Option("--start", metavar="COL", help="When the session began.")]
End = Annotated[str, typer.Option("--end", metavar="COL", help="When it ended; empty: it has not.")]
Session = Annotated[
    str, typer.Option(metavar="COL", help="The session's id (made from file and row if not given).")
]
Game = Annotated[str, typer.Option(metavar="ID", help="The game_id of all events (none if not given).")]
FirstDay = Annotated[
    str, typer.Option(metavar="DATE", help="The date of day number 1 (of 0 where the file has one).")
]
SkipBad = Annotated[
    Path | None,
    typer.Option(
        metavar="BAD.csv", help="Leave out rows that cannot be read, and list them here with the reasons."
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only read and say what would be sent.")]


@app.command("attempts")
def attempts(  # noqa: PLR0913 — one argument an option
    file: File,
    *,
    player: Player,
    day: Day,
    level: Level,
    attempts: Attempts,
    wins: Wins,
    first_day: FirstDay = FIRST_DAY,
    game: Game = "",
    skip_bad: SkipBad = None,
    dry_run: DryRun = False,
) -> int:
    """Import a table that says for each player, day and level how many attempts and wins there were.

    A file with lines like these:

      user,date,level_no,tries,won

      p1,2014-01-04,7,3,1

    ./gamewax import attempts a.csv.gz --player user --day date --level level_no --attempts tries --wins won

    Each row becomes attempts times level_start, wins times level_complete, and level_fail for the attempts
    that were not won: here 3, 1 and 2. Times within the day are made up, half a minute apart or closer; the
    map is empty. What is dirty stays: more wins than attempts are sent as they are.

    All is read before the first event is sent, so a cell that makes no sense (an empty player, -1 attempts,
    a day in the future) is told with row and column, and nothing was sent; --skip-bad leaves such rows out.

    The same file gives the same messages with the same ids: importing it again changes nothing as long as
    the topic's newest 100,000 messages a partition still hold the first ones (docs/import.md).
    """
    from cli.imports_run import Asked, send_attempts

    try:
        begin = (date.fromisoformat(first_day) - date(1970, 1, 1)).days
    except ValueError:
        begin = -1
    if begin < 0:
        raise BadInput(f"--first-day must be a date from 1970 on, like {FIRST_DAY}, not {first_day!r}")
    columns = {"player": player, "day": day, "level": level, "attempts": attempts, "wins": wins}
    return send_attempts(Asked(file, columns, game, skip_bad, dry_run), begin)


@app.command("sessions")
def sessions(  # noqa: PLR0913 — one argument an option
    file: File,
    *,
    player: Player,
    start: Begin,
    end: End,
    session: Session = "",
    game: Game = "",
    skip_bad: SkipBad = None,
    dry_run: DryRun = False,
) -> int:
    """Import a table of sessions: who played from when to when.

    A file with lines like these:

      who,from,to

      p1,2014-01-04 18:00:00,2014-01-04 18:25:30

    ./gamewax import sessions played.csv --player who --start from --end to

    Each row becomes a session_start and a session_end at these times (no offset: UTC; epoch seconds and
    milliseconds are fine, too). An empty end is a session that has not ended. As with `import attempts`, all
    is read before the first event is sent, and the same file gives the same messages.
    """
    from cli.imports_run import Asked, send_sessions

    columns = {"player": player, "start": start, "end": end} | ({"session": session} if session else {})
    return send_sessions(Asked(file, columns, game, skip_bad, dry_run))
