"""Objectives checked, and what is built from them compared or written."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from grafana.slo import Slo
from grafana.slo_files import built, drifted, write
from grafana.slo_panels import promise
from grafana.slo_yaml import own_files, read_all, read_slos
from settings import from_caller
from topics.errors import BadInput


def check_files(names: Sequence[str]) -> int:
    """Print what is in files of objectives.

    Raises:
        BadInput: something in them is wrong; every fault is on stderr.

    """
    for slo in _good([Path(from_caller(name)) for name in names]):
        print(f"{slo.id}: {promise(slo)}")
    return 0


def check_own() -> int:
    """Print this project's objectives, and 1 if what is built from them is not up to date.

    Raises:
        BadInput: something in them is wrong; every fault is on stderr.

    """
    slos = _good(own_files())
    for slo in slos:
        print(f"{slo.id}: {promise(slo)}")
    stale = list(drifted(built(slos)))
    for name, why in stale:
        print(f"{name}: {why}")
    print("run ./gamewax slos build" if stale else "what is built from them is up to date")
    return 1 if stale else 0


def build_own() -> None:
    """Write what is built, and print what was changed."""
    texts = built(read_slos())
    changed = write(texts)
    for name, why in changed:
        print(f"{name}: {'removed' if name not in texts else 'new' if why == 'missing' else 'changed'}")
    print(
        f"{len(changed)} of {len(texts)} files written" if changed else f"{len(texts)} files are up to date"
    )


def _good(files: Sequence[Path]) -> list[Slo]:
    slos, faults = read_all(files)
    for fault in faults:
        sys.stderr.write(f"{fault}\n")
    if faults:
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        raise BadInput(f"{count}; docs/slos.md tells how to write an objective")
    return slos
