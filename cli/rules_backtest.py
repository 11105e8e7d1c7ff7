"""`./gamewax rules backtest`: what rules would have done, on stored purchases by the code of the flow."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from cli.rebuild import epoch_ms
from cli.rules_backtest_run import Asked, backtested, rules_of
from cli.rules_backtest_shown import found_json, show
from settings import from_caller, load
from topics.errors import BadInput


def backtest_files(
    names: Sequence[str], times: tuple[str, str], out: Path | None, *, alone: bool, as_json: bool
) -> int:
    """Backtest the rules of files in a time and print what was found; 1 when alerts differ that must not.

    Raises:
        BadInput: a file or a time is no good, or nothing is stored of that time.

    """
    from_ms, to_ms = epoch_ms("--from", times[0]), epoch_ms("--to", times[1])
    if from_ms >= to_ms:
        raise BadInput(f"--from {times[0]} must be before --to {times[1]}")
    asked = Asked(rules_of(names), from_ms, to_ms, alone)
    found = backtested(load(), asked, None if out is None else from_caller(out))
    if as_json:
        print(json.dumps(found_json(found), indent=2, ensure_ascii=False))
    else:
        show(found)
    return int(any(of.falls_short for of in found.compared))
