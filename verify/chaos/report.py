"""A run as a JSON report and as a page: what was harmed, what was compared, on what it ran.

Rules: figures only, nothing is judged here that was not judged before. No path and no name of the machine.
"""

from __future__ import annotations

import json
import platform
import subprocess
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

from embedded.kafka_jars import BROKER, pinned
from embedded.process import ROOT
from verify.chaos.faults import KILL, PAUSE, as_json, group_of
from verify.chaos.run import Ran
from verify.chaos.soak import Soaked

PACKAGES = ("bytewax", "confluent-kafka", "chdb", "clickhouse-connect", "polars")
MEGA = 2**20
SAMPLES_KEPT = 5  # one in so many goes into the report
Json = dict[str, object]


def as_report(ran: Ran) -> Json:
    """Give everything that is known about a run."""
    return {
        "ok": ran.right,
        "line": line(ran),
        "seed": ran.seed,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),  # noqa: TID251  when it was
        "seconds": round(ran.seconds, 1),
        "harm_seconds": round(ran.harm_s, 1),
        "catch_up_seconds": round(ran.catch_up_s, 1),
        "versions": versions(),
        "machine": machine(),
        "messages": {
            "sent": dict(ran.sent),
            "acknowledged": ran.acknowledged,
            "refused": dict(ran.refused),
            "in_topics": ran.found.messages,
        },
        "kills": dict(sorted(ran.kills.items())),
        "other_faults": dict(sorted(others(ran).items())),
        "requests_spoiled": ran.harmed,
        "longest_s_from_kill_to_progress": ran.longest(),
        "flow_restarts_by_exit_code": {name: _by_code(counts) for name, counts in ran.restarts.items()},
        "supervisor_ends_by_exit_code": {name: _by_code(counts) for name, counts in ran.supervisors.items()},
        "service_restarts": ran.services_started,
        "compared": [
            {"view": of.view, "rows": of.rows, "wrong": of.wrong, "lost": of.lost, "double": of.double}
            for of in ran.found.compared
        ],
        "rows_stored": ran.found.stored,
        "wrong": ran.found.examples,
        "trouble": ran.trouble,
        "faults": as_json(ran.faults),
    }


def soak_report(soaked: Soaked) -> Json:
    """Give everything that is known about a soak."""
    return as_report(soaked.ran) | {
        "ok": soaked.right,
        "line": soak_line(soaked),
        "levels": [asdict(flat) for flat in soaked.flats],
        "samples": {
            f"{what} {of} {pid}": [[*point] for point in life[::SAMPLES_KEPT]]
            for (what, of, pid), life in soaked.samples.lives.items()
        },
    }


def soak_line(soaked: Soaked) -> str:
    """Give the last line."""
    ran, found = soaked.ran, soaked.ran.found
    grows = [f"{flat.what} of {flat.of}" for flat in soaked.flats if not flat.flat]
    level = f"grows={len(grows)} of {len(soaked.flats)}" if soaked.judged else "grows=not-judged"
    figures = (
        f"soak minutes={soaked.seconds / 60:.1f} faults={len(ran.faults)} lost={found.total('lost')} "
        f"double={found.total('double')} wrong={found.total('wrong')} missing={len(found.missing)} "
        f"rows={found.total('rows')} messages={ran.acknowledged} {level} seed={ran.seed}"
    )
    why = "; ".join(filter(None, [ran.trouble, *(grows if soaked.judged else [])]))
    return f"OK {figures}" if soaked.right else f"FALLS SHORT {figures}{': ' * bool(why)}{why}"


def line(ran: Ran) -> str:
    """Give the last line."""
    found = ran.found
    figures = (
        f"chaos kills={ran.kills.total()} lost={found.total('lost')} double={found.total('double')} "
        f"wrong={found.total('wrong')} missing={len(found.missing)} rows={found.total('rows')} "
        f"messages={ran.acknowledged} other_faults={others(ran).total()} seconds={ran.seconds:.0f} "
        f"seed={ran.seed}"
    )
    return f"OK {figures}" if ran.right else f"FALLS SHORT {figures}{': ' * bool(ran.trouble)}{ran.trouble}"


def others(ran: Ran) -> Counter[str]:
    """Count what was no kill: pauses by kind of part, troubles on the way to ClickHouse."""
    return Counter(
        f"{PAUSE} {group_of(fault.target)}" if fault.kind == PAUSE else f"clickhouse {fault.kind}"
        for fault in ran.faults
        if fault.kind != KILL
    )


def versions() -> dict[str, str]:
    """Tell what ran."""
    kafka = next((jar.version for jar in pinned() if f"{jar.group}:{jar.name}" == BROKER), "")
    return {
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
        "kafka": kafka,
        "git": _commit(),
    }


def machine() -> Json:
    """Tell on what it ran."""
    return {
        "cores": psutil.cpu_count(),
        "ram_mb": psutil.virtual_memory().total // MEGA,
        "kernel": platform.release().split("-")[0],
    }


def write(path: Path, report: Mapping[str, object]) -> None:
    """Write the report."""
    path.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _by_code(counts: Counter[int]) -> dict[str, int]:
    return {str(code): count for code, count in sorted(counts.items())}


def _commit() -> str:
    try:
        said = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],  # noqa: S607
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return said.stdout.strip()
