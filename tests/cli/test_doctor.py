"""`gamewax doctor` against a real Kafka and ClickHouse, with services away, and with secrets planted."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

import settings
from cli.doctor_clickhouse import look_at_clickhouse
from cli.doctor_folders import look_at_recovery
from cli.doctor_kafka import look_at_broker, look_at_kafka, look_at_topic
from cli.doctor_lines import Line, Mark, Running, bad, hide, ok
from cli.doctor_machine import packages
from cli.doctor_settings import look_at_settings
from cli.topics import create_topics, wait_known
from embedded.process import ROOT, free_port
from flows.store import Store
from sinks.migrations import migrate
from tests.clickhouse_fixture import READER, WRITER, RunningClickHouse
from tests.flow_fixture import until
from topics.registry import TOPICS

PLANTED = ("canary-one", "canary two", "canary'3", "canary-four", "canary-five")


def marks(lines: Iterable[Line]) -> dict[str, str]:
    return {line.subject: str(line.mark) for line in lines}


def kafka_at(address: str) -> settings.Settings:
    return settings.Settings(kafka=settings.Kafka(bootstrap_servers=address))


def clickhouse_at(running: RunningClickHouse, **more: object) -> settings.Settings:
    given = {"url": running.url, "database": running.database, "user": WRITER[0], "password": WRITER[1]}
    reader = {"reader_user": READER[0], "reader_password": READER[1]}
    return settings.Settings(clickhouse=settings.ClickHouse.model_validate(given | reader | more))


def doctor(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cli", "doctor", *words],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def deaf() -> Iterator[int]:
    """A port that accepts connections and never says a word."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_services_that_are_away_or_never_answer_are_bad_lines_and_exit_code_2(
    tmp_path: Path, deaf: int
) -> None:
    away = {
        "GAMEWAX_KAFKA__BOOTSTRAP_SERVERS": f"127.0.0.1:{free_port()}",
        "GAMEWAX_CLICKHOUSE__URL": f"http://127.0.0.1:{deaf}",
        "GAMEWAX_RECOVERY__DIR": str(tmp_path / "recovery"),
    }
    ended = doctor("--data", str(tmp_path), **away)
    told = ended.stdout.splitlines()
    assert (ended.returncode, ended.stderr) == (2, "")
    assert told[-1].startswith("BAD 2: kafka, clickhouse")
    assert any("./gamewax services start --detach" in line for line in told)


def test_no_planted_secret_is_printed_wherever_it_is(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(f"{PLANTED[1]}\n")
    options = {
        "security.protocol": "sasl_plaintext",
        "sasl.mechanism": "PLAIN",
        "sasl.username": "someone",
        "sasl.password": PLANTED[0],
        "ssl.key.password": PLANTED[3],
        "client.id": PLANTED[0],
    }
    planted = {
        "GAMEWAX_KAFKA__BOOTSTRAP_SERVERS": f"127.0.0.1:{free_port()}",
        "GAMEWAX_KAFKA__OPTIONS": json.dumps(options),
        "GAMEWAX_CLICKHOUSE__URL": f"http://someone:{PLANTED[4]}@127.0.0.1:{free_port()}",
        "GAMEWAX_CLICKHOUSE__PASSWORD_FILE": str(secret),
        "GAMEWAX_CLICKHOUSE__READER_PASSWORD": PLANTED[2],
        "GAMEWAX_CLICKHOUS__PASSWORD": PLANTED[3],
    }
    ended = doctor("--data", str(tmp_path), **planted)
    printed = ended.stdout + ended.stderr
    assert [one for one in PLANTED if one in printed] == []
    assert ended.returncode == 2
    assert '"sasl.username": "someone", "sasl.password": "(hidden)"' in printed
    assert "did you mean GAMEWAX_CLICKHOUSE__PASSWORD?" in printed


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("GAMEWAX_KAFKA__OPTIONS", '{"sasl.password": "canary', "must be JSON"),
        ("GAMEWAX_KAFKA__OPTIONS", '{"sasl.password": ["canary"]}', "setting GAMEWAX_KAFKA__OPTIONS"),
        ("GAMEWAX_KAFKA__OPTIONS", '{"sasl.pasword": "canary"}', "sasl.pasword"),
        ("GAMEWAX_CLICKHOUSE__PASSWORD_FILE", "/nowhere/at/all", "secret file cannot be read"),
        ("GAMEWAX_WINDOWS__ALLOWED_LATENESS_S", "soon", "GAMEWAX_WINDOWS__ALLOWED_LATENESS_S"),
    ],
)
def test_an_unusable_setting_is_a_bad_line(name: str, value: str, says: str, tmp_path: Path) -> None:
    away = {"GAMEWAX_CLICKHOUSE__URL": f"http://127.0.0.1:{free_port()}", name: value}
    ended = doctor("--json", "--data", str(tmp_path), **away)
    lines = [line for lines in json.loads(ended.stdout)["found"].values() for line in lines]
    told = [line["text"] for line in lines if line["mark"] == "bad" and says in line["text"]]
    assert (ended.returncode, ended.stderr, len(told), "canary" in ended.stdout) == (2, "", 1, False)


