"""All forms of poison, in an order that the seed has no part in."""

from __future__ import annotations

from collections.abc import Iterator

from verify.poison import forms_bytes, forms_fields, forms_records
from verify.poison.form import Form


def corpus() -> Iterator[Form]:
    """Give every form; no two of a topic have the same name."""
    yield from forms_bytes.forms()
    yield from forms_fields.forms()
    yield from forms_records.forms()
