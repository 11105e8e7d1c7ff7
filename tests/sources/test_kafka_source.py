"""The Kafka source under what happens to logs and brokers: said in one line, or survived without a loss."""

from __future__ import annotations

import pickle
import signal
import sqlite3
import subprocess
from contextlib import closing, suppress
from itertools import islice

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from tests.flow_fixture import LETTERS, PROCESS, RUN, TOPIC, World, until
from verify.logs import read_back
from verify.oracle import Limits
from verify.troubled import GOOD, POISON, Sent, _bad, troubled
from verify.views import expected, shown
from windows.codec import read_state
from windows.plan import NEVER
from windows.take import LaneState

pytestmark = pytest.mark.slow
CHOOSING = (
    KafkaError.NOT_COORDINATOR,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
)


def committed(world: World) -> int:
    """What lag tools see: nothing yet while the broker is still choosing who keeps the group's offsets."""
    reader = Consumer({"bootstrap.servers": world.kafka.bootstrap_servers, "group.id": "gamewax-engagement"})
    try:
        places = reader.committed([TopicPartition(TOPIC, partition) for partition in range(4)], timeout=20)
    except KafkaException as refused:
        if refused.args[0].code() not in CHOOSING:
            raise
        return 0
    finally:
        reader.close()
    return sum(max(0, of.offset) for of in places)


def said(world: World, *words: str, **more: str) -> tuple[int, list[str]]:
    """Exit code and lines of a run that must end by itself."""
    ended = world.run(*(words or RUN), seconds=60, **more)
    return ended.returncode, (ended.stdout + ended.stderr).splitlines()


def good(partition: int, second: int, **other: object) -> Sent:
    """An event at a second of event time."""
    return Sent(partition, b"k", _bad(timestamp=int(str(GOOD["timestamp"])) + second * 1000, **other))


def floor_of(world: World, partition: int) -> int:
    """The floor in the last snapshot of a partition."""
    (part,) = (world.folder / "recovery" / "engagement" / "store").glob("part-*.sqlite3")
    with closing(sqlite3.connect(part)) as store:
        rows = store.execute(
            "SELECT ser_change FROM snaps WHERE step_id = 'engagement.read' AND state_key = ? "
            "ORDER BY snap_epoch DESC LIMIT 1",
            [f"{partition:05d}"],
        ).fetchall()
    return read_state(pickle.loads(rows[0][0]), LaneState, "position").floor_ms if rows else NEVER


def assert_exact(world: World) -> None:
    with world.client() as client:
        found = shown(client)
    assert found == expected(read_back(world.kafka.bootstrap_servers, TOPIC), Limits(), POISON)


def test_an_unreachable_broker_is_one_line(world: World) -> None:
    code, lines = said(world, GAMEWAX_KAFKA__BOOTSTRAP_SERVERS="127.0.0.1:9")
    assert (code, len(lines), "127.0.0.1:9 does not answer" in lines[0]) == (2, 1, True), lines


def test_a_missing_topic_is_one_line(world: World) -> None:
    world.admin.delete_topics([TOPIC])[TOPIC].result(30)
    until(lambda: TOPIC not in world.admin.list_topics(timeout=10).topics)
    code, lines = said(world)
    assert (code, len(lines), f"no topic '{TOPIC}'" in lines[0]) == (2, 1, True), lines


def test_a_missing_dead_letter_topic_is_one_line(world: World) -> None:
    world.admin.delete_topics([LETTERS])[LETTERS].result(30)
    until(lambda: LETTERS not in world.admin.list_topics(timeout=10).topics)
    code, lines = said(world)
    assert (code, len(lines), f"no topic '{LETTERS}'" in lines[0]) == (2, 1, True), lines


def test_a_wrong_clickhouse_password_is_one_line(world: World) -> None:
    code, lines = said(world, GAMEWAX_CLICKHOUSE__PASSWORD="wrong")
    assert (code, len(lines), "refuses user 'writer'" in lines[0]) == (2, 1, True), lines


def test_a_cluster_says_it_too(world: World) -> None:
    code, lines = said(world, *RUN, "--processes", "2", GAMEWAX_CLICKHOUSE__PASSWORD="wrong")
    assert (code, {"refuses user 'writer'" in line for line in lines}) == (2, {True}), lines


def test_tables_that_are_missing_are_one_line(world: World) -> None:
    code, lines = said(world, GAMEWAX_CLICKHOUSE__DATABASE="nowhere")
    assert (code, len(lines), "./gamewax migrate" in lines[0]) == (2, 1, True), lines


