"""`./gamewax fraud cases|show|label|close|…`: the fraud team's day, by commands."""

from __future__ import annotations

from typing import Annotated

import typer

from topics.errors import BadInput

AlertId = Annotated[str, typer.Argument(metavar="ALERT", help="An alert's id, or how it begins.")]
Verdict = Annotated[bool | None, typer.Option("--fraud/--honest", help="What it was.", show_default=False)]
Reason = Annotated[str, typer.Option(help="Why, for those who read it later.")]
By = Annotated[str, typer.Option(metavar="NAME", help="Who says so.", show_default="you, by login")]
AsJson = Annotated[bool, typer.Option("--json", help="Write it as JSON.")]
Since = Annotated[str, typer.Option(help="Detected since: 2026-01-01T00:00:00Z, or 10m, 2h, 3d ago.")]
Player = Annotated[str, typer.Argument(metavar="PLAYER", help="The player.")]
RuleId = Annotated[str, typer.Argument(metavar="RULE", help="The rule, without a version; `model` is one.")]
SHOWN = 20


def cases(  # noqa: PLR0913  one argument an option
    rule: Annotated[
        str, typer.Option(metavar="RULE", help="Only this rule: card_testing or card_testing:2.")
    ] = "",
    player: Annotated[str, typer.Option(metavar="PLAYER", help="Only this player.")] = "",
    since: Since = "",
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Cases shown, the newest first.")] = SHOWN,
    *,
    every: Annotated[bool, typer.Option("--all/--open", help="Closed ones, too.")] = False,
    shadow: Annotated[bool, typer.Option("--shadow", help="Those of shadow rules, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List alerts as cases: open ones, the newest first; whose they are, what is known, who is snoozed.

    A closed case is open again as soon as another purchase joins its alert.
    """
    from cli.desk_alerts import Wanted
    from cli.desk_done import list_cases
    from cli.harmless import now_ms
    from cli.letters_wanted import since as since_ms

    wanted = Wanted("" if every else "open", rule, player, since_ms(since, now_ms()), shadow)
    list_cases(wanted, limit, json=as_json)


def show(alert_id: AlertId, *, as_json: AsJson = False) -> int:
    """Show an alert: what was done and why, its purchases, and whether its evidence gives the same score.

    It is judged again by the rules that judged it then, from the feature values that it keeps, so anybody
    can check it at any time. Exit code 0: the same score for each purchase; 1: DIFFERENT, and why.
    """
    from cli.desk_done import show as show_alert

    return show_alert(alert_id, json=as_json)


def label(  # noqa: PLR0913  one argument an option
    alert_id: Annotated[str, typer.Argument(metavar="ALERT", help="An alert's id, or how it begins.")] = "",
    purchase: Annotated[
        list[str] | None,
        typer.Option(metavar="PLACE", help="purchase-events:PARTITION:OFFSET; may be repeated."),
    ] = None,
    file: Annotated[
        str,
        typer.Option(
            metavar="FILE",
            help="CSV with a header, or JSON a line: transaction_id, and player_id, fraud, reason if known.",
        ),
    ] = "",
    *,
    fraud: Verdict = None,
    reason: Reason = "",
    by: By = "",
) -> None:
    """Say of an alert's purchases, of single ones, or of a file of chargebacks: fraud, or honest.

    Labels go to the topic fraud-labels, for the features of items, and from there to the archive, for
    precision and training: ./gamewax run archive. Of two labels of a purchase the later counts; a purchase
    that has that label already is left alone.

    ./gamewax fraud label 3585156bbac7 --fraud --reason "the owner of the card says so"

    ./gamewax fraud label --file chargebacks.csv --fraud --by bank
    """
    from cli.desk_done import label_many, label_one
    from cli.desk_file import Told
    from cli.desk_labels import Said

    if bool(file) == bool(alert_id or purchase):
        raise BadInput("say what to label: an ALERT, some --purchase, or a --file")
    if file:
        label_many(file, Told(fraud, by, reason))
    else:
        label_one(alert_id, purchase or (), Said(_said(fraud), by, reason))


def close(alert_id: AlertId, fraud: Verdict = None, reason: Reason = "", by: By = "") -> None:
    """Close a case with what was found out: labels the alert's purchases, as `label` does."""
    from cli.desk_done import close as close_case
    from cli.desk_labels import Said

    close_case(alert_id, Said(_said(fraud), by, reason))


def reopen(alert_id: AlertId, reason: Reason = "", by: By = "") -> None:
    """Open a closed case again; its labels stay until there are later ones."""
    from cli.desk_done import reopen as open_again
    from cli.desk_notes import Note

    open_again(alert_id, Note(reason, by))


def assign(
    alert_id: AlertId,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who works on it; nobody when left out.")] = "",
    by: By = "",
) -> None:
    """Give a case to somebody."""
    from cli.desk_done import assign as give
    from cli.desk_notes import Note

    give(alert_id, name, Note("", by))


def snooze(
    player: Player,
    rule: RuleId,
    time: Annotated[str, typer.Option("--for", metavar="SPAN", help="How long: 30m, 8h, 1d, 2w.")],
    reason: Reason = "",
    by: By = "",
) -> None:
    """Tell nobody of a player's alerts by a rule for a while; alerts and cases are written all the same.

    The dispatcher (./gamewax webhooks run) heeds it within a second. What came meanwhile is not sent
    later: its log says `silenced`, and once it is over ./gamewax webhooks resend ID sends it after all.
    """
    from cli.desk_notes import Note
    from cli.desk_snoozes import quieten

    quieten(player, rule, time, Note(reason, by))


def unsnooze(player: Player, rule: RuleId, reason: Reason = "", by: By = "") -> None:
    """Tell of a player's alerts by a rule again, from now on."""
    from cli.desk_notes import Note
    from cli.desk_snoozes import wake_up

    wake_up(player, rule, Note(reason, by))


def list_snoozes(*, as_json: AsJson = False) -> None:
    """Show which players and rules nobody is told of, until when, and who said so."""
    from cli.desk_snoozes import list_snoozes as show_them

    show_them(json=as_json)


def rules_quality(since: Since = "", *, as_json: AsJson = False) -> None:
    """Show how good each rule version is: alerts, how many are labelled, how many of these are fraud.

    An alert is fraud when any of its purchases is, by its latest label. Shadow rules are in it, so that
    a rule can be weighed before it tells anybody. By day: the table fraud_rule_quality_by_day.
    """
    from cli.desk_done import rules_quality as show_them

    show_them(since, json=as_json)


def _said(fraud: bool | None) -> bool:  # noqa: FBT001  what an option gave
    """Give what was said.

    Raises:
        BadInput: nothing was.

    """
    if fraud is None:
        raise BadInput("say what it was: --fraud or --honest")
    return fraud
