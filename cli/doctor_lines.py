"""One finding of `gamewax doctor`: what was looked at, how it is, and what to do.

Rules: a check gives lines and never raises for what it finds; `within` turns a check that breaks or
does not end into a bad line, so the page always comes.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

URL_LOGIN = re.compile(r"(?<=://)[^/@\s]+@")
HIDDEN = "(hidden)"
SHORTEST_SECRET = 4  # characters: replacing less than that would blank out half the page


class Mark(StrEnum):
    """How a thing is."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Line:
    """One finding; `help` says what to do when it is not ok."""

    mark: Mark
    subject: str
    text: str
    help: str = ""


Check = Callable[[], Iterable[Line]]


def ok(subject: str, text: str) -> Line:
    """Say that a thing is as it should be."""
    return Line(Mark.OK, subject, text)


def warn(subject: str, text: str, do: str) -> Line:
    """Say that a thing may hurt."""
    return Line(Mark.WARN, subject, text, do)


def bad(subject: str, text: str, do: str) -> Line:
    """Say that a thing must be mended."""
    return Line(Mark.BAD, subject, text, do)


class Running:
    """A check in a thread of its own, which nobody waits for longer than `within_s` seconds."""

    def __init__(self, name: str, check: Check) -> None:
        self._name = name
        self._check = check
        self._lines: list[Line] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            for line in self._check():
                self._lines.append(line)
        except Exception as error:  # noqa: BLE001  whatever it is becomes a line of the page
            said = " ".join(str(error).split())
            self._lines.append(
                bad(self._name, f"the check broke: {error.__class__.__name__}: {said}", "tell us")
            )

    def lines(self, within_s: float) -> list[Line]:
        """Give what was found, with a bad line at the end when the check has not ended."""
        self._thread.join(max(within_s, 0))
        found = list(self._lines)
        if self._thread.is_alive():
            found.append(bad(self._name, "does not answer in time", "look at its host and at the network"))
        return found


def without(secrets: Iterable[str], line: Line) -> Line:
    """Take every secret out of a line, whoever put it there (an address, a server's error text)."""
    return replace(line, text=hide(secrets, line.text), help=hide(secrets, line.help))


def hide(secrets: Iterable[str], text: str) -> str:
    """Take secrets, and logins in addresses, out of a text."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= SHORTEST_SECRET:
            text = text.replace(secret, HIDDEN)
    return URL_LOGIN.sub(f"{HIDDEN}@", text)
