"""No gap is silent: what is missing is told by partition, noted, and gone behind only when asked."""

from __future__ import annotations

import pickle
import signal
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from itertools import islice

import msgspec
import pytest
from confluent_kafka import TopicPartition

from tests.flow_fixture import PROCESS, RUN, TOPIC, World, until
from verify.logs import ends
from verify.troubled import GOOD, Sent, _bad, troubled
from windows.codec import packed_state, read_state
from windows.take import LaneState

pytestmark = pytest.mark.slow
GAPS = "SELECT partition, kind, first_offset, last_offset, messages, answer FROM data_gaps ORDER BY ALL"
IDENTITY = (
    "SELECT sum(read), sum(aggregated + late + dead + duplicates) FROM accounting WHERE window_seconds = 10"
)
HELP = "./gamewax run engagement --on-gap=earliest (or latest); or count anew: ./gamewax recover engagement"


def good(partition: int, second: int, **other: object) -> Sent:
    return Sent(partition, b"k", _bad(timestamp=int(str(GOOD["timestamp"])) + second * 1000, **other))


def stops(world: World, *words: str) -> str:
    """A run that must end with 3; gives what it says."""
    ended = world.run(*RUN, *words)
    assert ended.returncode == 3, ended.stderr
    (line,) = set(ended.stderr.splitlines())
    assert line.endswith(HELP), line
    return line


def goes_on(world: World, answer: str) -> None:
    ended = world.run(*RUN, "--drain", f"--on-gap={answer}")
    assert (ended.returncode, ended.stderr.count("going on behind a gap")) == (0, 1), ended.stderr


def delete_before(world: World, *places: tuple[int, int]) -> None:
    asked = [TopicPartition(TOPIC, partition, offset) for partition, offset in places]
    for done in world.admin.delete_records(asked).values():
        done.result(30)


def counted(world: World) -> int:
    """Events in all windows of 10 s, after the books were found to be exact."""
    (books,) = world.ask(IDENTITY)
    assert books[0] == books[1]
    return int(str(world.ask("SELECT sum(events) FROM engagement WHERE window_seconds = 10")[0][0]))


def expire(world: World) -> None:
    """Ten read in each of two partitions; then twenty more, of which 7 and 3 expire."""
    world.send(*(good(partition, second) for partition in (0, 2) for second in range(10)))
    world.drain()
    world.send(*(good(partition, second) for partition in (0, 1, 2) for second in range(10, 30)))
    delete_before(world, (0, 17), (2, 13))


def expired(answer: str) -> Sequence[tuple[object, ...]]:
    return [(0, "expired", 10, 16, 7, answer), (2, "expired", 10, 12, 3, answer)]


@pytest.mark.parametrize("words", [(), ("--processes", "2")], ids=["alone", "cluster"])
def test_expired_messages_are_told_of_all_partitions_and_gone_behind_once(
    world: World, words: tuple[str, ...]
) -> None:
    expire(world)
    said = [stops(world, *words) for _ in range(2)][-1]
    assert f"{TOPIC}/0: 7 messages (10 to 16) expired" in said
    assert f"{TOPIC}/2: 3 messages (10 to 12) expired" in said
    assert world.ask(GAPS) == expired("stop")
    goes_on(world, "earliest")
    assert (world.ask(GAPS), counted(world)) == (expired("earliest"), 80 - 10)
    world.drain()
    world.send(*(good(0, 40) for _ in range(5)))
    delete_before(world, (0, 32))
    assert "2 messages (30 to 31) expired" in stops(world)


def test_latest_leaves_out_all_that_the_log_holds_and_no_copy_of_it_is_a_duplicate(world: World) -> None:
    world.send(*(good(0, second, event_id=f"read{second}") for second in range(10)))
    world.drain()
    world.send(*(good(0, second, event_id=f"out{second}") for second in range(10, 30)))
    delete_before(world, (0, 5))
    world.drain()
    world.send(*(good(0, second, event_id=f"out{second}") for second in range(30, 50)))
    delete_before(world, (0, 35))
    goes_on(world, "latest")
    assert world.ask(GAPS) == [(0, "expired", 30, 34, 5, "latest"), (0, "skipped", 35, 49, 15, "latest")]
    copies = [good(0, second, event_id=f"out{second}") for second in range(30, 50)]
    world.send(*copies, *copies[:3])
    world.drain()
    assert counted(world) == 30 + 20
    (books,) = world.ask("SELECT duplicates FROM accounting WHERE window_seconds = 10 AND partition = 0")
    assert books == (3,)


def test_a_topic_created_anew_is_another_log_with_books_of_its_own(world: World) -> None:
    world.given |= {"GAMEWAX_WINDOWS__ALLOWED_LATENESS_S": "0"}
    world.send(*(good(partition, second) for partition in range(4) for second in range(40)))
    world.drain()
    world.fresh_topics(2)
    world.send(*(good(partition, second) for partition in range(2) for second in range(30, 60)))
    assert "is another log now" in stops(world)
    rows = [(number, "recreated", 40, None, None) for number in range(4)]
    assert world.ask(GAPS) == [(*row, "stop") for row in rows]
    goes_on(world, "earliest")
    assert world.ask(GAPS) == [(*row, "earliest") for row in rows]
    books = "SELECT uniqExact(log), count(), sum(read), max(read) FROM accounting WHERE window_seconds = 10"
    assert world.ask(books) == [(2, 6, 4 * 40 + 2 * 30, 40)]
    assert counted(world) + late(world) == 4 * 40 + 2 * 30
    world.send(*(good(partition, second) for partition in range(2) for second in range(60, 90)))
    world.drain()
    world.drain()
    assert counted(world) + late(world) == 4 * 40 + 2 * 60
    world.add_partitions(4)
    world.send(*(good(partition, second) for partition in range(4) for second in range(90, 100)))
    world.drain()
    world.drain()
    assert counted(world) + late(world) == 4 * 40 + 2 * 60 + 4 * 10


