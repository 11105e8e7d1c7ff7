"""Endpoints, tries and messages as people and programs read them.

Rules: what came from outside is escaped before it is shown (`cli.harmless`); an address is shown without its
path and query, which may hold a secret.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

import settings
from cli.harmless import harmless, moment, now_ms
from cli.status_view import span
from cli.webhooks_place import (
    dispatcher,
    endpoints,
    endpoints_file,
    store_file,
    store_folder,
    who_sends,
)
from sinks.outbox_report import (
    Attempt,
    Delivery,
    Known,
    Standing,
    attempts,
    message,
    reading,
    standings,
    unreadable,
)
from sinks.webhook_endpoints import Endpoint
from topics.errors import BadInput
from topics.message_kinds import SERVERS, is_of

WIDE = 120  # columns when nobody says how wide the output is
TOLD = {"closed": "delivering", "open": "failing"}
STYLES = {"delivering": "green", "delivered": "green", "dead": "bold red", "pending": "yellow"}


class Shown(msgspec.Struct, frozen=True):
    """One endpoint as `list --json` gives it; times are RFC 3339."""

    endpoint: str
    address: str
    state: str
    why: str
    until: str | None
    pending: int
    oldest_pending_s: float | None
    next_try: str | None
    delivered: int
    silenced: int
    dead: int
    wants: str


class Sentence(msgspec.Struct, frozen=True):
    """What a message says in words."""

    text: str = ""


class Said(msgspec.Struct, frozen=True):
    """As much of a message's body as is shown apart."""

    data: Sentence = Sentence()


def show_list(*, as_json: bool) -> None:
    """Print all endpoints: those of the file, and others that are still to get something."""
    at, present_ms = settings.load(), now_ms()
    known, there, strange = endpoints(at), dict[str, Standing](), 0
    if store_file(at).exists():
        with reading(store_file(at)) as db:
            there, strange = standings(db), unreadable(db)
    owner = dispatcher(store_folder(at))
    names = [*known, *(name for name in there if name not in known and there[name].pending)]
    found = [shown(known.get(name), there.get(name, Standing(name)), present_ms) for name in names]
    if as_json:
        pid = None if owner is None else owner.pid
        answer = {"dispatcher": pid, "unreadable": strange, "endpoints": found}
        print(msgspec.json.format(msgspec.json.encode(answer)).decode())
        return
    console = _console()
    if endpoints_file(at) is None:
        console.print("nobody is told: GAMEWAX_WEBHOOKS__ENDPOINTS names no file (docs/webhooks.md)")
    if found:
        console.print(_endpoints(found))
    for of in found:
        if of.why:
            console.print(Text(f"{of.endpoint}: {harmless(of.why)}", "red"), soft_wrap=True)
    if strange:
        console.print(Text(f"{strange:,} records of the topic were no message; the store keeps them", "red"))
    console.print(Text(who_sends(store_folder(at)), "dim"), soft_wrap=True)


def shown(endpoint: Endpoint | None, of: Standing, present_ms: int) -> Shown:
    """Put together what the file and the store say of an endpoint."""
    state = of.state(present_ms)
    rests = state in {"open", "paused"} and of.until_ms > present_ms
    return Shown(
        endpoint=of.endpoint,
        address=endpoint.target.origin if endpoint else "",
        state="not in the file" if endpoint is None else TOLD.get(state, state),
        why=of.why if state != "closed" else "",
        until=moment(of.until_ms) if rests else None,
        pending=of.pending,
        oldest_pending_s=None if of.oldest_ms is None else max(present_ms - of.oldest_ms, 0) / 1000,
        next_try=None if of.next_ms is None else moment(max(of.next_ms, of.until_ms if rests else 0)),
        delivered=of.delivered,
        silenced=of.silenced,
        dead=of.dead,
        wants=str(endpoint.wanted) if endpoint else "",
    )


def show_log(endpoint: str, limit: int, *, as_json: bool) -> None:
    """Print the newest tries."""
    with reading(store_file(settings.load())) as db:
        found = attempts(db, "", endpoint, limit)
    if as_json:
        print(msgspec.json.format(msgspec.json.encode([_told(of) for of in found])).decode())
        return
    console = _console()
    if not found:
        console.print("nothing was sent yet")
    for of in found:
        console.print(_line(of, f"{of.kind} {of.id}"), soft_wrap=True)


