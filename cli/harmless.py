"""Text from strangers, safe to show: one line that no terminal obeys and no eye misreads.

Rules: bytes that are no UTF-8, control characters, line ends, direction marks and other invisible
characters stand as escapes; everything else stands as it is.
"""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime

FIRST_MS, LAST_MS = -62_135_596_800_000, 253_402_300_799_999  # the years 1 to 9999


def harmless(content: bytes | str, longest: int | None = None) -> str:
    r"""Give one printable line; what is cut ends with an ellipsis.

    >>> harmless(b"\x1b[31mred\xff\n"), harmless("a\u202eb"), harmless("grün"), harmless("abcdef", 4)
    ('\\x1b[31mred\\xff\\n', 'a\\u202eb', 'grün', 'abc…')

    """
    begin = content if longest is None else content[: 4 * longest]
    text = begin.decode(errors="backslashreplace") if isinstance(begin, bytes) else begin
    line = "".join(letter if letter.isprintable() else _escaped(letter) for letter in text)
    if longest is None or (len(line) <= longest and len(begin) == len(content)):
        return line
    return line[: longest - 1] + "…"


def moment(ms: int) -> str:
    """Write epoch milliseconds as RFC 3339 in UTC; what no calendar holds stands as a number.

    >>> moment(1_767_225_600_005), moment(2**63 - 1)
    ('2026-01-01T00:00:00.005Z', '9223372036854775807 ms')

    """
    if not FIRST_MS <= ms <= LAST_MS:
        return f"{ms} ms"
    text = datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def now_ms() -> int:
    """Give the present (epoch ms), for commands that ask what was lately."""
    return time.time_ns() // 1_000_000


def write_bytes(content: bytes) -> None:
    """Write bytes to stdout as they are."""
    sys.stdout.flush()
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape", errors="backslashreplace").decode()
