import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from cli.topics import wait_known

ROOT = Path(__file__).resolve().parents[2]
COMMAND = (
    "import sys, typer\n"
    "from cli.simulate import simulate\n"
    "from topics.errors import GamewaxError\n"
    "app = typer.Typer()\n"
    "app.command()(simulate)\n"
    "try:\n    app()\n"
    "except GamewaxError as error:\n    sys.stderr.write(f'{error}\\n')\n    sys.exit(error.exit_code)\n"
)
TOPIC = "player-events"
Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start() -> Iterator[Start]:
    running: list[subprocess.Popen[bytes]] = []

    def begin(*words: str, **environment: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, *words],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        running.append(process)
        return process

    yield begin
    for process in running:
        process.kill()
        process.communicate()


@pytest.fixture(scope="session")
def player_events(kafka: str, kafka_admin: AdminClient) -> str:
    if TOPIC not in kafka_admin.list_topics(timeout=10).topics:
        kafka_admin.create_topics([NewTopic(TOPIC, 4, 1)])[TOPIC].result(30)
        wait_known(kafka_admin, [TOPIC])
    while not has_leaders(kafka):
        pass
    return TOPIC


def has_leaders(kafka: str) -> bool:
    try:
        return len(end_offsets(kafka)) > 0
    except KafkaException:
        return False


def end_offsets(kafka: str) -> dict[int, int]:
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": "ends"})
    ends = {
        part: consumer.get_watermark_offsets(TopicPartition(TOPIC, part), timeout=10)[1] for part in range(4)
    }
    consumer.close()
    return ends


def read(kafka: str, begin: dict[int, int], count: int) -> list[tuple[bytes | None, bytes | None]]:
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": "reads"})
    consumer.assign([TopicPartition(TOPIC, part, offset) for part, offset in begin.items()])
    found = [(one.key(), one.value()) for one in consumer.consume(count, timeout=20)]
    consumer.close()
    return found


def test_printed_lines_depend_on_the_arguments_alone(start: Start) -> None:
    words = ("--print", "--events", "3000", "--seed", "9", "--malformed", "0")
    first, second = start(*words), start(*words)
    lines, said = first.communicate(timeout=60)
    assert (first.returncode, second.communicate(timeout=60)[0]) == (0, lines)
    assert len(lines.splitlines()) == 3000
    assert json.loads(lines.splitlines()[0])["event_type"] == "session_start"
    assert said.startswith(b"3,000 messages: ")


def test_a_reader_that_leaves_ends_it_quietly(start: Start) -> None:
    process = start("--print", "--events", "1000000")
    assert process.stdout is not None
    assert process.stdout.readline()
    process.stdout.close()
    assert process.wait(60) == 0
    assert process.stderr is not None
    assert b"Traceback" not in process.stderr.read()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_a_paced_print_after_a_whole_line(start: Start, number: int) -> None:
    process = start("--print", "--rate", "200", "--malformed", "0")
    assert process.stdout is not None
    first = process.stdout.readline()
    process.send_signal(number)
    rest, said = process.communicate(timeout=30)
    lines = (first + rest).splitlines()
    assert [json.loads(line)["player_id"][:7] for line in lines] == ["player_"] * len(lines)
    assert process.returncode == 0
    assert said.startswith(f"{len(lines)} messages: ".encode())


def test_events_reach_kafka_whole_under_the_players_key(start: Start, kafka: str, player_events: str) -> None:
    before = end_offsets(kafka)
    words = ("--events", "5000", "--seed", "4", "--malformed", "0.01")
    process = start(*words, GAMEWAX_KAFKA__BOOTSTRAP_SERVERS=kafka)
    said, told = process.communicate(timeout=60)
    assert (process.returncode, told) == (0, b"")
    assert said.decode().endswith("; Kafka has 5,000\n")
    assert sum(end_offsets(kafka).values()) - sum(before.values()) == 5000
    found = read(kafka, before, 5000)
    assert len(found) == 5000
    good = [
        (key, json.loads(value))
        for key, value in found
        if value and value.endswith(b'"}') and b"event_id" in value
    ]
    assert len(good) > 4900
    assert [key for key, event in good if key is None or key.decode() != event["player_id"]] == []


def test_ctrl_c_leaves_everything_that_was_counted_in_kafka(
    start: Start, kafka: str, player_events: str
) -> None:
    before = sum(end_offsets(kafka).values())
    process = start("--rate", "2000", GAMEWAX_KAFKA__BOOTSTRAP_SERVERS=kafka)
    while sum(end_offsets(kafka).values()) == before:
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    said, told = process.communicate(timeout=30)
    assert (process.returncode, told) == (0, b"")
    written = sum(end_offsets(kafka).values()) - before
    assert said.decode().startswith(f"{written:,} messages: ")
    assert said.decode().endswith(f"; Kafka has {written:,}\n")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--late", "0.9", "--malformed", "0.9"), "add up to more than 1"),
        (("--print", "--start", "yesterday"), "--start must be a time like"),
        (("--print", "--start", "2026-01-01T00:00:00"), "needs an offset"),
        ((), "Kafka does not answer at 127.0.0.1:1: check GAMEWAX_KAFKA__BOOTSTRAP_SERVERS"),
    ],
)
def test_what_a_user_got_wrong_is_one_line(start: Start, words: tuple[str, ...], line: str) -> None:
    process = start(*words, GAMEWAX_KAFKA__BOOTSTRAP_SERVERS="127.0.0.1:1")
    _, told = process.communicate(timeout=60)
    assert process.returncode == 2
    assert line in told.decode()
    assert told.count(b"\n") == 1
