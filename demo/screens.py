"""Where a demo is shown: the whole terminal, or lines where there is none.

Rules: `show` may be called as often as one likes; each screen decides what reaches the reader and
remembers when the first row did. The terminal is given back as it was, also after an error.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.live import Live

from demo.moment import Moment
from demo.view import screen
from demo.words import plain

LINE_EVERY_S = 5.0

Now = Callable[[], float]  # epoch seconds


class Screen(Protocol):
    """A place where moments are shown, entered and left like a file."""

    first_row_at: float | None

    def show(self, moment: Moment) -> None:
        """Show this moment."""

    def __enter__(self) -> Self:
        """Take the screen."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """Give the screen back."""


class FullScreen:
    """The whole terminal, drawn anew with each moment; what stood there before comes back at the end."""

    def __init__(self, console: Console, now: Now) -> None:
        self.first_row_at: float | None = None
        self._console, self._now = console, now
        self._live = Live(console=console, screen=True, auto_refresh=False)

    def show(self, moment: Moment) -> None:
        """Draw the moment."""
        size = self._console.size
        self._live.update(screen(moment, size.width, size.height), refresh=True)
        if moment.figures.has_rows and self.first_row_at is None:
            self.first_row_at = self._now()

    def __enter__(self) -> Self:
        """Switch to the terminal's other screen."""
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """Switch back."""
        self._live.stop()


class Lines:
    """A line on stdout every 5 s, and one as soon as there is a first row."""

    def __init__(self, now: Now) -> None:
        self.first_row_at: float | None = None
        self._now = now
        self._next_s = LINE_EVERY_S
        self._trouble = ""

    def show(self, moment: Moment) -> None:
        """Print the moment if it is time, or if it is the first with rows or with another trouble."""
        first = moment.figures.has_rows and self.first_row_at is None
        if not first and moment.traffic_s < self._next_s and moment.trouble == self._trouble:
            return
        print(plain(moment), flush=True)  # noqa: T201  this is the screen
        self._next_s = (moment.traffic_s // LINE_EVERY_S + 1) * LINE_EVERY_S
        self._trouble = moment.trouble
        if first:
            self.first_row_at = self._now()

    def __enter__(self) -> Self:
        """Need nothing."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """Keep nothing."""
