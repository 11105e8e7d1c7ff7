"""`gamewax compose init`: random secrets, written once, for their owner's eyes."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from cli.compose_secrets import ENV, FOLDER, NAMES, SECRET_FILES, Place, cluster_id, write, write_new
from embedded.process import ROOT
from sinks.webhook_signature import read_secret
from topics.errors import BadInput

LINE = re.compile(r"^(\w+)='(.*)'$", re.MULTILINE)


def init(*words: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cli", "compose", "init", *words],
        cwd=ROOT,
        env={**os.environ, "GAMEWAX_CWD": str(cwd)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def passwords(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in (folder / FOLDER).iterdir()}


def variables(folder: Path) -> dict[str, str]:
    return dict(LINE.findall((folder / ENV).read_text()))


def test_init_writes_random_secrets_for_the_owner_and_says_what_is_next(tmp_path: Path) -> None:
    made = init("--dir", "stack", cwd=tmp_path)
    stack = tmp_path / "stack"
    secret = passwords(stack)
    assert (made.returncode, made.stderr) == (0, "")
    assert set(secret) == set(SECRET_FILES)
    assert len(set(secret.values())) == len(SECRET_FILES)
    assert len(read_secret(secret.pop("webhook_secret")).key) == 24
    assert all(re.fullmatch(r"[\w-]{32}", password) for password in secret.values())
    assert (mode(stack / ENV), mode(stack / FOLDER)) == (0o600, 0o700)
    assert {mode(stack / FOLDER / name) for name in SECRET_FILES} == {0o444}
    assert f"docker compose --env-file '{stack / ENV}' up -d --build" in made.stdout
    assert [password for password in secret.values() if password in made.stdout] == []


def test_the_variables_are_those_that_compose_needs_and_hold_no_password(tmp_path: Path) -> None:
    write_new(Place(tmp_path, tmp_path))
    told, secret = variables(tmp_path), passwords(tmp_path)
    assert set(told) == set(NAMES)
    assert told["SECRETS_DIR"] == f"./{FOLDER}"
    assert (
        told["CLICKHOUSE_WRITER_SHA256"] == hashlib.sha256(secret["clickhouse_writer"].encode()).hexdigest()
    )
    assert (
        told["CLICKHOUSE_READER_SHA256"] == hashlib.sha256(secret["clickhouse_reader"].encode()).hexdigest()
    )
    assert re.fullmatch(r"\w[\w-]{21}", told["KAFKA_CLUSTER_ID"])
    assert [password for password in secret.values() if password in (tmp_path / ENV).read_text()] == []


def test_what_is_there_is_kept_and_the_line_says_what_to_do(tmp_path: Path) -> None:
    place = Place(tmp_path, tmp_path)
    write_new(place)
    before = (tmp_path / ENV).read_text(), passwords(tmp_path)
    refused = init("--dir", str(tmp_path))
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "--force" in refused.stderr
    assert ((tmp_path / ENV).read_text(), passwords(tmp_path)) == before
    for name in SECRET_FILES:
        (tmp_path / FOLDER / name).unlink()
    (tmp_path / FOLDER).rmdir()
    with pytest.raises(BadInput, match=r"\.env is there already"):
        write_new(place)


def test_force_makes_new_passwords_and_keeps_the_clusters_id_and_lines_of_others(tmp_path: Path) -> None:
    place = Place(tmp_path, tmp_path)
    write_new(place)
    with (tmp_path / ENV).open("a") as env:
        env.write("GAMEWAX_KAFKA__GROUP=mine\n# a note\n")
    before, secret = variables(tmp_path), passwords(tmp_path)
    write(place)
    after = variables(tmp_path)
    assert after["KAFKA_CLUSTER_ID"] == before["KAFKA_CLUSTER_ID"]
    assert after["CLICKHOUSE_WRITER_SHA256"] != before["CLICKHOUSE_WRITER_SHA256"]
    assert not set(passwords(tmp_path).values()) & set(secret.values())
    text = (tmp_path / ENV).read_text()
    assert text.startswith("GAMEWAX_KAFKA__GROUP=mine\n# a note\n")
    assert len(text.splitlines()) == 3 + len(NAMES)


def test_an_env_of_other_settings_gets_ours_behind_its_own_and_becomes_private(tmp_path: Path) -> None:
    (tmp_path / ENV).write_text("GAMEWAX_CLICKHOUSE__PASSWORD=x\n")
    (tmp_path / ENV).chmod(0o644)
    write_new(Place(tmp_path, tmp_path))
    assert (tmp_path / ENV).read_text().startswith("GAMEWAX_CLICKHOUSE__PASSWORD=x\n# For docker compose")
    assert mode(tmp_path / ENV) == 0o600


def test_a_path_that_does_not_fit_into_env_or_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    for folder in (tmp_path / "it's", tmp_path / "a$b"):
        with pytest.raises(BadInput, match="does not fit"):
            write(Place(folder, tmp_path))
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="cannot write to"):
        write_new(Place(tmp_path / "file" / "below", tmp_path))


def test_a_cluster_id_never_begins_with_a_dash() -> None:
    made = {cluster_id() for _ in range(2000)}
    assert len(made) == 2000
    assert {one for one in made if one.startswith("-") or len(one) != 22} == set()
