"""What the pages name exists, what exists is on a page, and the reference is what the code says."""

from __future__ import annotations

import ast
import json
import re
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path

import pytest
from typer.main import get_command

from cli.app import app
from docs import reference
from docs.tables import tables
from models.engagement import BY_LEVEL, WHOLE_GAME
from topics.decode import decode
from topics.fields import fields_of
from topics.player_events import TOPIC
from topics.registry import TOPICS
from verify.core import Core, Log, Tables
from windows.plan import Plan, slot_of

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
TOLD_BY_HAND = [page for page in PAGES if page != reference.PAGE]
COMMANDS = {
    words.removeprefix("./gamewax "): {spelling for param in command.params for spelling in param.opts}
    | {spelling for param in command.params for spelling in param.secondary_opts}
    for words, command in reference.walk("./gamewax", get_command(app))
}

FILE = re.compile(r"`((?:[\w.-]+/)*[\w.-]+\.(?:py|sql|md|toml|lock|in))(?:::([\w.]+))?`")
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)(#[^)]*)?\)")
CALL = re.compile(r"\./gamewax ((?:[a-z][a-z-]* ?)*)([^`\n|#&]*)")
SETTING = re.compile(r"GAMEWAX_[A-Z_]*[A-Z]")
LAUNCHERS = {"GAMEWAX_PYTHON", "GAMEWAX_CWD"}


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@cache
def symbols(file: Path) -> set[str]:
    """Names that a Python file defines: `f`, `C`, `C.f`, `CONSTANT`; of SQL: what it creates."""
    text = file.read_text()
    if file.suffix == ".sql":
        return set(re.findall(r"CREATE (?:TABLE IF NOT EXISTS|OR REPLACE VIEW) (\w+)", text))
    return set(defined(ast.parse(text).body, ""))


def defined(body: list[ast.stmt], prefix: str) -> list[str]:
    found: list[str] = []
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.append(prefix + node.name)
            if isinstance(node, ast.ClassDef):
                found += defined(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, ast.Assign):
            found += [prefix + of.id for of in node.targets if isinstance(of, ast.Name)]
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.append(prefix + node.target.id)
    return found


@pytest.mark.parametrize("page", TOLD_BY_HAND, ids=name_of)
def test_every_file_and_symbol_that_a_page_names_exists(page: Path) -> None:
    wrong = []
    for path, symbol in FILE.findall(page.read_text()):
        file = ROOT / path if (ROOT / path).exists() else page.parent / path
        if not file.exists() or (symbol and symbol not in symbols(file)):
            wrong.append(f"{path}::{symbol}" if symbol else path)
    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_inside_the_project_leads_somewhere(page: Path) -> None:
    targets = [target for target, _ in LINK.findall(page.read_text())]
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", TOLD_BY_HAND, ids=name_of)
def test_every_command_and_option_that_a_page_names_exists(page: Path) -> None:
    wrong = [f"{words}{rest}" for words, rest in CALL.findall(page.read_text()) if not known(words, rest)]
    assert wrong == []


def known(words: str, rest: str) -> bool:
    command = next((name for name in COMMANDS if f"{words} ".startswith(f"{name} ")), None)
    if command is None:  # the program itself, or a whole group of commands
        group = any(name.startswith(words.strip()) for name in COMMANDS)
        return group and rest.strip() in {"", "--help", "…"}
    options = re.findall(r"(?<!\S)--[a-z][a-z0-9-]*", rest)
    return command == "test" or set(options) <= COMMANDS[command] | {"--help"}


@pytest.mark.parametrize("page", TOLD_BY_HAND, ids=name_of)
def test_every_setting_that_a_page_names_exists(page: Path) -> None:
    there = {name for name, _ in reference.variables()} | LAUNCHERS
    there |= {f"{name}_FILE" for name in there if name.endswith("PASSWORD")}
    assert set(SETTING.findall(page.read_text())) - there == set()


def test_the_reference_is_what_the_code_says() -> None:
    assert reference.PAGE.read_text() == reference.page(), "write it again: python -m docs.reference"


def test_every_setting_and_option_says_what_it_is() -> None:
    silent = [name for name, field in reference.variables() if not field.description]
    for words, command in reference.walk("./gamewax", get_command(app)):
        silent += [f"{words} {param.name}" for param in command.params if not getattr(param, "help", None)]
    assert silent == []


def test_the_reference_holds_every_topic_field_table_and_column() -> None:
    page = reference.page()
    names = [topic.name for topic in TOPICS.values()]
    names += [field.name for topic in TOPICS.values() if topic.event for field in fields_of(topic.event).all]
    names += [name for table in tables() for name in (table.name, *table.columns)]
    assert [name for name in names if f"`{name}`" not in page] == []


def test_the_event_whose_way_is_told_becomes_the_row_that_is_told() -> None:
    told = re.findall(r"```json\n(.*?)```", (ROOT / "docs" / "way-of-an-event.md").read_text(), re.DOTALL)
    event, row = (json.loads(block) for block in told)
    plan = Plan("engagement", (BY_LEVEL, WHOLE_GAME))
    tables_left = Tables()
    core = Core(
        plan, partial(decode, TOPIC), {0: Log([json.dumps(event).encode()], [1_795_348_808_000])}, tables_left
    )
    while core.read(0, 100):
        pass
    core.end()
    rows = tables_left.rows["engagement_by_level_upserts"].values()
    (found,) = [of for of in rows if of["window_seconds"] == row["window_seconds"]]
    start = row["window_start"] = datetime.fromisoformat(row["window_start"])
    found["window_start"] = found["window_start"].replace(tzinfo=UTC)
    assert {name: found[name] for name in row} == row
    start_ms = int(start.timestamp() * 1000)
    assert [slot_of(start_ms, size) for size in plan.sizes_s] == [32, 48]
