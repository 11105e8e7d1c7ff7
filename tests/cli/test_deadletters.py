"""`./gamewax deadletters list|show`: what was no event is told exactly, and shown without doing harm."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections import Counter

import pytest

from tests.flow_fixture import ROOT, TOPIC, World
from verify.troubled import POISON, Sent

pytestmark = pytest.mark.slow

DEADLETTERS = ("-m", "cli", "deadletters")
HOSTILE = b'\x1b[2J\x1b]0;owned\x07{"a": "\xff\xe2\x80\xae=cmd"}\r\n[bold red]x'


def lines(world: World, *words: str) -> list[str]:
    """What a command that must succeed prints."""
    ended = world.run(*DEADLETTERS, *words)
    assert (ended.returncode, ended.stderr) == (0, ""), ended
    return ended.stdout.splitlines()


def as_json(world: World, *words: str) -> dict[str, list[dict[str, object]]]:
    told: dict[str, list[dict[str, object]]] = json.loads(
        "\n".join(lines(world, "list", "--format", "json", *words))
    )
    return told


def refusal(world: World, *words: str) -> str:
    """The one line of a command that must be refused."""
    ended = world.run(*DEADLETTERS, *words)
    (line,) = ended.stderr.splitlines()
    assert (ended.returncode, ended.stdout) == (2, "")
    return line


def raw(world: World, letter_id: str) -> bytes:
    command = [sys.executable, *DEADLETTERS, "show", letter_id, "--raw"]
    return subprocess.run(command, cwd=ROOT, env=world.environment, capture_output=True, check=True).stdout


def assert_harmless(text: str) -> None:
    assert [letter for letter in text if not (letter.isprintable() or letter == "\n")] == []
    assert "\\x1b[2J\\x1b]0;owned\\x07" in text
    assert "[bold red]x" in text


def test_letters_are_counted_listed_and_shown(world: World) -> None:
    world.send(*(Sent(1, b"poison", value) for value in POISON), Sent(2, b"=1+1", HOSTILE))
    world.drain()

    all_of_them, hostile = as_json(world), f"{TOPIC}:2:0"
    counted: Counter[object] = Counter()
    for of in all_of_them["counts"]:
        counted[of["reason"]] += int(str(of["letters"]))
    assert counted == Counter([*POISON.values(), "not_utf8"])
    shown = {(of["reason"], of.get("raw")) for of in all_of_them["letters"] if "raw" in of}
    assert shown == {
        (reason, (value or b"").decode()) for value, reason in POISON.items() if value != b"\xff\xfe"
    }
    some = as_json(world, "--since", "1h", "--reason", "tombstone", "--reason", "not_object")
    assert {of["reason"] for of in some["letters"]} == {"tombstone", "not_object"}
    assert lines(world, "list", "--topic", "other") == ["no dead letters"]
    assert lines(world, "list", "--since", "2100-01-01T00:00:00Z") == ["no dead letters"]

    assert f"and {len(POISON) - 2} older ones (--limit)" in lines(world, "list", "--limit", "3")
    assert_harmless("\n".join(lines(world, "list")))
    assert_harmless("\n".join(lines(world, "show", hostile)))
    rows = csv.DictReader(io.StringIO("\n".join(lines(world, "list", "--format", "csv"))))
    assert [row["key"] for row in rows if row["id"].endswith(hostile)] == ["'=1+1"]
    assert raw(world, hostile) == HOSTILE

    assert "'nonsense' is no id" in refusal(world, "show", "nonsense")
    assert "there is no dead letter" in refusal(world, "show", f"{TOPIC}:2:1")
    assert "--since must be a time" in refusal(world, "list", "--since", "yesterday")
    assert "there is no reason 'odd'" in refusal(world, "replay", "--reason", "odd")
