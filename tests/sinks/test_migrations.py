import shutil
from pathlib import Path

import pytest
from typer import Typer
from typer.testing import CliRunner

import settings
from cli.migrate import migrate as command
from docs.tables import tables
from embedded.clickhouse import EmbeddedClickHouse
from sinks.migrations import DDL, load, migrate, pending
from tests.sinks.conftest import READER, Store, given, set_to
from topics.errors import BadInput

NAMES = [path.stem for path in sorted(DDL.glob("*.sql"))]
ASKED = {"server_impact_since"}  # views that are read with parameters; tests of their own read them
PUBLIC = [table.name for table in tables() if table.name not in ASKED]
TABLES = sum(path.read_text().count("CREATE TABLE IF NOT EXISTS") for path in DDL.glob("*.sql"))


def test_an_empty_server_gets_the_database_all_tables_and_views_once(engine: EmbeddedClickHouse) -> None:
    server = set_to(given(engine.url, database="fresh_one"))
    assert [step.name for step in pending(server)] == NAMES
    assert migrate(server) == NAMES
    assert migrate(server) == []
    assert pending(server) == []


def test_every_public_name_reads_with_a_plain_select_and_shows_no_version(store: Store) -> None:
    assert [store.rows(f"SELECT count() FROM {name}") for name in PUBLIC] == [[(0,)]] * len(PUBLIC)
    columns = [
        (str(table), str(name))
        for table, name in store.rows(
            f"SELECT table, name FROM system.columns WHERE database = '{store.server.database}'"
            " ORDER BY table, position"
        )
        if table in PUBLIC
    ]
    assert [name for table, name in columns if table == "engagement"] == [
        "game_id", "window_seconds", "window_start", "events", "players", "sessions",
    ]  # fmt: skip
    assert [table for table, name in columns if name == "version"] == []


def test_every_table_recognises_retried_blocks(store: Store) -> None:
    made = store.rows(
        "SELECT name, create_table_query FROM system.tables"
        f" WHERE database = '{store.server.database}' AND engine LIKE '%MergeTree'"
        " AND name != 'schema_migrations'"
    )
    assert len(made) == TABLES
    assert [
        name for name, text in made if "non_replicated_deduplication_window = 1000" not in str(text)
    ] == []


def test_a_file_changed_after_it_was_applied_is_refused_by_name(
    engine: EmbeddedClickHouse, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(DDL, tmp_path / "ddl"))
    server = set_to(given(engine.url, database="changed_one"))
    migrate(server, folder)
    with (folder / "002_engagement.sql").open("a") as text:
        text.write("-- one more thing\n")
    with pytest.raises(BadInput, match=r"002_engagement\.sql was changed"):
        migrate(server, folder)
    with pytest.raises(BadInput, match=r"002_engagement\.sql was changed"):
        pending(server, folder)


def test_a_file_that_failed_half_way_is_applied_again_whole(
    engine: EmbeddedClickHouse, tmp_path: Path
) -> None:
    server = set_to(given(engine.url, database="half_one"))
    path = tmp_path / "001_two.sql"
    first = "CREATE TABLE IF NOT EXISTS a (x UInt8) ENGINE = MergeTree ORDER BY x;\n"
    path.write_text(first + "CREATE TABLE b (x Nonsense) ENGINE = MergeTree ORDER BY x;\n")
    with pytest.raises(Exception, match="Nonsense"):
        migrate(server, tmp_path)
    path.write_text(first + "CREATE TABLE IF NOT EXISTS b (x UInt8) ENGINE = MergeTree ORDER BY x;\n")
    assert migrate(server, tmp_path) == ["001_two"]
    assert len(load(tmp_path)[0].statements) == 2


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"password": "no"}, "refuses user 'writer': set GAMEWAX_CLICKHOUSE__USER"),
        ({"database": "a b"}, "GAMEWAX_CLICKHOUSE__DATABASE must be"),
        ({"url": "127.0.0.1:1"}, "GAMEWAX_CLICKHOUSE__URL must look like"),
        ({"url": "http://127.0.0.1:1"}, "ClickHouse does not answer at http://127.0.0.1:1"),
        ({**READER, "database": "of_reader"}, "lacks a right"),
    ],
)
def test_what_a_user_got_wrong_is_one_line(
    engine: EmbeddedClickHouse, wrong: dict[str, str], line: str
) -> None:
    with pytest.raises(BadInput, match=line) as caught:
        migrate(set_to(given(**{"url": engine.url, **wrong})))
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_the_command_names_what_it_would_do_then_does_it(
    engine: EmbeddedClickHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = set_to(given(engine.url, database="by_command"))
    monkeypatch.setattr(settings, "load", lambda: server)
    app = Typer()
    app.command()(command)
    dry = CliRunner().invoke(app, ["--dry-run"]).output.splitlines()
    done = CliRunner().invoke(app, []).output.splitlines()
    again = CliRunner().invoke(app, []).output.splitlines()
    where = f"by_command at {engine.url}"
    assert dry == [
        *(f"{name} would be applied" for name in NAMES),
        f"{len(NAMES)} migrations would be applied to {where}",
    ]
    assert done == [*(f"{name} applied" for name in NAMES), f"{len(NAMES)} migrations applied to {where}"]
    assert again == [f"{where} is up to date"]