def late(world: World) -> int:
    return int(str(world.ask("SELECT count() FROM late_events WHERE window_seconds = 10")[0][0]))


def move_on(world: World, partition: int, offset: int) -> None:
    """Let a saved state stand at an offset, as if what lies before it had been read."""
    (part,) = (world.folder / "recovery" / "engagement" / "store").glob("part-*.sqlite3")
    with closing(sqlite3.connect(part)) as store, store:
        asked = "SELECT snap_epoch, ser_change FROM snaps WHERE step_id = ? AND state_key = ? ORDER BY 1 DESC"
        epoch, packed = store.execute(asked, ["engagement.read", f"{partition:05d}"]).fetchone()
        state = read_state(pickle.loads(packed), LaneState, "position")
        moved = pickle.dumps(packed_state(msgspec.structs.replace(state, next_offset=offset)))
        store.execute(
            "UPDATE snaps SET ser_change = ? WHERE step_id = ? AND state_key = ? AND snap_epoch = ?",
            [moved, "engagement.read", f"{partition:05d}", epoch],
        )


def test_a_log_that_ends_before_the_saved_offset_stops_the_flow_and_is_read_on_from_its_end(
    world: World,
) -> None:
    world.send(*(good(0, second) for second in range(20)))
    world.drain()
    move_on(world, 0, 30)
    assert f"{TOPIC}/0: 10 messages (20 to 29) were read and are gone" in stops(world)
    assert world.ask(GAPS) == [(0, "cut", 20, 29, 10, "stop")]
    goes_on(world, "earliest")
    world.send(*(good(0, second) for second in range(30, 35)))
    world.drain()
    assert counted(world) == 20 + 5
    assert world.ask("SELECT next_offset, read FROM accounting WHERE partition = 0") == [(25, 25)] * 2
    assert world.ask(GAPS) == [(0, "cut", 20, 29, 10, "earliest")]


def test_a_reader_that_retention_overtakes_saves_what_it_read_and_tells_the_rest(world: World) -> None:
    """It stands still while its messages are deleted; what it had read is in the books."""
    world.send(*islice(troubled(3), 400))
    with world.started(*PROCESS) as flow:
        until(lambda: world.place() == 400)
        flow.send_signal(signal.SIGSTOP)
        world.send(*islice(troubled(4), 4_000))
        held = ends(world.kafka.bootstrap_servers, TOPIC)
        delete_before(world, *((number, end - 10) for number, (_, end) in held.items()))
        flow.send_signal(signal.SIGCONT)
        code, said = flow.wait(60), flow.communicate()[1]
    assert (code, len(said.splitlines()), said.count("expired before they were read")) == (3, 1, 4), said
    gaps = world.ask("SELECT sum(messages), count(), max(answer) FROM data_gaps")
    goes_on(world, "earliest")
    read = int(str(world.ask("SELECT sum(read) FROM accounting WHERE window_seconds = 10")[0][0]))
    assert (gaps[0][1:], read + int(str(gaps[0][0]))) == ((4, "stop"), 4_400)
    assert counted(world) > 0


def test_a_topic_filled_anew_under_a_slow_reader_is_not_read_on_at_the_old_offset(world: World) -> None:
    """Kafka's client does not notice, so each snapshot asks."""
    world.send(*(good(0, second) for second in range(10)))
    with world.started(*PROCESS) as flow:
        until(lambda: world.place() == 10)
        flow.send_signal(signal.SIGSTOP)
        world.fresh_topics()
        world.send(*(good(0, second) for second in range(10, 35)))
        flow.send_signal(signal.SIGCONT)
        code, said = flow.wait(60), flow.communicate()[1]
    assert (code, len(said.splitlines()), "is another log now" in said) == (3, 1, True), said
    goes_on(world, "earliest")
    books = "SELECT read FROM accounting WHERE window_seconds = 10 AND read > 0 ORDER BY read"
    assert world.ask(books) == [(10,), (25,)]


def test_new_partitions_are_read_within_30_s_also_while_all_are_silent(world: World) -> None:
    world.given |= {"GAMEWAX_WINDOWS__IDLE_AFTER_S": "1"}
    world.send(*(good(partition, 5) for partition in range(4)))
    with world.started(*RUN):
        until(lambda: world.place() == 4)
        world.add_partitions(6)
        begun = time.monotonic()
        world.send(good(4, 10), good(5, 10))
        until(lambda: world.place() == 6)
        took_s = time.monotonic() - begun
    print(f"new partitions were read after {took_s:.1f} s")
    assert took_s < 30
    world.add_partitions(7)
    world.send(good(6, 11))
    world.drain()
    assert (world.place(), counted(world)) == (7, 7)
