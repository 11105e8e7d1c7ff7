"""`gamewax test`: runs everything that proves the project, by pytest, slow tests too.

In: pytest's own arguments, paths from the project's root. Out: pytest's output, its summary line
last, and its exit code.
"""

from __future__ import annotations

import subprocess
import sys
from typing import Annotated

import typer

from embedded.process import ROOT

AT_A_TIME = ("--numprocesses", "3", "--dist", "loadfile")  # most tests wait for servers and processes
PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": ["--help"]}


def run_tests(
    pytest_args: Annotated[list[str] | None, typer.Argument(help="Anything that pytest takes.")] = None,
) -> int:
    """Run all tests, slow ones too: real Kafka, real ClickHouse, no mocks.

    Without arguments three processes share the files; with arguments it is plain pytest.

    Examples:
      ./gamewax test
      ./gamewax test tests/cli -k services -x

    """
    command = [sys.executable, "-m", "pytest", *(pytest_args or AT_A_TIME)]
    return subprocess.run(command, cwd=ROOT, check=False).returncode  # noqa: S603  what was asked for
