"""docker-compose.yml against the Compose Specification's schema, and against our rules, each broken once."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from cli.compose_commands import commands_exist, every_flow_has_a_service
from cli.compose_rules import RULES, broken
from cli.compose_secrets import NAMES, SECRET_FILES
from cli.compose_stack import COMPOSE, parse_stack, read_stack
from embedded.process import ROOT
from topics.errors import BadInput

SCHEMA = ROOT / "tests/data/compose-spec.json"
SCHEMA_SHA256 = "d549057ebc2925f39f62799eab0db7b9e2c18b35b6c00595199116da3ed10e64"
TEXT = (ROOT / COMPOSE).read_text()
Document = dict[str, Any]


@cache
def schema() -> jsonschema.Draft202012Validator:
    raw = SCHEMA.read_bytes()
    assert hashlib.sha256(raw).hexdigest() == SCHEMA_SHA256
    return jsonschema.Draft202012Validator(json.loads(raw))


def service(name: str, **changes: object) -> Callable[[Document], None]:
    """Change one service's keys; None takes one away."""

    def change(document: Document) -> None:
        for key, value in changes.items():
            document["services"][name][key] = value
            if value is None:
                del document["services"][name][key]

    return change


def environment(name: str, **variables: str) -> Callable[[Document], None]:
    def change(document: Document) -> None:
        document["services"][name]["environment"] = document["services"][name]["environment"] | variables

    return change


def top(key: str, **changes: object) -> Callable[[Document], None]:
    def change(document: Document) -> None:
        document[key] = document[key] | changes

    return change


def limits(**given: object) -> dict[str, object]:
    return {"resources": {"limits": {"cpus": "1", "memory": "1G", "pids": 9} | given}}


def bind(**given: object) -> list[dict[str, object]]:
    mount = {"type": "bind", "source": "./compose/clickhouse/users.xml", "target": "/x", "read_only": True}
    return [mount | {"bind": {"create_host_path": False}} | given]


WAITS = {"kafka": {"condition": "service_completed_successfully"}}
FOLDER = "${SECRETS_DIR:?run ./gamewax compose init}"
BREAKS: list[tuple[str, Callable[[Document], None]]] = [
    ("nothing_is_published", service("kafka", ports=["127.0.0.1:9092:9092"])),
    ("nothing_is_published", service("grafana", ports=["3000:3000"])),
    ("nothing_is_published", service("grafana", ports=["0.0.0.0:3000:3000"])),
    ("nothing_is_published", service("grafana", ports=["${ADDRESS:-127.0.0.1}:3000:3000"])),
    ("nobody_is_root", service("clickhouse", user="0:0")),
    ("nobody_is_root", service("clickhouse", user="clickhouse")),
    ("nobody_is_root", service("engagement", user=None)),
    ("services_are_sealed", service("kafka", read_only=False)),
    ("services_are_sealed", service("kafka", cap_drop=["NET_RAW"])),
    ("services_are_sealed", service("kafka", cap_add=["SYS_ADMIN"])),
    ("services_are_sealed", service("kafka", security_opt=[])),
    ("services_are_sealed", service("kafka", privileged=True)),
    ("services_are_sealed", service("kafka", network_mode="host")),
    ("services_are_sealed", service("kafka", pid="host")),
    ("services_are_sealed", service("kafka", tmpfs=["/tmp"])),
    ("shares_are_limited", service("kafka", deploy=limits(cpus=""))),
    ("shares_are_limited", service("kafka", deploy=limits(memory=""))),
    ("shares_are_limited", service("kafka", deploy=limits(pids=0))),
    ("shares_are_limited", service("kafka", logging=None)),
    ("what_stays_is_watched", service("clickhouse", healthcheck=None)),
    ("what_stays_is_watched", service("engagement", healthcheck={"disable": True})),
    ("versions_are_pinned", service("clickhouse", image="clickhouse/clickhouse-server:latest")),
    ("versions_are_pinned", service("clickhouse", image="clickhouse/clickhouse-server:26.9")),
    ("versions_are_pinned", service("clickhouse", image="clickhouse/clickhouse-server")),
    ("no_password_stands", environment("grafana", GF_SECURITY_ADMIN_PASSWORD="admin")),
    ("no_password_stands", environment("grafana", GF_SECURITY_ADMIN_PASSWORD__FILE="/run/secrets/other")),
    ("no_password_stands", environment("grafana", GF_SECURITY_SECRET_KEY="${KEY}")),
    (
        "no_password_stands",
        environment("clickhouse", CLICKHOUSE_READER_SHA256="${CLICKHOUSE_READER_SHA256:-0}"),
    ),
    ("no_password_stands", environment("kafka", CLUSTER_ID="${KAFKA_CLUSTER_ID}")),
    ("no_password_stands", environment("kafka", CLUSTER_ID="$KAFKA_CLUSTER_ID")),
    ("secrets_are_those", top("secrets", grafana_key={"file": "./.secrets/grafana_key"})),
    ("secrets_are_those", top("secrets", grafana_key={"environment": "GRAFANA_KEY"})),
    ("secrets_are_those", top("secrets", another={"file": f"{FOLDER}/another"})),
    ("secrets_are_those", service("grafana", secrets=["grafana_admin", "clickhouse_reader"])),
    ("settings_exist", environment("engagement", GAMEWAX_KAFKA__BOOTSTRAP="kafka:9092")),
    ("mounts_exist", service("clickhouse", volumes=bind(source="./compose/clickhouse/nobody.xml"))),
    ("mounts_exist", service("clickhouse", volumes=bind(source="/var/run/docker.sock"))),
    ("mounts_exist", service("clickhouse", volumes=bind(read_only=False))),
    ("mounts_exist", service("clickhouse", volumes=bind(bind={}))),
    ("mounts_exist", service("kafka", volumes=["elsewhere:/var/lib/kafka/data"])),
    ("mounts_exist", service("grafana", build={"context": "./compose"})),
    ("networks_are_closed", service("kafka", networks=["inside", "outside"])),
    ("networks_are_closed", service("kafka", networks=None)),
    ("networks_are_closed", top("networks", inside={})),
    ("waits_can_end", service("setup", depends_on=WAITS)),
    ("waits_can_end", service("setup", depends_on={"kafka": {"condition": "service_started"}})),
    ("waits_can_end", service("setup", depends_on={"nobody": {"condition": "service_healthy"}})),
    ("kafka_is_like_ours", environment("kafka", KAFKA_AUTO_CREATE_TOPICS_ENABLE="true")),
    ("kafka_is_like_ours", environment("kafka", KAFKA_LOG_MESSAGE_TIMESTAMP_AFTER_MAX_MS="3600000")),
    ("commands_exist", service("engagement", command=["rnu", "engagement"])),
    ("commands_exist", service("engagement", command=["run", "engagment"])),
    ("commands_exist", service("engagement", command=["run"])),
    ("commands_exist", service("simulator", command=["simulate", "--speed", "9"])),
    ("commands_exist", service("setup", command=["python -m cli topics make"])),
    ("commands_exist", service("setup", command=["python -m cli migrate; exec python -m cli migrat"])),
    ("every_flow_has", service("purchases", command=["run", "engagement"])),
]


