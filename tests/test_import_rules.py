"""Each import rule of pyproject.toml refuses what it is there to refuse."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RULES = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
LINT = Path(sys.executable).with_name("lint-imports")

BROKEN = [
    ("windows/breaks.py", "import sinks.clickhouse", "Folder order is data order"),
    ("verify/breaks.py", "import cli.app", "Folder order is data order"),
    ("flows/breaks.py", "import bench.load", "Folder order is data order"),
    ("windows/breaks.py", "import bytewax.operators", "topics, models and windows know"),
    ("models/breaks.py", "import os", "topics, models and windows know"),
    ("topics/breaks.py", "import time", "topics, models and windows know"),
    ("sources/breaks.py", "import settings", "Settings are handed down"),
    ("sinks/breaks.py", "import settings", "Settings are handed down"),
    ("flows/breaks.py", "import httpx", "Only the dispatcher speaks HTTP"),
    ("sinks/breaks.py", "import h11", "Only the dispatcher speaks HTTP"),
    ("flows/breaks.py", "import sklearn", "Only fitting code in models"),
    ("sinks/kafka.py", "import sinks.clickhouse", "No sink imports a sink"),
    ("flows/breaks.py", "import flows.engagement", "No flow imports a flow"),
]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rules")
    for name in RULES["root_packages"]:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "settings.py"):
        shutil.copy(ROOT / file, folder)
    return folder


@pytest.mark.parametrize(("path", "line", "rule"), BROKEN)
def test_a_broken_rule_is_named(copy: Path, path: str, line: str, rule: str) -> None:
    file = copy / path
    before = file.read_text() if file.exists() else None
    file.write_text((before or "") + f"\n{line}\n")
    said = subprocess.run([LINT, "--no-cache"], cwd=copy, capture_output=True, text=True, check=False)
    if before is None:
        file.unlink()
    else:
        file.write_text(before)
    _, _, broken = said.stdout.partition("Broken contracts")
    assert said.returncode == 1
    assert f"\n{rule}" in broken


def test_every_rule_is_shown_to_bite() -> None:
    names = [contract["name"] for contract in RULES["contracts"]]
    assert [name for name in names if not name.startswith(tuple(rule for _, _, rule in BROKEN))] == []
