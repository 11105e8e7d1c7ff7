"""`./gamewax run` says what only a person can mend in one line, at once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from flows.registry import FLOWS

ROOT = Path(__file__).parents[2]


def run(*command: str, **variables: str) -> tuple[int, list[str]]:
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stderr.splitlines()


def test_a_wrong_setting_is_one_line_and_no_restart() -> None:
    code, said = run("cli", "run", "engagement", GAMEWAX_WINDOWS__ALLOWED_LATENESS_S="abc")
    assert (code, len(said)) == (2, 1)
    assert said[0].startswith("gamewax: setting GAMEWAX_WINDOWS__ALLOWED_LATENESS_S: ")


def test_a_wrong_setting_is_one_line_for_the_flow_process_too() -> None:
    code, said = run("flows.process", "engagement", GAMEWAX_WINDOWS__ALLOWED_LATENESS_S="abc")
    assert (code, len(said)) == (2, 1)


def test_an_unknown_flow_is_named_with_those_there_are() -> None:
    there_are = ", ".join(FLOWS)
    said = f"gamewax: there is no flow 'nosuch'; there are: {there_are} (or all)"
    assert run("cli", "run", "nosuch") == (2, [said])