def show_message(message_id: str, endpoint: str, *, as_json: bool) -> None:
    """Print everything about one message.

    Raises:
        BadInput: there is none with this id.

    """
    with reading(store_file(settings.load())) as db:
        found, tries = message(db, message_id), attempts(db, message_id, endpoint)
    if found is None:
        raise BadInput(f"there is no message {message_id!r}: ./gamewax webhooks log tells ids")
    known, deliveries = found
    if as_json:
        answer = {"message": known, "deliveries": deliveries, "tries": [_told(of) for of in reversed(tries)]}
        print(msgspec.json.format(msgspec.json.encode(answer)).decode())
        return
    _in_full(known, deliveries, tries)


def _in_full(known: Known, deliveries: Sequence[Delivery], tries: Sequence[Attempt]) -> None:
    console = _console()
    for name, value in _facts(known).items():
        console.print(Text(f"{name:<10}", "dim"), Text(harmless(value)), soft_wrap=True)
    if not deliveries:
        console.print("no endpoint wanted it")
    for of in deliveries:
        console.print(Text.assemble(("\n" + of.endpoint, "bold"), "  ", _state(of)), soft_wrap=True)
        for attempt in reversed([attempt for attempt in tries if attempt.endpoint == of.endpoint]):
            console.print(_line(attempt, f"try {attempt.number}"), soft_wrap=True)
    body = "its body was forgotten" if known.body is None else harmless(known.body)
    console.print(Text(f"\n{body}"), soft_wrap=True)


def _facts(known: Known) -> dict[str, str]:
    """Say what a message is about: a player and a rule, or servers."""
    facts = {"id": known.id, "kind": known.kind}
    if is_of(known.kind, SERVERS):
        facts |= {"incident": _sentence(known.body), "severity": f"{known.decision}, score {known.score:g}"}
    else:
        facts |= {"player": known.player_id, "rule": f"{known.rule_id} version {known.rule_version}"}
        facts["score"] = f"{known.score:g}, decision {known.decision or 'none'}"
    return {**facts, "taken": moment(known.taken_ms)}


def _sentence(body: str | None) -> str:
    """Give the sentence that a message says."""
    try:
        return msgspec.json.decode(body or "{}", type=Said).data.text
    except msgspec.MsgspecError:
        return ""  # nobody has to say one


def _endpoints(found: Sequence[Shown]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("endpoint", "address", "state"):
        table.add_column(name, overflow="fold")
    for name in ("pending", "oldest", "delivered", "silenced", "dead"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("wants", overflow="fold")
    for of in found:
        state = of.state if of.until is None else f"{of.state} until {of.until[11:19]}"
        table.add_row(
            of.endpoint, Text(of.address), Text(state, STYLES.get(of.state, "bold red")), f"{of.pending:,}",
            span(of.oldest_pending_s), f"{of.delivered:,}", f"{of.silenced:,}",
            f"{of.dead:,}", Text(harmless(of.wants)),
        )  # fmt: skip
    return table


def _state(of: Delivery) -> Text:
    if of.state != "pending":
        when = f" {moment(of.ended_ms)}" if of.ended_ms else ""
        return Text(f"{of.state}{when}  {harmless(of.reason)}".rstrip(), STYLES.get(of.state, ""))
    due = (
        "behind an earlier one of the same player or server"
        if of.next_ms is None
        else f"next try {moment(of.next_ms)}"
    )
    return Text(f"pending, {due}", STYLES["pending"])


def _line(of: Attempt, head: str) -> Text:
    good = of.result == "delivered"
    outcome = f"HTTP {of.status}" if good else of.result
    line = Text.assemble((moment(of.at_ms), "dim"), "  ", (harmless(head), "cyan"), f"  {of.endpoint}  ")
    line.append(outcome, "green" if good else "bold red").append(f"  {of.ms} ms")
    return line.append(f"  {harmless(of.error)}") if of.error else line


def _told(of: Attempt) -> dict[str, object]:
    fields = msgspec.structs.asdict(of)
    return {"at": moment(fields.pop("at_ms")), **fields}


def _console() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=WIDE)
