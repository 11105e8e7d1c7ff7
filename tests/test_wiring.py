"""A flow that is wired wrongly never merges: seeded mistakes, each found by the types or by name."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import MappingProxyType

import pytest

from flows.registry import FLOWS
from models.aggregates import Aggregate, Term, count, distinct, mean
from models.weapon_use import BY_GUILD
from tests.wiring import faults, texts
from topics import player_events, server_metrics
from topics.topic import Topic

ROOT = Path(__file__).parents[1]
WINDOWED = [name for name in FLOWS if import_module(f"flows.{name}").AGGREGATES]
NO_EVENTS = MappingProxyType({"uses": count()})


@pytest.mark.parametrize("name", WINDOWED)
def test_topic_aggregates_and_tables_of_a_flow_fit(name: str) -> None:
    flow = import_module(f"flows.{name}")
    assert "\n".join(faults(flow.TOPIC, flow.AGGREGATES)) == ""


def test_no_file_changes_a_column_behind_the_checks_and_pages() -> None:
    assert "MODIFY COLUMN" not in texts().upper(), (
        "make a new table, or add a column: pages and checks read the files"
    )


def with_terms(**terms: Term) -> Aggregate:
    return replace(BY_GUILD, terms={**BY_GUILD.terms, **terms})


BY_NAME: dict[str, tuple[tuple[Topic, Aggregate], str]] = {  # the mistake, and what is said about it
    "another topic's events": (
        (server_metrics.TOPIC, BY_GUILD),
        "weapon_use_by_guild asks for what server-metrics has not",
    ),
    "a column that no event has": (
        (player_events.TOPIC, with_terms(players=distinct("player"))),
        "weapon_use_by_guild asks for what player-events has not",
    ),
    "an average of text": (
        (player_events.TOPIC, with_terms(players=mean("guild_name"))),
        "weapon_use_by_guild asks for what player-events has not",
    ),
    "a column that the table lacks": (
        (player_events.TOPIC, with_terms(guilds=distinct("guild_name"))),
        "guilds is no column of weapon_use_by_guild_upserts",
    ),
    "a column that nothing fills": (
        (player_events.TOPIC, replace(BY_GUILD, terms=NO_EVENTS)),
        "players is given by no term",
    ),
    "a column of another type": (
        (player_events.TOPIC, with_terms(players=mean("health"))),
        "weapon_use_by_guild_upserts.players is UInt64, its rows are Float64",
    ),
    "an average that may be nothing": (
        (player_events.TOPIC, with_terms(players=mean("health"))),
        "weapon_use_by_guild_upserts.players is UInt64, but null when no event has it: make it Nullable",
    ),
    "a missing key": (
        (player_events.TOPIC, replace(BY_GUILD, by=("game_id", "guild_name"))),
        "weapon_use_by_guild_upserts is ordered by weapon_type and weapon_use_by_guild not keyed by it",
    ),
    "games thrown together": (
        (player_events.TOPIC, replace(BY_GUILD, by=("guild_name", "weapon_type"))),
        "weapon_use_by_guild is not kept apart by game_id",
    ),
    "a table that nobody creates": (
        (player_events.TOPIC, replace(BY_GUILD, table="weapon_uses")),
        "no file of sinks/ddl creates weapon_uses_upserts",
    ),
}


@pytest.mark.parametrize("mistake", BY_NAME)
def test_a_mistake_in_names_is_found(mistake: str) -> None:
    (topic, aggregate), said = BY_NAME[mistake]
    assert [fault for fault in faults(topic, (aggregate,)) if said in fault]


BY_TYPE = {  # the mistake: what stands in flows/weapon_use.py, and what was written instead
    "the event in place of the topic": (
        "player_events import TOPIC",
        "player_events import PlayerEvent as TOPIC",
    ),
    "sinks the wrong way round": ("dead_letters_of), dead_letters)", "dead_letters_of), rows)"),
    "takes written as rows": ('window("window", takes, plan, clock), rows)', "takes, rows)"),
    "windows over dead letters": (
        'window("window", takes,',
        'window("window", op.flat_map("letters", takes, dead_letters_of),',
    ),
    "one aggregate in place of all": ("plan_of(NAME, AGGREGATES)", "plan_of(NAME, BY_GUILD)"),
    "no clock": ("takes, plan, clock)", "takes, plan)"),
    "a window's size in place of the plan": ("takes, plan, clock)", "takes, 10, clock)"),
    "sources that give messages": ("source: Source[Take]", "source: Source[bytes]"),
}


@pytest.mark.slow
def test_mistakes_in_types_are_found_by_mypy(tmp_path: Path) -> None:
    right = (ROOT / "flows" / "weapon_use.py").read_text()
    wrong: dict[str, str] = {}
    for number, (mistake, (stands, written)) in enumerate(BY_TYPE.items()):
        assert stands in right, mistake
        wrong[f"mistake_{number}"] = mistake
        (tmp_path / f"mistake_{number}.py").write_text(right.replace(stands, written))
    (tmp_path / "right.py").write_text(right)
    found = files_with_errors(tmp_path)
    assert {wrong.get(file, file) for file in found} == {*BY_TYPE}


def files_with_errors(folder: Path) -> set[str]:
    """Run mypy as the gate does on the files of a folder; gives those in which it found an error."""
    said = subprocess.run(
        [sys.executable, "-m", "mypy", *map(str, folder.glob("*.py"))],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    return {Path(line.split(":")[0]).stem for line in said.stdout.splitlines() if ": error: " in line}
