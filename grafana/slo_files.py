"""All that is written from objectives: alert rules, the dashboard, the runbooks; the same bytes each time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import yaml

from grafana.alert_rules import provisioned, read_alerting
from grafana.server_rules import server_group
from grafana.slo import BURNS, Slo, alert_name
from grafana.slo_panels import slo_dashboard
from grafana.slo_rules import burn_groups
from grafana.slo_runbooks import runbook

ROOT = Path(__file__).parents[1]
RULES = "grafana/provisioning/alerting/slos.yaml"
BOARD = "grafana/dashboards/slos.json"
RUNBOOKS = "docs/runbooks"
HEADER = (
    "# Written by ./gamewax slos build from grafana/slos; docs/slos.md tells how. Do not change it here.\n"
)
_MARK = "Written by `./gamewax slos build`"


def built(slos: Sequence[Slo]) -> dict[str, str]:
    """Give each file's text by its path inside the project."""
    groups = [*burn_groups(slos), server_group()]
    pages = {f"{RUNBOOKS}/{alert_name(slo, burn)}.md": runbook(slo, burn) for slo in slos for burn in BURNS}
    return {
        RULES: HEADER + as_yaml(provisioned(groups, read_alerting())),
        BOARD: json.dumps(slo_dashboard(slos), indent=2, ensure_ascii=False) + "\n",
        **pages,
    }


def drifted(texts: Mapping[str, str], root: Path = ROOT) -> Iterator[tuple[str, str]]:
    """Give each file that is not as built, with what is wrong: missing, different, or of no objective."""
    for name, text in texts.items():
        file = root / name
        if not file.exists():
            yield name, "missing"
        elif file.read_text(encoding="utf-8") != text:
            yield name, "different"
    for file in sorted((root / RUNBOOKS).glob("*.md")):
        name = f"{RUNBOOKS}/{file.name}"
        if name not in texts and _MARK in file.read_text(encoding="utf-8"):
            yield name, "of no objective"


def write(texts: Mapping[str, str], root: Path = ROOT) -> list[tuple[str, str]]:
    """Write what is not as built, remove what no objective has, and give what was done."""
    changed = list(drifted(texts, root))
    for name, _ in changed:
        file = root / name
        if name not in texts:
            file.unlink()
            continue
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(texts[name], encoding="utf-8")
    return changed


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as they are, and lists indented."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def as_yaml(value: object) -> str:
    """Write YAML: keys in their order, SQL as blocks."""
    return str(yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110))
