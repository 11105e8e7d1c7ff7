"""`gamewax webhooks`: tell alerts and incidents to those who receive them, and see what became of each."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

EndpointName = Annotated[str, typer.Option(metavar="NAME", help="Only this endpoint.")]
AsJson = Annotated[bool, typer.Option("--json", help="Write it as JSON.")]
SHOWN = 20
HELP = """Tell fraud alerts and server incidents to those who receive them: signed and in order.

Who receives them stands in a YAML file that GAMEWAX_WEBHOOKS__ENDPOINTS names:

  endpoints:
    fraud-team:
      url: https://hooks.example.com/gamewax
      secret_file: fraud-team.secret
      decisions: \\[block, review]
    on-call:
      url: https://pages.example.com/gamewax
      secret_file: on-call.secret
      kinds: \\[server.*]

All fields, and how a receiver checks a signature: docs/webhooks.md
"""

app = typer.Typer(help=HELP.replace("\n", "\n\n").replace("\n\n\n\n", "\n\n"), rich_markup_mode="rich")


@app.command()
def run(
    begin: Annotated[
        Literal["committed", "earliest"] | None,
        typer.Option(
            "--begin",
            help="Where a new store begins when an older one is gone: after what it had told Kafka (what it "
            "had not sent is lost), or with all that the topic holds (receivers get it again, same ids).",
            show_default="stop and say so",
        ),
    ] = None,
) -> int:
    """Deliver until Ctrl-C: read the topic fraud-outbox, sign, send, try again, and keep the log.

    One dispatcher runs for a store. It may be killed at any moment: what it had not written down it sends
    again, under the same id with the same body. The file of endpoints is read again when it changes. What the
    fraud team has snoozed (./gamewax fraud snooze) is not sent; `log` says so.
    """
    import settings
    from cli.webhooks_run import serve
    from cli.webhooks_silence import snoozes_of

    with snoozes_of(settings.load()) as snoozes:
        return serve(begin, snoozes.until)


@app.command("list")
def list_endpoints(*, as_json: AsJson = False) -> None:
    """Show every endpoint: what it waits for, what it got, whether it is left alone and why."""
    from cli.webhooks_shown import show_list

    show_list(as_json=as_json)


@app.command()
def test(
    name: Annotated[str, typer.Argument(metavar="NAME", help="An endpoint of the file.")],
) -> None:
    """Send a signed message of type webhook.test to an endpoint now, and tell its answer.

    It goes straight from here, once, the way alerts go: address checked, signed, within the same limits. A
    disabled endpoint is tried too. Exit code 0: the endpoint has it.
    """
    from cli.webhooks_ask import send_test

    send_test(name)


@app.command()
def resend(
    message_id: Annotated[str, typer.Argument(metavar="ID", help="A message, as `log` names it.")] = "",
    endpoint: EndpointName = "",
    *,
    dead: Annotated[bool, typer.Option("--dead", help="All that is dead.")] = False,
) -> None:
    """Send a message again, or all that is dead: same id, same body, tries counted anew.

    A receiver that keeps ids does nothing twice. The dispatcher sends them at once, or when it runs.
    """
    from cli.webhooks_ask import send_again

    send_again(message_id, endpoint, dead=dead)


@app.command()
def enable(name: Annotated[str, typer.Argument(metavar="NAME", help="An endpoint of the file.")]) -> None:
    """Send to an endpoint again that answered 410 Gone; what is dead stays so until `resend`."""
    from cli.webhooks_ask import send_to_again

    send_to_again(name)


@app.command()
def log(
    message_id: Annotated[str, typer.Argument(metavar="ID", help="A message: all about it.")] = "",
    endpoint: EndpointName = "",
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Tries shown, the newest first.")] = SHOWN,
    *,
    as_json: AsJson = False,
) -> None:
    """Show tries: when, to whom, what was answered, how fast; with an ID, everything about that message."""
    from cli.webhooks_shown import show_log, show_message

    if message_id:
        show_message(message_id, endpoint, as_json=as_json)
    else:
        show_log(endpoint, limit, as_json=as_json)
