"""The peers' drains, one class a peer: how it is set, what it is called, how one round of it runs.

Rules: a contest that cannot run raises `Broken` with the reason. Nothing is judged here.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from string import Template
from subprocess import CalledProcessError, TimeoutExpired
from typing import Protocol

from bench.load import Load
from bench.peers.finished import Finished
from bench.peers.flink_jars import ENGINE, ensure_flink, version_of
from bench.peers.flink_jvm import SOURCES, FlinkJvm, chosen_java
from bench.rig import child
from embedded.services import Services
from settings import cache_home, load
from topics.errors import Broken

WAIT_S = 600  # with less, rows of Bytewax's windows are wrong; see README.md here


class Contest(Protocol):
    """One peer with one way of being set, on one work."""

    @property
    def work(self) -> str:
        """ENG or PLY."""
        ...

    @property
    def load(self) -> Load:
        """What it drains."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """The names of what one round finishes."""
        ...

    @property
    def settings(self) -> str:
        """How it is set, in words."""
        ...

    def drain(self, services: Services, folder: Path) -> list[Finished]:
        """Run one round in an empty folder."""
        ...


@dataclass(frozen=True, slots=True)
class Bytewax:
    """Bytewax's own windows; `style` is DOCS or TUNED."""

    work: str
    load: Load
    style: str

    @property
    def names(self) -> tuple[str, ...]:
        """One drain a round."""
        return (f"BYTEWAX-{self.style}-{self.work}",)

    @property
    def settings(self) -> str:
        """How it is set."""
        as_it_comes = "as its documentation shows it"
        tuned = "tuned consumer, msgspec, unordered fold"
        return (
            f"{tuned if self.style == 'TUNED' else as_it_comes}; no recovery; waits {WAIT_S} s for the late"
        )

    def drain(self, services: Services, folder: Path) -> list[Finished]:
        """Run the script in a process of its own."""
        rows = folder / "rows.csv"
        place = (services.bootstrap_servers, self.load.topic, str(self.load.events), str(rows))
        try:
            figures = child("bench.peers.bytewax_windows", self.work, self.style, str(WAIT_S), *place)
        except CalledProcessError as error:
            raise Broken(f"its process ended with exit code {error.returncode} and said why above") from error
        except TimeoutExpired as error:
            raise Broken(f"it was not done after {error.timeout:.0f} s") from error
        ran_on = f"Bytewax {version('bytewax')}, CPython {python_version()}"
        return [Finished(self.names[0], figures, rows, ran_on)]


@dataclass(frozen=True, slots=True)
class FlinkSql:
    """Flink SQL: two drains in one JVM, a cold and a warm one; `mark` is `` or `+CHECKPOINTS`."""

    work: str
    load: Load
    mark: str

    @property
    def names(self) -> tuple[str, ...]:
        """First and second job."""
        return tuple(f"FLINK-SQL-{self.work}-{state}{self.mark}" for state in ("COLD", "WARM"))

    @property
    def settings(self) -> str:
        """How it is set."""
        snapshots = "checkpoints each 2 s" if self.mark else "no checkpoints"
        return f"parallelism 2, object reuse, state on the heap (2 GB), {snapshots}"

    def drain(self, services: Services, folder: Path) -> list[Finished]:
        """Run the same SQL twice."""
        made_of = load().embedded
        jars = ensure_flink(made_of.cache or cache_home(), made_of.maven_url)
        java = chosen_java(made_of.java_home)
        ran_on = f"Flink {version_of(ENGINE)}, Java {java.version}"
        with FlinkJvm(java, jars, folder) as jvm:
            rounds = [self._job(jvm, services, folder / name) for name in self.names]
        return [replace(finished, ran_on=ran_on) for finished in rounds]

    def _job(self, jvm: FlinkJvm, services: Services, folder: Path) -> Finished:
        folder.mkdir()
        values = {"servers": services.bootstrap_servers, "topic": self.load.topic, "folder": folder}
        sql = folder / "job.sql"
        sql.write_text(Template(self.sql).substitute(values), encoding="utf-8")
        return Finished(folder.name, jvm.drain(sql, self.load.events), folder / "rows")

    @property
    def sql(self) -> str:
        """Give the statements, with `$servers`, `$topic` and `$folder` in them."""
        parts = ["events", *(["checkpoints"] if self.mark else []), self.work.lower()]
        return "".join((SOURCES / f"{part}.sql").read_text(encoding="utf-8") for part in parts)


def emptied(folder: Path) -> Path:
    """Make a folder empty."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
