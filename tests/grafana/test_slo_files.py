"""What is built from objectives is what is committed, and hangs together: rules, panels, runbooks."""

from __future__ import annotations

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from embedded.process import ROOT
from grafana.slo_files import BOARD, built, drifted, write
from grafana.slo_yaml import read_slos
from tests.grafana.grafana_engine import Rule, rules

RULES = rules()
PANELS: list[dict[str, Any]] = json.loads((ROOT / BOARD).read_text())["panels"]
UID = re.compile(r"[a-zA-Z0-9_-]{1,40}")


def test_what_is_committed_is_what_build_writes() -> None:
    assert list(drifted(built(read_slos()))) == [], "run ./gamewax slos build"


def test_build_mends_a_changed_file_a_missing_one_and_one_of_no_objective(tmp_path: Path) -> None:
    texts = built(read_slos())
    assert {why for _, why in write(texts, tmp_path)} == {"missing"}
    changed, missing, gone = (
        "grafana/dashboards/slos.json",
        "docs/runbooks/server_stalls_burns_1x.md",
        "old.md",
    )
    (tmp_path / changed).write_text("{}")
    (tmp_path / missing).rename(tmp_path / "docs/runbooks" / gone)
    (tmp_path / "docs/runbooks/by_hand.md").write_text("stays")
    done = write(texts, tmp_path)
    assert done == [
        (changed, "different"),
        (missing, "missing"),
        (f"docs/runbooks/{gone}", "of no objective"),
    ]
    assert write(texts, tmp_path) == []
    assert (tmp_path / "docs/runbooks/by_hand.md").exists()


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_rule_names_a_datasource_a_panel_a_runbook_and_how_urgent_it_is(rule: Rule) -> None:
    sources = yaml.safe_load((ROOT / "grafana/provisioning/datasources/clickhouse.yaml").read_text())
    (source,) = [of["uid"] for of in sources["datasources"]]
    *queries, expression = rule["data"]
    assert (
        {of["datasourceUid"] for of in queries}
        == {of["model"]["datasource"]["uid"] for of in queries}
        == {source}
    )
    assert {of["model"]["format"] for of in queries} == {1}
    assert (expression["refId"], expression["datasourceUid"]) == (rule["condition"], "__expr__")
    told = rule["annotations"]
    assert (ROOT / told["runbook_url"]).read_text().startswith("# ")
    assert told["__dashboardUid__"] == json.loads((ROOT / BOARD).read_text())["uid"]
    assert int(told["__panelId__"]) in {panel["id"] for panel in PANELS}
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert UID.fullmatch(rule["uid"])
    assert "${" not in str(rule)  # Grafana would put variables of its environment there


def test_rules_are_told_apart_by_id_and_by_title() -> None:
    groups = yaml.safe_load((ROOT / "grafana/provisioning/alerting/slos.yaml").read_text())["groups"]
    told = [(rule["uid"], rule["title"]) for group in groups for rule in group["rules"]]
    assert len({uid for uid, _ in told}) == len({title for _, title in told}) == len(told) == 12


def test_every_runbook_is_of_an_alert() -> None:
    assert {page.stem for page in (ROOT / "docs/runbooks").glob("*.md")} == set(RULES)


def test_a_runbook_says_what_it_means_three_things_to_look_at_and_how_to_silence_it() -> None:
    for name, rule in RULES.items():
        page = (ROOT / f"docs/runbooks/{name}.md").read_text()
        assert re.findall(r"^## (.*)$", page, re.MULTILINE) == [
            "What it means",
            "Look at these three first",
            "Silence it",
        ]
        assert re.findall(r"^\*\*([0-9])\.", page, re.MULTILINE) == ["1", "2", "3"]
        assert f"`{name}`, a {rule['labels']['severity']}" in page
        assert f"alertname = {rule['title']}`" in page


def test_panels_say_what_they_show_and_stand_side_by_side() -> None:
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    shown = [panel for panel in PANELS if panel["type"] != "row"]
    assert [panel["title"] for panel in shown if not panel["description"]] == []
    assert [panel["title"] for panel in shown if not panel["fieldConfig"]["defaults"]["noValue"]] == []
    cells = [(panel["id"], area(panel["gridPos"])) for panel in PANELS]
    assert [(a, b) for (a, some), (b, others) in combinations(cells, 2) if some & others] == []
    assert max(x for _, cell in cells for x, _ in cell) < 24


def area(at: dict[str, int]) -> set[tuple[int, int]]:
    return {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
