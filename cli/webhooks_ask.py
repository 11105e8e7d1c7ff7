"""What commands ask of the dispatcher's store and of endpoints: a test message, sending again, enabling.

Rules: all of it works beside a running dispatcher, which sees within a moment what was written here.
"""

from __future__ import annotations

import asyncio
import secrets

import msgspec

import settings
from cli.harmless import harmless, moment, now_ms
from cli.webhooks_means import means
from cli.webhooks_place import endpoint, store_file, store_folder, who_sends
from sinks.outbox import Outbox
from sinks.outbox_care import enable
from sinks.outbox_care import send_again as again
from sinks.outbox_report import reading, wanted_again
from sinks.webhook_exchange import Answer
from sinks.webhook_signature import headers
from topics.errors import BadInput, Broken

ID_BYTES = 16


def send_test(name: str) -> None:
    """Send a test message to an endpoint, and tell its answer.

    Raises:
        Broken: the endpoint did not take it.

    """
    at = settings.load()
    wanted, message_id = endpoint(at, name), f"test-{secrets.token_hex(ID_BYTES)}"
    present_ms = now_ms()
    body = msgspec.json.encode(
        {
            "type": "webhook.test",
            "timestamp": moment(present_ms),
            "data": {"endpoint": name, "text": "Gamewax can reach you, and you can check its signature."},
        }
    )
    signed = headers(message_id, present_ms // 1000, body, wanted.secrets)

    async def post() -> Answer:
        return await means(at).post(wanted, signed, body)

    answer = asyncio.run(post())
    where = f"{name} ({wanted.target.origin})"
    if not answer.delivered:
        raise Broken(f"{where} did not take {message_id}: {harmless(answer.error)} ({answer.ms} ms)")
    print(f"{where} answered {answer.status} after {answer.ms} ms: it has {message_id}")


def send_again(message_id: str, name: str, *, dead: bool) -> None:
    """Make deliveries pending anew.

    Raises:
        BadInput: nothing, or nothing known, is named.

    """
    at = settings.load()
    if bool(message_id) == dead:
        raise BadInput("name one message (./gamewax webhooks log tells ids), or give --dead")
    if name:
        endpoint(at, name)
    with reading(store_file(at)) as db:
        found = wanted_again(db, message_id, name, dead=dead)
    if message_id and not found:
        raise BadInput(
            f"no endpoint was to get a message {message_id!r}: ./gamewax webhooks log tells ids, "
            "--endpoint NAME sends a known one to another endpoint"
        )
    outbox = Outbox(store_folder(at))
    sent = again(outbox, found, now_ms())
    outbox.close()
    print(f"{sent} to send again{_forgotten(len(found) - sent)}; {who_sends(store_folder(at))}")


def send_to_again(name: str) -> None:
    """Let an endpoint be sent to again.

    Raises:
        BadInput: there is no such endpoint, or no store.

    """
    at = settings.load()
    endpoint(at, name)
    with reading(store_file(at)):
        outbox = Outbox(store_folder(at))
    if enable(outbox, name):
        print(f"{name} is sent to again; what is dead: ./gamewax webhooks resend --dead --endpoint {name}")
    else:
        print(f"{name} was not disabled")
    outbox.close()


def _forgotten(count: int) -> str:
    return f", {count} forgotten (GAMEWAX_WEBHOOKS__KEEP_DAYS)" if count else ""