def test_expired_messages_stop_the_flow_with_their_number(world: World) -> None:
    world.send(*(good(0, second) for second in range(10)))
    world.drain()
    world.send(*(good(0, second) for second in range(10, 30)))
    world.admin.delete_records([TopicPartition(TOPIC, 0, 17)])[TopicPartition(TOPIC, 0)].result(30)
    code, lines = said(world)
    assert (code, len(lines), "7 messages (10 to 16) expired" in lines[0]) == (3, 1, True), lines


def test_a_topic_created_anew_stops_the_flow(world: World) -> None:
    world.send(*(good(0, second) for second in range(10)))
    world.drain()
    world.fresh_topics()
    code, lines = said(world)
    assert (code, len(lines), "is another log now" in lines[0]) == (3, 1, True), lines


def test_a_topic_created_anew_under_a_running_flow_stops_it(world: World) -> None:
    world.send(good(0, 1))
    with world.started(*RUN) as flow:
        until(lambda: world.place() == 1)
        world.fresh_topics()
        world.send(*(good(0, second) for second in range(10)))
        code, said = flow.wait(40), flow.communicate()[1]
    assert (code, len(said.splitlines())) == (3, 1), said


def test_damaged_states_stop_the_flow(world: World) -> None:
    world.send(*islice(troubled(1), 200))
    world.drain()
    (part,) = (world.folder / "recovery" / "engagement" / "store").glob("part-*.sqlite3")
    for state, words in ((pickle.dumps([]), "is not bytes"), (pickle.dumps(b"abc"), "cannot be read")):
        with closing(sqlite3.connect(part)) as store, store:
            store.execute("UPDATE snaps SET ser_change = ? WHERE step_id = 'engagement.read'", [state])
        code, lines = said(world)
        assert (code, len(lines), words in lines[0]) == (3, 1, True), lines


def test_what_a_killed_run_left_of_an_unfinished_epoch_is_forgotten(world: World) -> None:
    """Else a key that the replay does not touch in that epoch comes back from the future later."""
    world.send(*islice(troubled(1), 200))
    world.drain()
    (part,) = (world.folder / "recovery" / "engagement" / "store").glob("part-*.sqlite3")
    with closing(sqlite3.connect(part)) as store, store:
        store.execute(
            "INSERT INTO snaps (step_id, state_key, snap_epoch, ser_change) "
            "SELECT 'engagement.window.fold', 'left', max(worker_frontier), ? FROM fronts",
            [pickle.dumps(b"of a later epoch")],
        )
    for seed in (2, 3):
        world.send(*islice(troubled(seed), 200))
        world.drain()
    assert world.place() == 600


