"""`gamewax deadletters`: look at messages that were no event, and send them again after a fix."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from topics.errors import BadInput, Broken

if TYPE_CHECKING:  # the clients are imported when a command needs them
    from cli.letters import Letter, Letters
    from cli.replay import Part
    from settings import Settings

Reasons = Annotated[list[str] | None, typer.Option("--reason", help="Only this reason; may be repeated.")]
Topic = Annotated[str, typer.Option(help="Only messages of this topic.")]
Since = Annotated[str, typer.Option(help="First seen since: 2026-01-01T00:00:00Z, or 10m, 2h, 3d ago.")]
SHOWN = 20

app = typer.Typer(help="Messages that were no event: look at them, send them again.", rich_markup_mode="rich")


@app.command("list")
def list_letters(
    reason: Reasons = None,
    topic: Topic = "",
    since: Since = "",
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Letters shown, the newest first.")] = SHOWN,
    form: Annotated[
        Literal["table", "json", "csv"], typer.Option("--format", help="How to write it.")
    ] = "table",
) -> None:
    """Count dead letters by reason, topic and field, and show the newest."""
    from cli import letters_shown
    from cli.harmless import now_ms
    from cli.letters_wanted import Wanted, known_reasons
    from cli.letters_wanted import since as since_ms

    wanted = Wanted(known_reasons(reason or ()), topic, since_ms(since, now_ms()))
    with _letters() as (_, letters):
        counts, newest = letters.counts(wanted), letters.newest(wanted, limit)
    if form == "csv":
        letters_shown.as_csv(newest)
    elif form == "json":
        letters_shown.as_json(counts, newest)
    else:
        letters_shown.table(counts, newest)


@app.command()
def show(
    letter_id: Annotated[
        str, typer.Argument(metavar="ID", help="topic:partition:offset, or log:topic:partition:offset.")
    ],
    *,
    raw: Annotated[
        bool, typer.Option("--raw", help="Write the message's bytes to stdout, as they are.")
    ] = False,
) -> None:
    """Show everything about one dead letter."""
    from cli import letters_shown
    from cli.harmless import write_bytes
    from cli.letters_wanted import Wanted

    with _letters() as (_, letters):
        letter = _only(letter_id, letters.newest(Wanted(ids=(letter_id,)), 100))
    if raw:
        write_bytes(letter.dead.raw)
    else:
        letters_shown.in_full(letter)


@app.command()
def replay(  # noqa: PLR0913  one argument an option
    reason: Reasons = None,
    topic: Topic = "",
    since: Since = "",
    letter_id: Annotated[
        list[str] | None, typer.Option("--id", help="Only this letter, as `list` names it; may be repeated.")
    ] = None,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be sent.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Send dead letters to their topics again, as they were, for flows that can read them now.

    What was sent is marked and not sent again, unless it was bad again: run it twice, nothing changes.
    """
    from cli.harmless import now_ms
    from cli.letters_wanted import Wanted, known_reasons
    from cli.letters_wanted import since as since_ms
    from cli.replay import parts
    from cli.topics import connect, partition_counts

    wanted = Wanted(known_reasons(reason or ()), topic, since_ms(since, now_ms()), tuple(letter_id or ()))
    with _letters() as (at, letters):
        found = parts(letters, wanted, at.kafka, partition_counts(connect(at)))
        due = _told(found)
        if not due or dry_run:
            return
        if sys.stdin.isatty() and not yes and not typer.confirm("Send them?"):
            print("nothing sent")
            return
        for part in found:
            if part.due and part.back:
                _send(at, part, letters.due(wanted, part.log, part.topic))


@contextmanager
def _letters() -> Iterator[tuple[Settings, Letters]]:
    """Open ClickHouse by the settings."""
    import settings
    from cli.letters import Letters
    from sinks.clickhouse_client import connect

    at = settings.load()
    client = connect(at.clickhouse, at.clickhouse.database)
    try:
        yield at, Letters(client, at.clickhouse)
    finally:
        client.close()


def _only(letter_id: str, found: list[Letter]) -> Letter:
    """Give the one letter that an id names.

    Raises:
        BadInput: none has it, or several: the topic was made anew.

    """
    if not found:
        raise BadInput(f"there is no dead letter {letter_id}: ./gamewax deadletters list")
    if len(found) > 1:
        names = ", ".join(letter.dead.id for letter in found)
        raise BadInput(f"{letter_id} is the name of {len(found)} letters, say which: {names}")
    return found[0]


def _told(found: list[Part]) -> int:
    """Say what is to be sent and what is not; gives how many are to be sent."""
    due = 0
    for part in found:
        if part.back and part.due:
            due += part.due
            print(f"{part.due:>9,} to send again into {part.topic}")
        elif part.due:
            print(
                f"{part.due:>9,} cannot go back into {part.topic}: they are of log {part.log}, which Kafka "
                "does not have (topic made anew, another cluster, or a file)"
            )
    if done := sum(part.done for part in found):
        print(f"{done:>9,} were replayed before and were not bad again")
    if not due:
        print("nothing to send")
    return due


def _send(at: Settings, part: Part, pages: Iterator[list[Letter]]) -> None:
    """Send one log's letters under a progress bar, and say how it ended.

    Raises:
        Broken: Kafka finds some too large.

    """
    from rich.console import Console
    from rich.progress import Progress

    from cli.harmless import now_ms
    from cli.replay import Replaying
    from sinks.clickhouse_client import connect

    assert part.back is not None  # noqa: S101  asked before
    sent = 0
    with connect(at.clickhouse, at.clickhouse.database) as client:
        replaying = Replaying(at.kafka, part.back, client, now_ms)
        with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
            bar = progress.add_task(part.topic, total=part.due)
            for count in replaying.run(pages):
                sent += count
                progress.update(bar, completed=sent)
    print(f"{sent - replaying.refused:>9,} sent again into {part.topic} and marked as replayed")
    if replaying.refused:
        raise Broken(
            f"Kafka finds {replaying.refused} letters too large for {part.topic} (its max.message.bytes); "
            "they stay as they were"
        )
