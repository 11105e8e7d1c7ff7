"""The two error roots: `BadInput` is theirs, `Broken` is ours.

Rules: bad *data* is never an exception (it is a reject, see `topics.decode`). These are raised for
what a person gave us (settings, addresses, commands) and for what we got wrong; `cli` turns each
into one line and the exit code of its class.
"""

from __future__ import annotations

from typing import ClassVar


class GamewaxError(Exception):
    """An error whose text is one line that says what to do."""

    exit_code: ClassVar[int] = 1


class Broken(GamewaxError):
    """Our own fault, or a part that we own stopped working; a restart may help (exit code 1)."""


class BadInput(GamewaxError):
    """A setting, address, name or file that the caller gave is unusable (exit code 2)."""

    exit_code: ClassVar[int] = 2


class NeedsOperator(GamewaxError):
    """Going on would lose or falsify something, so a person must decide (exit code 3)."""

    exit_code: ClassVar[int] = 3
