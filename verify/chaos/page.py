"""A chaos report as a page for people: `docs/chaos-report.md`, from the JSON report alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from embedded.process import ROOT
from verify.chaos.faults import group_of
from verify.chaos.report import write

PAGE = ROOT / "docs" / "chaos-report.md"
Report = Mapping[str, Any]


def page(report: Report) -> str:
    """Give the whole page as Markdown."""
    kills = sum(report["kills"].values())
    command = f"./gamewax verify chaos --kills {kills} --seed {report['seed']} --publish"
    return "\n".join(
        [
            "# The last published chaos run",
            "",
            f"Written by `{command}`. What it means: [chaos](chaos.md).",
            "",
            f"**{report['line']}**",
            "",
            *table(("what", "figure"), figures(report)),
            "",
            "## What was compared",
            "",
            *table(
                ("view", "rows", "wrong", "events lost", "events double"),
                (
                    [of[name] for name in ("view", "rows", "wrong", "lost", "double")]
                    for of in report["compared"]
                ),
            ),
            "",
            "## What was harmed",
            "",
            *table(("part killed", "times", "longest time until it was seen to work again"), killed(report)),
            "",
            *table(("other fault", "times"), sorted(report["other_faults"].items())),
            "",
        ]
    )


def figures(report: Report) -> Iterator[tuple[str, object]]:
    """Give what is worth a glance."""
    versions, machine = report["versions"], report["machine"]
    sent = report["messages"]
    yield "date", report["date"][:10]
    yield (
        "seconds, of these under harm, to catch up",
        (f"{report['seconds']:.0f}, {report['harm_seconds']:.0f}, {report['catch_up_seconds']:.0f}"),
    )
    yield "messages acknowledged by Kafka", sent["acknowledged"]
    yield "messages read back", sum(sent["in_topics"].values())
    yield "requests and connections to ClickHouse spoiled", report["requests_spoiled"]
    yield "flows started again by their supervisors", _total(report["flow_restarts_by_exit_code"])
    yield "supervisors started again", _total(report["supervisor_ends_by_exit_code"])
    yield "machine", f"{machine['cores']} cores, {machine['ram_mb'] / 1024:.0f} GB"
    yield "versions", ", ".join(f"{name} {version}" for name, version in versions.items())


def killed(report: Report) -> Iterator[tuple[str, object, object]]:
    """Give the kills by part, with the longest recovery of its kind."""
    longest = report["longest_s_from_kill_to_progress"]
    for target, times in report["kills"].items():
        kind = group_of(target)
        yield target, times, f"{longest[kind]:.1f} s (any {kind})" if kind in longest else ""


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """Give a Markdown table, numbers with commas."""
    names = [*head]
    yield f"| {' | '.join(names)} |"
    yield f"|{'---|' * len(names)}"
    for row in rows:
        yield f"| {' | '.join(f'{of:,}' if isinstance(of, int) else str(of) for of in row)} |"


def publish(report: Report, path: Path = PAGE) -> None:
    """Write the page, and the report that it is made from beside it."""
    path.write_text(page(report), encoding="utf-8")
    write(path.with_suffix(".json"), report)


def _total(counts: Mapping[str, Mapping[str, int]]) -> int:
    return sum(sum(of.values()) for of in counts.values())
