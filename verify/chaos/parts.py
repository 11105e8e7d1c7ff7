"""Everything that a chaos run may harm, as processes of its own in one folder: Kafka, ClickHouse, the flows.

Rules: start parts from the main thread only (the kernel ties them to it). Whatever dies is started again by
`keep`, as a machine's service manager would: Kafka and ClickHouse when their absence is over, the
supervisor of a flow after a moment. Flows are started again by their own supervisors, `./gamewax run`.
Ports lie below those that the system gives to clients, or a client could take one while its server is away.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import psutil
from pydantic import SecretStr

import settings
from embedded import kafka, services_clickhouse
from embedded.kafka import EmbeddedKafka
from embedded.process import HOST
from embedded.services_clickhouse import ClickHouseChild
from embedded.services_state import credentials, make_folder
from topics.errors import GamewaxError, NeedsOperator
from verify.chaos.supervised import Supervised
from verify.fault_proxy import FaultProxy

FLOWS = ("engagement", "purchases", "server_health", "archive")
DATABASE = "gamewax"
PORTS = range(20_000, 32_000)
KAFKA, CLICKHOUSE = "kafka", "clickhouse"
TRY_AGAIN_S = 1.0


@dataclass(slots=True)
class Absence:
    """A service that was killed and when it may come back, in seconds of the monotonic clock."""

    until: float = 0.0
    starts: int = 0


class Parts:
    """The parts while they run; `flow_settings` are variables for the flows besides the addresses."""

    def __init__(self, folder: Path, random: Random, flow_settings: Mapping[str, str]) -> None:
        make_folder(folder)
        self.folder = folder
        self.users = credentials(folder)
        kafka_port, clickhouse_port = quiet_ports(random, 2)
        self.kafka = EmbeddedKafka(folder / KAFKA, kafka_port)
        self.clickhouse = ClickHouseChild(folder, clickhouse_port)
        self.proxy = FaultProxy(clickhouse_port)
        self._flow_settings = flow_settings
        self.flows: dict[str, Supervised] = {}
        self.absences = {KAFKA: Absence(), CLICKHOUSE: Absence()}

    @property
    def recovery(self) -> Path:
        """Where the flows keep their place."""
        return self.folder / "recovery"

    def settings(self) -> settings.Settings:
        """Give settings that lead to Kafka and straight to ClickHouse, past the proxy."""
        mine = settings.load()
        password = SecretStr(self.users.writer.password)
        clickhouse = {"url": f"http://{HOST}:{self.clickhouse.port}", "database": DATABASE}
        clickhouse_as = {**clickhouse, "user": self.users.writer.user, "password": password}
        broker = {"bootstrap_servers": self.kafka.bootstrap_servers, "options": {}}
        return mine.model_copy(
            update={
                "kafka": mine.kafka.model_copy(update=broker),
                "clickhouse": mine.clickhouse.model_copy(update=clickhouse_as),
            }
        )

    def environment(self) -> dict[str, str]:
        """Give the flows' environment: ours without our settings, and what leads them through the proxy."""
        ours = {name: value for name, value in os.environ.items() if not name.startswith("GAMEWAX_")}  # noqa: TID251
        return {
            **ours,
            "GAMEWAX_KAFKA__BOOTSTRAP_SERVERS": self.kafka.bootstrap_servers,
            "GAMEWAX_KAFKA__OPTIONS": "{}",
            "GAMEWAX_CLICKHOUSE__URL": self.proxy.url,
            "GAMEWAX_CLICKHOUSE__DATABASE": DATABASE,
            "GAMEWAX_CLICKHOUSE__USER": self.users.writer.user,
            "GAMEWAX_CLICKHOUSE__PASSWORD": self.users.writer.password,
            "GAMEWAX_RECOVERY__DIR": str(self.recovery),
            **self._flow_settings,
        }

    def start_flows(self) -> None:
        """Start every flow under its supervisor."""
        environment = self.environment()
        self.flows = {name: Supervised(name, environment, self.folder / f"{name}.log") for name in FLOWS}

    def pid(self, target: str) -> int | None:
        """Give the process of `kafka`, `clickhouse`, a flow or `supervisor of FLOW`; None: it is dead."""
        if target == KAFKA:
            return self.kafka.pid if self.kafka.is_running else None
        if target == CLICKHOUSE:
            return self.clickhouse.pid if self.clickhouse.is_running else None
        flow = self.flows[target.removeprefix("supervisor of ")]
        return flow.pid if target != flow.name else flow.flow_pid()

    def stay_away(self, service: str, seconds: float) -> None:
        """Keep a service that was just killed away for a while."""
        self.absences[service].until = time.monotonic() + seconds

    def keep(self) -> None:
        """Start again what is dead and due.

        Raises:
            NeedsOperator: a flow stopped for a person to decide.

        """
        now = time.monotonic()
        for name, service in ((KAFKA, self.kafka), (CLICKHOUSE, self.clickhouse)):
            absence = self.absences[name]
            if not service.is_running and now >= absence.until:
                absence.until = now + TRY_AGAIN_S
                absence.starts += 1
                try:
                    service.launch()
                except NeedsOperator:
                    raise
                except GamewaxError:  # its port is not free yet, say
                    continue
        for flow in self.flows.values():
            flow.keep(now)

    def all_up(self) -> bool:
        """Tell whether every process is there."""
        targets = (KAFKA, CLICKHOUSE, *self.flows, *(f"supervisor of {name}" for name in self.flows))
        return all(self.pid(target) is not None for target in targets)

    def answer(self) -> bool:
        """Tell whether Kafka and ClickHouse answer."""
        return services_clickhouse.answers(self.clickhouse.port) and kafka.answers(
            kafka.client(self.kafka.bootstrap_servers)
        )

    def processes(self) -> dict[str, psutil.Process]:
        """Give the processes that do the work, by name, as far as they live."""
        found = {}
        for name in (KAFKA, CLICKHOUSE, *self.flows):
            pid = self.pid(name)
            if pid is not None and psutil.pid_exists(pid):
                found[name] = psutil.Process(pid)
        return found


@contextmanager
def running(folder: Path, random: Random, flow_settings: Mapping[str, str]) -> Iterator[Parts]:
    """Start Kafka, ClickHouse and the proxy; at the end nothing is left running.

    Raises:
        GamewaxError: a service cannot start; its text says why.

    """
    parts = Parts(folder, random, flow_settings)
    with ExitStack() as ends:
        ends.callback(parts.kafka.stop)
        ends.callback(parts.clickhouse.stop)
        parts.clickhouse.launch()
        parts.kafka.start()
        parts.clickhouse.wait_ready()
        ends.enter_context(parts.proxy)
        ends.callback(_end, parts)
        yield parts


def _end(parts: Parts) -> None:
    for flow in parts.flows.values():
        flow.kill()


def quiet_ports(random: Random, wanted: int) -> list[int]:
    """Choose ports on which nobody listens and from which no client calls."""
    found: list[int] = []
    while len(found) < wanted:
        port = random.choice(PORTS)
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
        if port not in found:
            found.append(port)
    return found
