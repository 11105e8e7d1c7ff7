"""Signatures, as the reference library of Standard Webhooks judges them."""

from __future__ import annotations

import base64
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from sinks.webhook_signature import headers, read_secret
from topics.errors import BadInput

OLD, NEW = (f"whsec_{base64.b64encode(bytes([n]) * 24).decode()}" for n in (1, 2))


def now() -> int:
    return int(time.time())


@given(st.text(max_size=200).filter(lambda text: text.encode(errors="ignore").decode() == text))
def test_any_body_is_signed_as_the_reference_library_does(text: str) -> None:
    made = headers("a1", now(), text.encode(), [read_secret(NEW)])
    Webhook(NEW).verify(text, made, json_parse=False)


def test_with_two_secrets_a_receiver_may_know_either_and_no_other() -> None:
    made = headers("a1.block", now(), b"{}", [read_secret(NEW), read_secret(OLD)])
    for secret in (OLD, NEW):
        Webhook(secret).verify(b"{}", made)
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + base64.b64encode(b"3" * 24).decode()).verify(b"{}", made)


@pytest.mark.parametrize("changed", [{"webhook-id": "a2"}, {"webhook-timestamp": str(now() - 1)}])
def test_what_is_signed_cannot_be_changed(changed: dict[str, str]) -> None:
    made = headers("a1", now(), b"{}", [read_secret(NEW)])
    with pytest.raises(WebhookVerificationError):
        Webhook(NEW).verify(b"{}", made | changed)


@pytest.mark.parametrize("text", ["", "secret", "whsec_", "whsec_%%%", OLD[:-8], "whsec_" + "A" * 100])
def test_a_bad_secret_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(BadInput) as refused:
        read_secret(text)
    assert len(text) < 8 or text.removeprefix("whsec_") not in str(refused.value)


def test_a_secret_does_not_show_itself() -> None:
    assert "\\x02" not in repr(read_secret(NEW))
    assert NEW.removeprefix("whsec_") not in repr(read_secret(NEW))
