"""Flink in one JVM: compiles `flink/Drain.java`, starts it, hands it one SQL file after the other.

Rules: Java is the one of `GAMEWAX_EMBEDDED__JAVA_HOME`, else the machine's when it is of a version that Flink
2.1 supports (17, 21), else our own (newer, works, not promised by Flink). The compiler is a pinned jar, so no
JDK is needed. What Flink logs is in `flink.log` of the folder.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from types import TracebackType
from typing import Self

import psutil

from bench.peers.flink_jars import COMPILER, version_of
from bench.peers.memory import peak_mb
from bench.rig import ENDS_WITHIN_S, Figures
from embedded.kafka import own_java
from topics.errors import Broken

SOURCES = Path(__file__).with_name("flink")
MAIN = "Drain"
SUPPORTED = (17, 21)
COMPILED_WITHIN_S = 120


@dataclass(frozen=True, slots=True)
class Java:
    """A Java program and its version."""

    path: Path
    version: str

    @property
    def major(self) -> int:
        """Give the first number of the version."""
        return int(self.version.split(".")[0])


def java_at(path: Path) -> Java:
    """Ask a Java for its version.

    Raises:
        Broken: there is none.

    """
    try:
        said = subprocess.run([path, "-version"], capture_output=True, text=True, check=False).stderr
    except OSError as error:
        raise Broken(f"no Java at {path}: correct GAMEWAX_EMBEDDED__JAVA_HOME or unset it") from error
    return Java(path, version_in(said))


def version_in(said: str) -> str:
    """Find the version in what `java -version` says.

    Raises:
        Broken: there is none.

    """
    found = re.search(r'version "([^"]+)"', said)
    if not found:
        raise Broken(f"this is no Java: it says {said[:80]!r} for its version")
    return found[1]


def chosen_java(java_home: Path | None) -> Java:
    """Choose the Java for Flink."""
    if java_home:
        return java_at(java_home / "bin" / "java")
    machines = shutil.which("java")
    if machines and (java := java_at(Path(machines))).major in SUPPORTED:
        return java
    return java_at(own_java())


def compile_main(java: Java, jars: Path, folder: Path) -> None:
    """Compile the program into `folder`.

    Raises:
        Broken: it does not compile (says the compiler's words), or not in time.

    """
    compiler = jars / f"{COMPILER}-{version_of(COMPILER)}.jar"
    classpath = ":".join(map(str, sorted(jars.glob("*.jar"))))
    source = SOURCES / f"{MAIN}.java"
    try:
        done = subprocess.run(
            [java.path, "-jar", compiler, "-17", "-cp", classpath, "-d", folder, source],
            capture_output=True,
            text=True,
            timeout=COMPILED_WITHIN_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise Broken(f"{MAIN}.java was not compiled within {COMPILED_WITHIN_S} s") from error
    if done.returncode:
        raise Broken(f"{MAIN}.java does not compile: {(done.stderr or done.stdout)[:500]}")


class FlinkJvm:
    """A JVM that drains; a context manager. Its first drain is a cold one."""

    def __init__(self, java: Java, jars: Path, folder: Path) -> None:
        compile_main(java, jars, folder)
        self.log = folder / "flink.log"
        self._folder = folder
        self._command = [
            str(java.path),
            f"@{SOURCES / 'java.args'}",
            f"-Djava.io.tmpdir={folder}",
            f"-Dlog4j.configurationFile={SOURCES / 'log4j2.properties'}",
            *("-cp", f"{folder}:{jars}/*", MAIN),
        ]

    def __enter__(self) -> Self:
        self._began = time.perf_counter()
        self._cpu_s = 0.0
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
            )
        self._answer("READY")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin  # for mypy: both are pipes
        assert self._process.stdout
        with closing(self._process.stdin), closing(self._process.stdout):
            self._process.kill()
        self._process.wait()

    def drain(self, sql: Path, events: int) -> Figures:
        """Run one SQL file; a cold drain's wall and CPU time hold the start of the JVM.

        Raises:
            Broken: Flink has ended; its log says why.

        """
        assert self._process.stdin  # for mypy: it is a pipe
        print(sql, file=self._process.stdin, flush=True)
        drain_s = int(self._answer("DONE").split()[1]) / 1000
        now, times = time.perf_counter(), psutil.Process(self._process.pid).cpu_times()
        wall_s, self._began = now - self._began, now
        cpu_s = times.user + times.system - self._cpu_s
        self._cpu_s += cpu_s
        return {
            "rate": events / drain_s,
            "cpu_us": cpu_s / events * 1e6,
            "rss_mb": peak_mb(self._process.pid),
            "drain_s": drain_s,
            "wall_s": wall_s,
        }

    def _answer(self, wanted: str) -> str:
        assert self._process.stdout  # for mypy: it is a pipe
        watch = Timer(ENDS_WITHIN_S, self._process.kill)
        watch.daemon = True  # Ctrl-C waits for nobody
        watch.start()
        said = self._process.stdout.readline()
        watch.cancel()
        if not said.startswith(wanted):
            raise Broken(f"Flink has ended and not said {wanted}: {last_error(self.log)}")
        return said


def last_error(log: Path) -> str:
    """Give the cause that a log tells last."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    causes = [line for line in lines if line.startswith(("Caused by:", "Exception in"))]
    return (causes or lines or ["its log is empty"])[-1]