def test_a_check_that_hangs_or_breaks_becomes_a_line(deaf: int) -> None:
    def hangs() -> Iterator[Line]:
        yield ok("first", "there")
        with socket.create_connection(("127.0.0.1", deaf)) as waiting:
            waiting.recv(1)

    def breaks() -> Iterator[Line]:
        raise ValueError("what\nnow")

    assert Running("slow", hangs).lines(0.1) == [
        ok("first", "there"),
        bad("slow", "does not answer in time", "look at its host and at the network"),
    ]
    (broken,) = Running("broken", breaks).lines(5)
    assert (broken.mark, broken.text) == (Mark.BAD, "the check broke: ValueError: what now")


def test_a_kafka_with_our_topics_is_well(kafka: str, kafka_admin: AdminClient) -> None:
    at = kafka_at(kafka)
    create_topics(at)
    assert marks(look_at_kafka(at)) == dict.fromkeys(["kafka", "broker", *TOPICS], "ok")
    cluster = kafka_admin.list_topics(timeout=10)
    assert str(cluster.cluster_id) in next(iter(look_at_kafka(at))).text


def test_topics_that_hurt_are_told(kafka: str, kafka_admin: AdminClient) -> None:
    at, event, letters = kafka_at(kafka), TOPICS["player-events"], TOPICS["dead-letters"]
    create_topics(at)
    cluster = kafka_admin.list_topics(timeout=10)
    broker = "message.timestamp.type"
    judged = [
        look_at_topic(event, cluster, {broker: "LogAppendTime", "cleanup.policy": "compact"}),
        look_at_topic(letters, cluster, {broker: "LogAppendTime", "cleanup.policy": "delete"}),
        look_at_topic(event, cluster, {broker: "CreateTime", "message.timestamp.after.max.ms": "300000"}),
        look_at_topic(event, cluster, {broker: "CreateTime", "message.timestamp.after.max.ms": "3600000"}),
        look_at_topic(event, cluster, {broker: "CreateTime"}),
        look_at_topic(event, cluster, None),
    ]
    assert [str(line.mark) for line in judged] == ["bad", "warn", "ok", "warn", "warn", "warn"]
    assert "bounded to 1 h" in judged[3].text
    assert "not bounded" in judged[4].text
    assert marks(look_at_broker({"auto.create.topics.enable": "true"})) == {"broker": "warn"}


def test_a_topic_with_producers_times_is_found_on_a_real_broker(kafka: str, kafka_admin: AdminClient) -> None:
    at, name = kafka_at(kafka), "player-events"
    create_topics(at)
    kafka_admin.delete_topics([name])[name].result(30)
    until(lambda: name not in kafka_admin.list_topics(timeout=10).topics)
    assert marks(look_at_kafka(at))[name] == "bad"
    unbounded = {"message.timestamp.type": "CreateTime", "message.timestamp.after.max.ms": str(2**62)}
    kafka_admin.create_topics([NewTopic(name, 2, 1, config=unbounded)])[name].result(30)
    wait_known(kafka_admin, [name])
    (line,) = [line for line in look_at_kafka(at) if line.subject == name]
    assert (str(line.mark), line.text) == (
        "warn",
        "2 partitions, the producer's time; future times are not bounded",
    )
    kafka_admin.delete_topics([name])[name].result(30)


def test_a_clickhouse_with_our_tables_and_a_reader_is_well(clickhouse: RunningClickHouse) -> None:
    at = clickhouse_at(clickhouse)
    before = marks(look_at_clickhouse(at))
    migrate(at)
    after = marks(look_at_clickhouse(at))
    assert (before["tables"], after) == (
        "bad",
        dict.fromkeys(["clickhouse", "clocks", "tables", "writer", "reader"], "ok"),
    )


