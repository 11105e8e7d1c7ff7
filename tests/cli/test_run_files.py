"""What the options of `./gamewax run --from-files` cannot mean is one line, before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.run import run
from topics.errors import BadInput


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAMEWAX_CWD", str(tmp_path))
    (tmp_path / "a.ndjson").write_bytes(b"{}\n")
    (tmp_path / "b.txt").write_bytes(b"{}\n")


@pytest.mark.parametrize(
    ("flows", "options", "what"),
    [
        (["engagement"], {"from_files": ["*.csv"]}, "finds no file"),
        (["engagement"], {"from_files": ["*"]}, "b.txt: this ending is not known"),
        (["engagement", "b.txt"], {"from_files": ["a.ndjson"]}, "quote the pattern"),
        (["engagement", "purchases"], {"from_files": ["a.ndjson"]}, "one flow at a time"),
        (["all"], {"from_files": ["a.ndjson"]}, "one flow at a time"),
        (["archive"], {"from_files": ["a.ndjson"]}, "say with --topic which of them the files hold"),
        (["engagement"], {"from_files": ["a.ndjson"], "topic": "players"}, "does not read topic 'players'"),
        (["engagement"], {"from_files": ["a.ndjson"], "as_of": "yesterday"}, "--as-of must be a time"),
        (["engagement"], {"from_files": ["a.ndjson"], "as_of": "2026-01-01"}, "needs an offset"),
        (["engagement"], {"from_files": ["a.ndjson"], "processes": 2}, "in one process"),
        (["engagement"], {"as_of": "2026-01-01T00:00:00Z"}, "there is none"),
    ],
)
def test_what_cannot_be_meant_is_refused(flows: list[str], options: dict[str, object], what: str) -> None:
    with pytest.raises(BadInput, match=what):
        run(flows, **options)  # type: ignore[arg-type]
