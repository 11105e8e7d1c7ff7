"""Batches of tests are small: without this, all of them would be read message by message."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from topics import columns


@pytest.fixture(autouse=True, scope="module")
def columns_for_few() -> Iterator[None]:
    """Read small batches as large ones are read."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(columns, "TOO_FEW", 0)
        yield
