"""Standard Webhooks signatures: HMAC-SHA256 over id, time and body, one for each secret that is in use.

Rules: a secret is `whsec_` and the base64 of 24 to 64 bytes. No value here shows a secret when it is printed.
"""

from __future__ import annotations

import binascii
import hmac
import re
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field

from topics.errors import BadInput

PREFIX = "whsec_"
LEAST_BYTES, MOST_BYTES = 24, 64
ID = re.compile(r"[A-Za-z0-9._:-]{1,200}")  # stands in a header


@dataclass(frozen=True, slots=True)
class Secret:
    """The bytes that sign; never shown."""

    key: bytes = field(repr=False)


def read_secret(text: str) -> Secret:
    """Read a secret as it is handed to people.

    Raises:
        BadInput: it is none; the text does not repeat it.

    """
    written = text.strip()
    if not written.startswith(PREFIX):
        raise BadInput(f"a secret begins with {PREFIX}")
    try:
        key = b64decode(written.removeprefix(PREFIX), validate=True)
    except binascii.Error as error:
        raise BadInput(f"a secret is {PREFIX} and base64; this one is no base64") from error
    if not LEAST_BYTES <= len(key) <= MOST_BYTES:
        raise BadInput(f"a secret has {LEAST_BYTES} to {MOST_BYTES} bytes; this one has {len(key)}")
    return Secret(key)


def headers(message_id: str, at_s: int, body: bytes, secrets: Sequence[Secret]) -> dict[str, str]:
    """Give the three headers of one try; each secret signs, so that a receiver may know either.

    >>> made = headers("a1", 1_700_000_000, b"{}", [Secret(b"0" * 24)])
    >>> made["webhook-signature"]
    'v1,CsLtOpYTMuUQ1Oor6l0cJRfcmT9QXk4ZdWYZt7j/0kI='

    """
    signed = b".".join((message_id.encode(), str(at_s).encode(), body))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at_s),
        "webhook-signature": " ".join(_signature(secret, signed) for secret in secrets),
    }


def _signature(secret: Secret, signed: bytes) -> str:
    return f"v1,{b64encode(hmac.digest(secret.key, signed, 'sha256')).decode()}"
