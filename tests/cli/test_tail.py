"""`./gamewax tail` on a real topic."""

from __future__ import annotations

import signal

import pytest

from tests.flow_fixture import TOPIC, World
from verify.troubled import Sent, _bad

pytestmark = pytest.mark.slow

TAIL = ("-m", "cli", "tail")


def tail(world: World, *words: str) -> list[str]:
    ended = world.run(*TAIL, TOPIC, *words)
    assert (ended.returncode, ended.stderr) == (0, ""), ended
    return ended.stdout.splitlines()


def test_messages_are_shown_with_their_verdict(world: World) -> None:
    good = _bad(player_id="p7")
    world.send(
        Sent(1, b"a", good),
        Sent(1, None, b"\x1b[31m\xff"),
        Sent(1, b"a", None),
        Sent(2, b"b\n", _bad(map_id=...)),
    )
    shown = [
        line.split(" ", 1)[1] for line in tail(world, "--from-beginning", "--partition", "1", "--count", "3")
    ]
    assert shown == [
        f"1:0 a ok {good.decode()}",
        "1:1 - not_utf8: the value is not UTF-8 \\x1b[31m\\xff",
        "1:2 a tombstone: the message has no value (no value)",
    ]
    (line,) = tail(world, "--from-beginning", "--key", "b\n", "--count", "1")
    assert " 2:0 b\\n field_missing: map_id is required" in line


def test_what_cannot_be_shown_is_one_line(world: World) -> None:
    for words, told in (
        (("nosuch",), "has no topic 'nosuch'"),
        ((TOPIC, "--partition", "4"), f"{TOPIC} has 4 partitions, 0 to 3"),
    ):
        ended = world.run(*TAIL, *words)
        assert (ended.returncode, told in ended.stderr, len(ended.stderr.splitlines())) == (2, True, 1), ended


def test_it_follows_what_comes_and_ends_at_ctrl_c(world: World) -> None:
    """Messages before the start are not shown; that it reads is known when the first later one is."""
    world.send(Sent(0, b"k", b"early"))
    with world.started(*TAIL, TOPIC, "--from-beginning", "--raw") as reading:
        assert reading.stdout is not None
        assert reading.stdout.readline() == "early\n"
        world.send(Sent(3, b"k", b"later"))
        assert reading.stdout.readline() == "later\n"
        reading.send_signal(signal.SIGINT)
        assert (reading.wait(20), reading.communicate()[1]) == (0, "")