def test_the_file_fits_the_compose_specification() -> None:
    schema().validate(yaml.safe_load(TEXT))


@pytest.mark.parametrize(
    "wrong",
    [service("kafka", heathcheck={}), service("kafka", restart=3), service("kafka", deploy={"cpus": 1})],
)
def test_the_schema_bites(wrong: Callable[[Document], None]) -> None:
    document = yaml.safe_load(TEXT)
    wrong(document)
    assert not schema().is_valid(document)


def test_the_file_keeps_our_rules() -> None:
    assert list(broken(read_stack(ROOT))) == []


@pytest.mark.parametrize(("rule", "wrong"), BREAKS, ids=[f"{n}-{rule}" for n, (rule, _) in enumerate(BREAKS)])
def test_a_broken_copy_breaks_that_rule(rule: str, wrong: Callable[[Document], None]) -> None:
    document = yaml.safe_load(TEXT)
    wrong(document)
    found = {line.split(":")[0] for line in broken(parse_stack(yaml.safe_dump(document), ROOT))}
    assert [name for name in found if name.startswith(rule)] != []


def test_every_rule_is_broken_by_a_copy() -> None:
    names = {rule.__name__ for rule in RULES}
    assert {name for name in names if not any(name.startswith(rule) for rule, _ in BREAKS)} == set()


def test_a_flow_without_a_service_is_told_with_what_to_add() -> None:
    document = yaml.safe_load(TEXT)
    del document["services"]["engagement"]
    (told,) = every_flow_has_a_service(parse_stack(yaml.safe_dump(document), ROOT))
    assert "add `engagement: {<<: *flow, command: [run, engagement]}`" in told


def test_a_file_of_another_form_is_one_clear_error() -> None:
    for text in ("services: [", "services: {kafka: {cap_drop: ALL}}", "[]", ""):
        with pytest.raises(BadInput, match="form"):
            parse_stack(text, ROOT)


def test_without_compose_init_nothing_starts() -> None:
    """Each variable that the file needs is one that `compose init` writes, and each of those is needed."""
    needed = {name for name in NAMES if f"${{{name}:?run ./gamewax compose init}}" in TEXT}
    assert needed == set(NAMES)
    assert set(yaml.safe_load(TEXT)["secrets"]) == set(SECRET_FILES)


@pytest.mark.slow
def test_the_broker_knows_every_option_and_the_embedded_one_has_the_same(
    kafka: str, kafka_admin: AdminClient
) -> None:
    """The image makes an option of each KAFKA_ variable; the embedded broker is of the same version."""
    resource = ConfigResource(ResourceType.BROKER, "1")
    told = kafka_admin.describe_configs([resource])[resource].result(30)
    given = {
        name.removeprefix("KAFKA_").lower().replace("_", "."): value
        for name, value in yaml.safe_load(TEXT)["services"]["kafka"]["environment"].items()
        if name.startswith("KAFKA_") and name != "KAFKA_HEAP_OPTS"
    }
    assert sorted(set(given) - set(told)) == []
    addresses = {"listeners", "advertised.listeners", "controller.quorum.voters", "log.dirs"}
    same = {name: told[name].value for name in given if name not in addresses}
    assert {name: given[name] for name in same} == same


def test_its_flows_and_commands_are_those_of_the_program() -> None:
    stack = read_stack(ROOT)
    assert [*commands_exist(stack), *every_flow_has_a_service(stack)] == []


def test_compose_check_says_so_in_its_last_line(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "cli", "compose", "check"],
        cwd=ROOT,
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines()[-1].startswith(f"OK {len(read_stack(ROOT).services)} services keep")
