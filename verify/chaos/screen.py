"""What a person sees meanwhile: each harm as a line, and on a terminal one line that lives.

Rules: nothing here is part of the result; without a terminal the lines of harm are printed to stderr only.
"""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

EVERY_S = 0.2


class Screen:
    """A context manager; leaves the lines and takes the living one away."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._live = Live(console=self._console, transient=True, auto_refresh=False)
        self._shown = 0.0
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def tell(self, line: str) -> None:
        """Print a line that stays."""
        self._console.print(Text(line, style="dim"))

    def show(self, what: str, behind: int) -> None:
        """Renew the living line; soon after the last time it stays as it is."""
        now = time.monotonic()
        if self._console.is_terminal and now - self._shown > EVERY_S:
            self._shown = now
            line = f"{now - self._began:6.1f} s  {what}, {behind:,} messages behind"
            self._live.update(Text(line, style="bold"), refresh=True)