def test_a_damaged_store_stops_the_flow(world: World) -> None:
    world.send(*islice(troubled(1), 200))
    world.drain()
    (part,) = (world.folder / "recovery" / "engagement" / "store").glob("part-*.sqlite3")
    whole = part.read_bytes()
    part.write_bytes(whole[: len(whole) // 2])
    code, lines = said(world)
    assert (code, len(lines), "is damaged" in lines[0]) == (3, 1, True), lines


def test_a_second_instance_is_refused(world: World) -> None:
    world.send(good(0, 1))
    with world.started(*RUN):
        until(lambda: world.place() == 1)
        ended = world.run(*PROCESS, seconds=20)
    assert (ended.returncode, "is in use by process" in ended.stderr) == (2, True), ended.stderr


def test_lag_tools_see_where_the_flow_stands_and_a_stop_leaves_nothing_to_replay(world: World) -> None:
    world.send(*islice(troubled(2), 5_000))
    with world.started(*PROCESS, GAMEWAX_RECOVERY__EPOCH_S="0.3") as flow:
        until(lambda: committed(world) > 0)
        world.send(*islice(troubled(3), 5_000))
        until(lambda: world.place() > 5_000)
        flow.send_signal(signal.SIGTERM)
        assert flow.wait(30) == 0
    stood = committed(world)
    assert world.place() == stood  # what was shown is what was saved: nothing is read again
    world.drain()
    assert (committed(world), world.place()) == (10_000, 10_000)
    assert_exact(world)


def test_marks_of_transactions_and_open_ones_do_not_hold_a_drain(world: World) -> None:
    options = {"bootstrap.servers": world.kafka.bootstrap_servers, "transactional.id": "t"}
    producer = Producer({**options, "log_level": 0})
    producer.init_transactions(20)
    for begin in range(0, 30, 10):
        producer.begin_transaction()
        for second in range(begin, begin + 10):
            producer.produce(TOPIC, good(0, second).value, b"k", 0)
        if begin == 10:
            producer.abort_transaction(20)
        elif begin == 0:
            producer.commit_transaction(20)
        else:
            producer.flush(20)
            world.drain()
            producer.commit_transaction(20)
    world.drain()
    assert_exact(world)
    assert world.ask("SELECT read FROM accounting WHERE window_seconds = 10 AND partition = 0") == [(20,)]


@pytest.mark.parametrize("words", [PROCESS, (*RUN, "--processes", "2")], ids=["alone", "cluster"])
def test_added_partitions_are_read_from_their_beginning_by_the_same_process(
    world: World, words: tuple[str, ...]
) -> None:
    world.send(*islice(troubled(4), 2_000))
    with world.started(*words) as flow:
        until(lambda: world.place() == 2_000)
        world.add_partitions(8)
        world.send(*islice(troubled(5, partitions=8), 2_000))
        until(lambda: world.place() == 4_000, 60)
        flow.send_signal(signal.SIGTERM)
        assert (flow.wait(30), "again" in flow.communicate()[1]) == (0, False)
    world.drain()
    assert world.place() == 4_000
    folded = "SELECT sum(aggregated + late + dead + duplicates), sum(read) FROM accounting"
    assert world.ask(folded) == [(8_000, 8_000)]


def test_clickhouse_may_be_away_for_a_while(world: World) -> None:
    world.send(*islice(troubled(6), 2_000))
    with world.started(*RUN) as flow:
        until(lambda: world.place() == 2_000)
        world.clickhouse.kill()
        world.send(*islice(troubled(7), 2_000))
        until(lambda: committed(world) >= 2_000)
        world.clickhouse.start()
        until(lambda: world.place() == 4_000)
        assert flow.poll() is None
    assert_exact(world)


@pytest.mark.parametrize("killed", [False, True])
def test_a_silent_partition_holds_no_window_and_what_it_sends_late_is_told(
    world: World, *, killed: bool
) -> None:
    """Verdicts follow from snapshot and log, so a kill and a replay give the same ones."""
    world.given |= {
        "GAMEWAX_WINDOWS__ALLOWED_LATENESS_S": "0",
        "GAMEWAX_WINDOWS__IDLE_AFTER_S": "1",
        "GAMEWAX_RECOVERY__EPOCH_S": "1",
    }
    late = "SELECT window_seconds, partition, offset, reason FROM late_events ORDER BY window_seconds"
    world.send(*(good(partition, 5) for partition in range(4)))
    with world.started(*PROCESS) as flow:
        until(lambda: world.place() == 4)
        world.send(*(good(partition, 100) for partition in range(3)))
        until(lambda: floor_of(world, 3) > 0)
        world.send(good(3, 6), good(3, 101))
        until(lambda: world.ask(late))
        flow.send_signal(signal.SIGKILL if killed else signal.SIGTERM)
        flow.wait(30)
    world.drain()
    assert (world.ask(late), world.place()) == ([(10, 3, 1, "idle"), (60, 3, 1, "idle")], 9)


def test_a_drain_ends_beside_empty_partitions_and_slower_ones(world: World) -> None:
    """A partition far ahead waits for others only while they have something to read."""
    world.send(*(good(1, second // 100) for second in range(30_000)), good(2, 0), good(2, 200))
    world.drain()
    assert_exact(world)


def test_a_stop_while_clickhouse_is_away_ends_in_time_and_loses_nothing(world: World) -> None:
    world.send(*islice(troubled(8), 2_000))
    with world.started(*RUN) as flow:
        until(lambda: world.place() == 2_000)
        world.clickhouse.kill()
        world.send(*islice(troubled(9), 2_000))
        until(lambda: committed(world) >= 2_000)
        flow.send_signal(signal.SIGTERM)
        flow.wait(45)
        world.clickhouse.start()
    world.drain()
    assert_exact(world)


@pytest.mark.parametrize("after_s", [0.1, 0.6, 1.2, 2.0])
def test_a_stop_during_start_is_a_stop(world: World, after_s: float) -> None:
    world.send(*islice(troubled(10), 2_000))
    with world.started(*RUN) as flow:
        with suppress(subprocess.TimeoutExpired):
            flow.wait(after_s)
        flow.send_signal(signal.SIGTERM)
        assert flow.wait(30) in {0, -signal.SIGTERM}
        assert "Traceback" not in flow.communicate()[1]
    world.drain()
    assert_exact(world)
