"""`./gamewax detect`: the flow's detector over files, and what it says about files it cannot use."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner, Result

from cli.app import app
from models.anomaly import CHANGES, KINDS, Streams
from topics.errors import BadInput

ROWS, LEAP = 400, 300
START_MS = 1_795_383_000_000
TIMES = START_MS + np.arange(ROWS) * 60_000


def call(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["detect", *map(str, words)])


def values(seed: int) -> np.ndarray:
    found = np.random.default_rng(seed).normal(50, 2, ROWS).round(3)
    found[LEAP : LEAP + 5] += 60
    return found


def spelled(time_ms: int, zone: str) -> str:
    return str(np.datetime64(time_ms, "ms")).replace("T", " ")[:19] + zone


def series(folder: Path, times: list[str], numbers: list[str]) -> Path:
    file = folder / "series.csv"
    lines = [f"{time},{number},else" for time, number in zip(times, numbers, strict=True)]
    file.write_text("\n".join(["timestamp,value,note", *lines]) + "\n")
    return file


@pytest.mark.parametrize("zone", ["", "Z", "+00:00", "epoch"])
def test_a_file_is_scored_as_the_flow_scores_a_stream(tmp_path: Path, zone: str) -> None:
    times = [str(time) if zone == "epoch" else spelled(time, zone) for time in TIMES.tolist()]
    numbers = [str(value) for value in values(1).tolist()]
    numbers[200] = ""
    ended = call(series(tmp_path, times, numbers), "--out", tmp_path / "scores.csv")
    value = np.array([float(number or "nan") for number in numbers])
    right = Streams(1).score(np.zeros(ROWS, np.int64), TIMES, value)
    found = pl.read_csv(tmp_path / "scores.csv", infer_schema=False)
    assert found["timestamp"].to_list() == times
    assert found["score"].cast(pl.Float64).to_list() == right.score.tolist()
    assert found["low"].cast(pl.Float64).fill_null(0).to_list() == np.nan_to_num(right.low).tolist()
    assert found["verdict"].gather([0, 200, 201]).to_list() == ["learning", "missing", "scored"]
    assert found["change"].to_list() == [CHANGES.get(code) for code in right.change.tolist()]
    assert found["kind"].to_list() == [KINDS.get(code) for code in right.kind.tolist()]
    assert found["since"][LEAP] == spelled(int(TIMES[LEAP]), ".000Z").replace(" ", "T")
    assert "400 samples: 249 scored, 150 learning, 1 missing" in ended.output
    assert f"{times[LEAP]}  spike" in ended.output


def test_many_series_are_scored_each_for_itself(tmp_path: Path) -> None:
    both = {name: values(seed) for name, seed in (("b/two.csv", 2), ("a/one.csv", 3))}
    lines = [
        f"{name},{spelled(int(TIMES[row]), '')},{both[name][row]}" for row in range(ROWS) for name in both
    ]  # mixed, which the benchmark's file is not
    file = tmp_path / "data.csv.gz"
    file.write_bytes(gzip.compress("\n".join(["file,timestamp,value", *lines]).encode()))
    assert call("--nab", file, "--out", tmp_path / "scores.csv").exit_code == 0
    found = pl.read_csv(tmp_path / "scores.csv")
    assert found.columns == ["file", "row", "score"]
    for name, value in both.items():
        its = found.filter(pl.col("file") == name)
        assert its["row"].to_list() == list(range(ROWS))
        right = Streams(1).score(np.zeros(ROWS, np.int64), TIMES, value).score
        assert its["score"].to_list() == right.tolist()
        assert its["score"][LEAP] >= 0.5


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("timestamp,value\n", "no samples"),
        ("time,value\n1,2\n", "needs the columns timestamp, value in its first line; it has time, value"),
        ("timestamp,value\n2026-11-22,5\n", "line 2: '2026-11-22' is no timestamp, write it like 2026-"),
        ("timestamp,value\n1,5\n2,6\n3,abc\n", "line 4: 'abc' is no value, which must be a number or empty"),
        ("timestamp,value\n1,2,3,4\n", "must be CSV in UTF-8"),
    ],
)
def test_a_file_that_is_of_no_use_is_refused_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "bad.csv"
    file.write_text(text)
    ended = call(file, "--out", tmp_path / "scores.csv")
    assert isinstance(ended.exception, BadInput)
    assert said in str(ended.exception)
    assert not (tmp_path / "scores.csv").exists()


def test_files_that_cannot_be_are_refused(tmp_path: Path) -> None:
    file = series(tmp_path, ["1"], ["2"])
    calls = {
        "there is no file": (tmp_path / "none.csv", "--out", tmp_path / "scores.csv"),
        "cannot write": (file, "--out", tmp_path / "no" / "folder.csv"),
        "is the file to read": (file, "--out", file),
        "give one file": ("--out", tmp_path / "scores.csv"),
        "needs the columns file, timestamp, value": ("--nab", file, "--out", tmp_path / "scores.csv"),
    }
    said = {words: str(call(*given).exception) for words, given in calls.items()}
    assert [words for words, error in said.items() if words not in error] == []
    assert file.read_text().startswith("timestamp")