def test_a_reader_that_may_write_is_bad_and_so_is_a_writer_that_may_not(
    clickhouse: RunningClickHouse,
) -> None:
    migrate(clickhouse_at(clickhouse))
    turned = {
        "user": READER[0],
        "password": READER[1],
        "reader_user": WRITER[0],
        "reader_password": WRITER[1],
    }
    lines = list(look_at_clickhouse(clickhouse_at(clickhouse, **turned)))
    assert {line.subject: str(line.mark) for line in lines if line.subject in {"reader", "writer"}} == {
        "reader": "bad",
        "writer": "bad",
    }
    assert "may write rows, write elsewhere, make tables" in lines[-1].text


def test_migrations_that_are_missing_changed_or_newer_are_told(clickhouse: RunningClickHouse) -> None:
    at = clickhouse_at(clickhouse)
    migrate(at)
    with clickhouse.writer() as client:

        def tables() -> tuple[str, str]:
            (line,) = [line for line in look_at_clickhouse(at) if line.subject == "tables"]
            return str(line.mark), line.text

        note = "INSERT INTO schema_migrations (name, checksum) VALUES "
        client.command(f"{note} ('999_later', 'x')")
        newer = tables()
        client.command(
            "INSERT INTO schema_migrations (name, checksum) VALUES ('001_engagement_by_level', 'y')"
        )
        changed = tables()
        client.command("TRUNCATE TABLE schema_migrations")
        missing = tables()
    assert newer == ("warn", "made by a newer version (999_later)")
    assert changed[0] == "bad"
    assert "001_engagement_by_level.sql was changed" in changed[1]
    assert missing[0] == "bad"
    assert "migrations are missing: 001_engagement_by_level" in missing[1]


def test_a_wrong_password_is_bad_and_not_told(clickhouse: RunningClickHouse) -> None:
    lines = list(look_at_clickhouse(clickhouse_at(clickhouse, password="canary-six")))
    assert marks(lines) == {"clickhouse": "bad"}
    assert "canary-six" not in lines[0].text


def test_the_recovery_folder_tells_who_owns_a_store_and_who_else_may_write(tmp_path: Path) -> None:
    folder = tmp_path / "recovery"
    at = settings.Settings(recovery=settings.Recovery(dir=folder))
    nothing = marks(look_at_recovery(at))
    owned, free = Store(folder / "engagement"), Store(folder / "purchases")
    owned.own()
    (folder / "purchases").chmod(0o777)
    found = {line.subject: line for line in look_at_recovery(at)}
    assert nothing == {"recovery disk": "ok", "recovery": "ok"}
    assert f"owned by process {os.getpid()}, mode 700" in found["store engagement"].text
    assert "no process runs it, mode 777" in found["store purchases"].text
    assert marks(found.values()) == {
        "recovery disk": "ok",
        "recovery": "ok",
        "store engagement": "ok",
        "store purchases": "bad",
    }
    assert free.folder.exists()


def test_packages_other_than_the_locks_are_told(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text(
        "pydantic==0.0.1 \\\n    --hash=sha256:00\nnot-there==1\npydantic==0.0.2 ; sys_platform == 'x'\n"
    )
    assert [(str(line.mark), line.text.split(" instead")[0].split(":")[0]) for line in packages(lock)] == [
        ("bad", f"pydantic {__import__('pydantic').VERSION}"),
        ("warn", "not-there"),
    ]


def test_each_setting_tells_where_it_comes_from() -> None:
    at = settings.Settings(kafka=settings.Kafka(options={"sasl.password": "x", "linger.ms": 5}))
    given = {"GAMEWAX_KAFKA__OPTIONS": ".env", "GAMEWAX_CLICKHOUSE__PASSWORD_FILE": "environment"}
    told = {line.subject: line.text for line in look_at_settings(at, given)}
    assert told["GAMEWAX_KAFKA__OPTIONS"] == '{"sasl.password": "(hidden)", "linger.ms": 5}  (.env)'
    assert told["GAMEWAX_CLICKHOUSE__PASSWORD"] == "none  (a file, by environment)"
    assert told["GAMEWAX_KAFKA__GROUP"] == "gamewax  (default)"


def test_hiding_takes_the_longest_secret_first_and_logins_out_of_addresses() -> None:
    assert hide(["abcd", "abcdef", "x"], "abcdef abcd x http://me:abc@host/") == (
        "(hidden) (hidden) x http://(hidden)@host/"
    )
