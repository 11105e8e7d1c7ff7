import gzip
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
import zstandard
from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from cli.topics import wait_known
from simulator.plan import Plan
from simulator.run import Run, Stop
from simulator.trouble import trouble
from tests.simulator.reading import ms

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
TOPICS = ("player-events", "purchase-events", "server-metrics")
Start = Callable[..., "subprocess.Popen[bytes]"]
Place = tuple[str, int]


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
def topics(kafka: str, kafka_admin: AdminClient) -> tuple[str, ...]:
    known = kafka_admin.list_topics(timeout=10).topics
    missing = [name for name in TOPICS if name not in known]
    for made in (
        kafka_admin.create_topics([NewTopic(name, 4, 1) for name in missing]).values() if missing else ()
    ):
        made.result(30)
    wait_known(kafka_admin, missing)
    while not has_leaders(kafka):
        pass
    return TOPICS


def has_leaders(kafka: str) -> bool:
    try:
        return len(end_offsets(kafka)) > 0
    except KafkaException:
        return False


def end_offsets(kafka: str) -> dict[Place, int]:
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": "ends"})
    ends = {
        (topic, part): consumer.get_watermark_offsets(TopicPartition(topic, part), timeout=10)[1]
        for topic in TOPICS
        for part in range(4)
    }
    consumer.close()
    return ends


def read(
    kafka: str, begin: dict[Place, int], count: int
) -> list[tuple[str | None, bytes | None, bytes | None]]:
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": "reads"})
    consumer.assign([TopicPartition(topic, part, offset) for (topic, part), offset in begin.items()])
    found = [(one.topic(), one.key(), one.value()) for one in consumer.consume(count, timeout=20)]
    consumer.close()
    return found


def test_printed_lines_depend_on_the_arguments_alone(start: Start) -> None:
    words = ("--print", "--events", "3000", "--seed", "9", "--trouble", "late,duplicate")
    first, second = start(*words), start(*words)
    lines, said = first.communicate(timeout=60)
    assert (first.returncode, second.communicate(timeout=60)[0]) == (0, lines)
    assert len([json.loads(line) for line in lines.splitlines()]) == 3000
    assert [line.partition(b":")[0].decode() for line in said.splitlines()[:3]] == [*TOPICS]
    assert said.splitlines()[-1].startswith(b"3,000 messages in ")


def test_one_topic_can_be_printed_alone(start: Start) -> None:
    process = start("--print", "--events", "300", "--topic", "purchase-events", "--trouble", "none")
    lines = process.communicate(timeout=60)[0].splitlines()
    assert ["price" in json.loads(line) for line in lines] == [True] * 300


@pytest.mark.parametrize("end", ["", ".gz", ".zst"])
def test_files_hold_a_topic_each_and_the_truth_is_beside_them(start: Start, tmp_path: Path, end: str) -> None:
    to, truth = tmp_path / f"day.ndjson{end}", tmp_path / f"truth.jsonl{end}"
    words = ("--events", "4000", "--seed", "3", "--trouble", "all", "--to", str(to), "--truth", str(truth))
    process = start(*words)
    said, told = process.communicate(timeout=60)
    assert (process.returncode, told) == (0, b"")
    paths = [tmp_path / f"day.{topic}.ndjson{end}" for topic in TOPICS]
    assert sorted(tmp_path.iterdir()) == sorted([*paths, truth])
    assert said.decode().splitlines()[-1].endswith(f"; written to {', '.join(map(str, paths))}")
    facts = [json.loads(line) for line in unpacked(truth).splitlines()]
    counts = {fact["topic"]: fact["read"] for fact in facts if fact["fact"] == "messages"}
    assert counts == {
        topic: len(unpacked(path).splitlines()) for topic, path in zip(TOPICS, paths, strict=True)
    }
    assert sum(counts.values()) == 4000


def unpacked(path: Path) -> bytes:
    packed = path.read_bytes()
    if path.suffix == ".zst":
        return zstandard.ZstdDecompressor().decompressobj().decompress(packed)
    return gzip.decompress(packed) if path.suffix == ".gz" else packed


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
    process = start("--print", "--rate", "200", "--trouble", "none", "--topic", "player-events")
    assert process.stdout is not None
    first = process.stdout.readline()
    process.send_signal(number)
    lines = (first + process.stdout.read()).splitlines()
    said = process.communicate(timeout=30)[1]
    assert [json.loads(line)["player_id"][:7] for line in lines] == ["player_"] * len(lines)
    assert process.returncode == 0
    assert said.splitlines()[-1].startswith(f"{len(lines)} messages in ".encode())


def test_messages_reach_kafka_whole_in_order_under_their_key(
    start: Start, kafka: str, topics: tuple[str, ...], tmp_path: Path
) -> None:
    before = end_offsets(kafka)
    words = ("--events", "5000", "--seed", "4", "--start", "2026-03-01T10:00:00+02:00", "--trouble", "all")
    process = start(*words, GAMEWAX_KAFKA__BOOTSTRAP_SERVERS=kafka)
    said, told = process.communicate(timeout=60)
    assert (process.returncode, told) == (0, b"")
    assert said.decode().splitlines()[-1].endswith(" a second; Kafka has 5,000")
    plan = Plan(4, ms("2026-03-01T10:00:00+02:00"), 1000, trouble=trouble("all"))
    sent = {topic: list[tuple[bytes, bytes | None]]() for topic in topics}
    for block in Run(plan, 5000, live=False).blocks(Stop()):
        for batch in block:
            sent[batch.topic] += zip(batch.keys, batch.values, strict=True)
    found = read(kafka, before, 5000)
    assert len(found) == 5000
    for topic in topics:
        assert by_key((key, value) for name, key, value in found if name == topic) == by_key(sent[topic])


def by_key(messages: Iterable[tuple[bytes | None, bytes | None]]) -> dict[bytes | None, list[bytes | None]]:
    """Values in order, by key."""
    found: dict[bytes | None, list[bytes | None]] = {}
    for key, value in messages:
        found.setdefault(key, []).append(value)
    return found


def test_ctrl_c_leaves_everything_that_was_counted_in_kafka(
    start: Start, kafka: str, topics: tuple[str, ...]
) -> None:
    before = sum(end_offsets(kafka).values())
    process = start("--rate", "2000", GAMEWAX_KAFKA__BOOTSTRAP_SERVERS=kafka)
    while sum(end_offsets(kafka).values()) == before:
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    said, told = process.communicate(timeout=30)
    assert (process.returncode, told) == (0, b"")
    written = sum(end_offsets(kafka).values()) - before
    assert said.decode().splitlines()[-1].startswith(f"{written:,} messages in ")
    assert said.decode().endswith(f"; Kafka has {written:,}\n")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--trouble", "late=0.9,malformed=0.9"), "add up to more than 1"),
        (("--topic", "players"), "--topic knows player-events, purchase-events, server-metrics, not players"),
        (("--print", "--to", "a.ndjson"), "--print and --to exclude each other"),
        (("--to", "a.csv"), "a.csv: the name must end with .ndjson or .jsonl"),
        (("--to", "no/such/a.ndjson"), "cannot write no/such/a.ndjson: there is no folder no/such"),
        (("--truth", "truth.json"), "truth.json: the name must end with"),
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
