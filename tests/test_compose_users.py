"""ClickHouse's users and configuration: our rules, each broken once; the engine judges names and grants."""

from __future__ import annotations

import shutil
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import yaml

from cli.compose_users import CONFIG, GRANTS, HASHES, READER, USERS, broken_in_users
from embedded.process import ROOT
from tests.clickhouse_fixture import RunningClickHouse

BREAKS = [
    (USERS, '<default remove="remove"/>', ""),
    (USERS, '<default remove="remove"/>', "<default><password></password></default>"),
    (USERS, '<password_sha256_hex from_env="CLICKHOUSE_READER_SHA256"/>', "<password>reader</password>"),
    (USERS, '<password_sha256_hex from_env="CLICKHOUSE_READER_SHA256"/>', "<no_password/>"),
    (USERS, "<query>GRANT SELECT ON gamewax.*</query>", "<query>GRANT SELECT ON *.*</query>"),
    (USERS, "<query>GRANT SELECT ON gamewax.*</query>", ""),
    (USERS, "<profile>gamewax_reader</profile>", "<profile>default_</profile>"),
    (USERS, "<access_management>0</access_management>", "<access_management>1</access_management>"),
    (USERS, "<readonly>1</readonly>", "<readonly>2</readonly>"),
    (USERS, "<allow_ddl>0</allow_ddl>", ""),
    (USERS, "<max_execution_time>30</max_execution_time>", "<max_execution_time>0</max_execution_time>"),
    (USERS, "<max>60</max>", ""),
    (USERS, "<constraints>", "<constraints><max_threads><changeable_in_readonly/></max_threads>"),
    (USERS, "</profiles>", ""),
    (CONFIG, "<remote_url_allow_hosts></remote_url_allow_hosts>", ""),
    (CONFIG, "</remote_url_allow_hosts>", "<host>a</host></remote_url_allow_hosts>"),
    (CONFIG, '<mysql_port remove="remove"/>', ""),
]  # fmt: skip


def tree(path: Path) -> ET.Element:
    return ET.fromstring((ROOT / path).read_text())


def test_the_users_keep_our_rules() -> None:
    assert list(broken_in_users(ROOT)) == []


@pytest.mark.parametrize(("path", "right", "wrong"), BREAKS)
def test_a_broken_copy_is_told(path: Path, right: str, wrong: str, tmp_path: Path) -> None:
    for each in (USERS, CONFIG):
        (tmp_path / each).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / each, tmp_path / each)
    text = (tmp_path / path).read_text()
    assert right in text
    (tmp_path / path).write_text(text.replace(right, wrong))
    assert list(broken_in_users(tmp_path)) != []


def test_the_engine_knows_every_setting_and_takes_its_value(clickhouse: RunningClickHouse) -> None:
    """The embedded engine is of the same minor version as the image's server."""
    profiles = {
        each.tag: each.text or ""
        for profile in tree(USERS).findall("profiles/*")
        for each in profile
        if each.tag not in {"constraints", "readonly"}
    }
    constrained = [each.tag for each in tree(USERS).findall("profiles/*/constraints/*")]
    with clickhouse.writer() as client:
        known = {row[0] for row in client.query("SELECT name FROM system.settings").result_rows}
        told = client.query("SELECT 1", settings=profiles).result_rows
    assert ({*profiles, *constrained, "readonly"} - known, told) == (set(), [(1,)])


def test_the_engine_parses_every_grant(clickhouse: RunningClickHouse) -> None:
    """It has no users of its own, but the same parser: in users.xml a grant stands without TO."""
    query = "SELECT formatQuerySingleLine(concat({grant:String}, ' TO somebody'))"
    with clickhouse.writer() as client:
        parsed = {
            name: client.query(query, parameters={"grant": grant}).result_rows
            for name, grant in GRANTS.items()
        }
    assert parsed == {name: [(f"{grant} TO somebody",)] for name, grant in GRANTS.items()}


def test_the_server_gets_its_hashes_and_grafana_the_reader() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    assert set(HASHES.values()) <= set(services["clickhouse"]["environment"])
    assert services["engagement"]["environment"]["GAMEWAX_CLICKHOUSE__USER"] in HASHES
    (source,) = yaml.safe_load((ROOT / "grafana/provisioning/datasources/clickhouse.yaml").read_text())[
        "datasources"
    ]
    assert (source["jsonData"]["username"], source["secureJsonData"]["password"]) == (
        READER,
        "$__file{/run/secrets/clickhouse_reader}",
    )
    assert "clickhouse_reader" in services["grafana"]["secrets"]
    longest = int(tree(USERS).findtext(f"profiles/{READER}/constraints/max_execution_time/max") or 0)
    assert int(source["jsonData"]["queryTimeout"]) + 5 <= longest  # the driver adds 5 s to its own limit
    (provider,) = yaml.safe_load((ROOT / "grafana/provisioning/dashboards/gamewax.yaml").read_text())[
        "providers"
    ]
    targets = {mount["target"] for mount in services["grafana"]["volumes"] if isinstance(mount, dict)}
    assert provider["options"]["path"] in targets
