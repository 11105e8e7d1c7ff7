"""`./gamewax deadletters list|show`: what was no event is told exactly, and shown without doing harm."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import pytest

from cli.letters import Letters
from cli.letters_wanted import Wanted, known_reasons, since
from sinks.clickhouse_insert import block, insert
from tests.flow_fixture import ROOT, TOPIC, World
from topics.dead_letters import DeadLetter
from topics.errors import BadInput
from verify.troubled import POISON, Sent
from windows.ledger import dead_letter_rows

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
    assert f"and {len(POISON) - 2} older ones (--limit)" in lines(world, "list", "--limit", "3")
    assert_harmless("\n".join(lines(world, "list")))
    assert_harmless("\n".join(lines(world, "show", hostile)))
    rows = csv.DictReader(io.StringIO("\n".join(lines(world, "list", "--format", "csv"))))
    assert [row["key"] for row in rows if row["id"].endswith(hostile)] == ["'=1+1"]
    assert raw(world, hostile) == HOSTILE

    assert "there is no dead letter" in refusal(world, "show", f"{TOPIC}:2:1")


def test_letters_are_chosen_by_reason_time_topic_and_id(world: World) -> None:
    letters = [
        DeadLetter(reason, "", "", log, topic, 1, offset, b"", b"", 1_000 * offset)
        for offset, (reason, topic, log) in enumerate(
            [("not_json", "a", "0000000a"), ("tombstone", "a", "0000000a"), ("not_json", "b.c", "0000000b")],
            1,
        )
    ]
    again = replace(letters[0], log="0000000c")
    with world.client() as client:
        insert(client, block(dead_letter_rows([*letters, again])))
        asked = Letters(client, world.server)
        found = {
            wanted: [letter.dead.id for letter in asked.newest(wanted, 10)]
            for wanted in (
                Wanted(reasons=("tombstone", "oversize")),
                Wanted(since_ms=2_000),
                Wanted(topic="b.c"),
                Wanted(ids=("a:1:1", "0000000b:b.c:1:3")),
                Wanted(ids=("0000000c:a:1:1",), reasons=("not_json",), topic="a", since_ms=1_000),
                Wanted(ids=("0000000c:a:1:1",), reasons=("tombstone",)),
            )
        }
    assert list(found.values()) == [
        ["0000000a:a:1:2"],
        ["0000000b:b.c:1:3", "0000000a:a:1:2"],
        ["0000000b:b.c:1:3"],
        ["0000000b:b.c:1:3", "0000000a:a:1:1", "0000000c:a:1:1"],
        ["0000000c:a:1:1"],
        [],
    ]


@pytest.mark.parametrize(
    ("text", "ms"),
    [("", None), ("30s", 970_000), ("10m", 400_000), ("1970-01-01T00:00:01+00:00", 1_000), ("0h", 1_000_000)],
)
def test_since_is_a_time_or_a_span(text: str, ms: int | None) -> None:
    assert since(text, 1_000_000) == ms


def test_what_names_nothing_is_refused_with_what_does() -> None:
    with pytest.raises(BadInput, match="--since must be a time like"):
        since("yesterday", 0)
    with pytest.raises(BadInput, match="there is no reason 'odd'; there are: tombstone"):
        known_reasons(["odd"])
    with pytest.raises(BadInput, match="'a;b' is no id of a dead letter"):
        Wanted(ids=("a;b",)).where()
