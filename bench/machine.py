"""Tells what figures were measured on: machine, day, versions of all parts; no names of people or hosts."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import confluent_kafka
import psutil

from bench.rig import ROOT, writer
from embedded.kafka_jars import kafka_version, pinned
from embedded.services import Services

PARTS = ("bytewax", "confluent-kafka", "polars", "pyarrow", "numpy", "msgspec")


def machine(services: Services) -> list[str]:
    """Give the lines that stand over the tables."""
    cores, memory_gb = os.cpu_count(), round(psutil.virtual_memory().total / 2**30)
    engine = writer(services).query("SELECT version()").result_rows[0][0]
    versions = [
        f"CPython {platform.python_version()}",
        *(f"{name} {version(name)}" for name in PARTS),
        f"librdkafka {confluent_kafka.libversion()[0]}",
        f"Apache Kafka {kafka_version(pinned())}",
        f"ClickHouse {engine} (chDB {version('chdb')}, a process of its own)",
    ]
    kernel = f"{platform.system()} {platform.release().partition('-')[0]}"
    return [
        f"Last written on {today()}, {commit()}.",
        f"Machine: {cores} cores ({processor()}), {memory_gb} GB, {kernel};",
        "the broker, ClickHouse and the flows all on these cores.",
        f"{', '.join(versions)}.",
    ]


def origin(command: str) -> str:
    """Say where figures come from: command, day, version."""
    return f"`{command}`, {today()}, {commit()}"


def today() -> str:
    """Give the day in UTC."""
    return f"{datetime.now(UTC):%Y-%m-%d}"


def commit() -> str:
    """Name the version of the code, `+` when files differ from it (but for the page of results)."""
    name = _git("rev-parse", "--short", "HEAD")
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!bench/RESULTS.md")
    return (name + ("+" if changed else "")) or "no repository"


def _git(*words: str) -> str:
    said = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return said.stdout.strip()


def processor() -> str:
    """Give the processor's name as the kernel tells it."""
    return next(_models(), platform.machine())


def _models() -> Iterator[str]:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            yield line.partition(":")[2].strip()
