import json
import os
import re
import shlex
import signal
import subprocess
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from time import monotonic

import pytest
from confluent_kafka.admin import AdminClient

from cli.topics import config
from embedded.process import ROOT
from topics.registry import TOPICS

GAMEWAX = str(ROOT / "gamewax")
pytestmark = pytest.mark.slow
Gamewax = Callable[..., subprocess.CompletedProcess[str]]


def gamewax(
    *words: str, cwd: Path = ROOT, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [GAMEWAX, *words],
        cwd=cwd,
        env=os.environ | dict(env or {}),
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )


def exports(text: str) -> dict[str, str]:
    lines = [shlex.split(line) for line in text.splitlines()]
    assert all(words[0] == "export" for words in lines)
    return dict(words[1].split("=", 1) for words in lines)


def until(happened: Callable[[], bool], within_s: float = 90) -> None:
    give_up_at = monotonic() + within_s
    while not happened():
        assert monotonic() < give_up_at


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data folder, named relative to the caller's, whose services run for this module."""
    caller = tmp_path_factory.mktemp("caller")
    started = gamewax("services", "start", "--detach", "--data", "the data", cwd=caller)
    try:
        assert (started.returncode, started.stderr.replace("\n", "")) in {
            (0, ""),
            (0, "Downloading Apache Kafka (once, 45 MB) …"),
        }
        yield caller / "the data"
    finally:
        gamewax("services", "stop", "--data", "the data", cwd=caller)


@pytest.fixture
def env(folder: Path) -> dict[str, str]:
    return exports(gamewax("services", "env", "--data", str(folder)).stdout)


def test_env_names_every_setting_and_no_credentials_in_the_address(env: dict[str, str], folder: Path) -> None:
    assert list(env) == [
        "GAMEWAX_KAFKA__BOOTSTRAP_SERVERS",
        "GAMEWAX_CLICKHOUSE__URL",
        "GAMEWAX_CLICKHOUSE__DATABASE",
        "GAMEWAX_CLICKHOUSE__USER",
        "GAMEWAX_CLICKHOUSE__PASSWORD",
        "GAMEWAX_CLICKHOUSE__READER_USER",
        "GAMEWAX_CLICKHOUSE__READER_PASSWORD",
        "GAMEWAX_RECOVERY__DIR",
    ]
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", env["GAMEWAX_CLICKHOUSE__URL"])
    assert Path(env["GAMEWAX_RECOVERY__DIR"]).parent == folder


def test_all_topics_exist_with_four_partitions_and_the_brokers_time(env: dict[str, str]) -> None:
    admin = AdminClient({"bootstrap.servers": env["GAMEWAX_KAFKA__BOOTSTRAP_SERVERS"]})
    told = {name: len(topic.partitions) for name, topic in admin.list_topics(timeout=30).topics.items()}
    assert {name: told.get(name) for name in TOPICS} == dict.fromkeys(TOPICS, 4)
    assert config(TOPICS["dead-letters"]) == {
        "message.timestamp.type": "LogAppendTime",
        "cleanup.policy": "compact",
    }


def test_the_writer_reads_the_migrated_tables(env: dict[str, str]) -> None:
    url = f"{env['GAMEWAX_CLICKHOUSE__URL']}/?query=SELECT+count()+FROM+gamewax.engagement"
    headers = {
        "X-ClickHouse-User": env["GAMEWAX_CLICKHOUSE__USER"],
        "X-ClickHouse-Key": env["GAMEWAX_CLICKHOUSE__PASSWORD"],
    }
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30) as answer:
        assert answer.read() == b"0\n"


def test_credentials_are_for_the_owner_only(folder: Path) -> None:
    assert (folder / "credentials.json").stat().st_mode & 0o777 == 0o600


def test_the_supervisor_holds_no_descriptor_of_its_caller(folder: Path) -> None:
    supervisor = json.loads((folder / "services.json").read_bytes())["supervisor"]
    held = {str(path.readlink()) for path in Path(f"/proc/{supervisor}/fd").iterdir()}
    assert held == {"/dev/null", str(folder / "services.log"), str(folder / "services.lock")}


def test_a_second_start_finds_them_running(folder: Path) -> None:
    again = gamewax("services", "start", "--detach", "--data", str(folder))
    assert (again.returncode, again.stderr) == (0, "")


def test_killed_services_come_back_on_their_ports(folder: Path, env: dict[str, str]) -> None:
    before = json.loads((folder / "services.json").read_bytes())
    for name in ("kafka", "clickhouse"):
        os.kill(before[name]["pid"], signal.SIGKILL)
    until(lambda: gamewax("services", "status", "--data", str(folder)).returncode != 0)
    until(lambda: gamewax("services", "status", "--data", str(folder)).returncode == 0)
    assert exports(gamewax("services", "env", "--data", str(folder)).stdout) == env


def test_topics_create_leaves_existing_ones_alone(env: dict[str, str]) -> None:
    again = gamewax("topics", "create", "--partitions", "9", env=env)
    assert [line.split()[1] for line in again.stdout.splitlines()] == ["exists"] * len(TOPICS)


def test_stop_and_start_keep_ports_and_passwords(folder: Path, env: dict[str, str]) -> None:
    assert gamewax("services", "stop", "--data", str(folder)).returncode == 0
    gone = gamewax("services", "env", "--data", str(folder))
    assert (gone.returncode, gone.stdout) == (2, "")
    assert gamewax("services", "start", "--detach", "--data", str(folder)).returncode == 0
    assert exports(gamewax("services", "env", "--data", str(folder)).stdout) == env


def test_in_the_foreground_ctrl_c_ends_everything(tmp_path: Path) -> None:
    with subprocess.Popen(
        [GAMEWAX, "services", "start", "--data", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as foreground:
        assert foreground.stdout
        told = [foreground.stdout.readline().split()[0] for _ in range(3)]
        foreground.send_signal(signal.SIGINT)
        complaint = foreground.communicate(timeout=60)[1]
    assert (told, foreground.returncode, complaint) == (["kafka", "clickhouse", "data"], 130, "")
    assert gamewax("services", "status", "--data", str(tmp_path)).returncode == 1


def test_without_kafka_the_line_says_what_to_do() -> None:
    lost = gamewax("topics", "list", env={"GAMEWAX_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:9"})
    assert (lost.returncode, lost.stderr.count("\n")) == (2, 1)
    assert lost.stderr.startswith("gamewax: Kafka does not answer: check GAMEWAX_KAFKA__BOOTSTRAP_SERVERS")


def test_a_port_in_use_is_one_line_and_leaves_nothing(tmp_path: Path, env: dict[str, str]) -> None:
    taken = env["GAMEWAX_KAFKA__BOOTSTRAP_SERVERS"].split(":")[1]
    refused = gamewax("services", "start", "--detach", "--kafka-port", taken, "--data", str(tmp_path))
    assert (refused.returncode, refused.stderr) == (
        2,
        f"gamewax: port {taken} for Kafka is in use: stop what listens there or give another port\n",
    )
    assert gamewax("services", "status", "--data", str(tmp_path)).returncode == 1
