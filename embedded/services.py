"""The local services of one data folder, as everybody else sees them: start, look, stop, settings.

Rules: one supervisor (`embedded.supervisor`) per folder does the work; this side only starts it,
waits for both services to answer, and ends it. `running` ties it to our own life; `start_detached`
leaves it behind with none of our file descriptors.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from pydantic import SecretStr

import settings
from embedded import kafka, services_clickhouse
from embedded.process import HOST, ROOT, Child, signals_held
from embedded.services_state import LOG, State, credentials, is_supervised, make_folder, read_state
from topics.errors import BadInput, Broken, GamewaxError, NeedsOperator

READY_WITHIN_S = 150.0
STOPPED_WITHIN_S = 90.0
LOOK_EVERY_S = 0.05
SUPERVISOR = "embedded.supervisor"
SAID_BY_US = "gamewax: "
DATABASE = "gamewax"
BY_EXIT_CODE = {kind.exit_code: kind for kind in (Broken, BadInput, NeedsOperator)}


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports that the caller insists on; `None` takes the last one used, or a free one."""

    kafka: int | None = None
    clickhouse: int | None = None


@dataclass(frozen=True, slots=True)
class Services:
    """The services of a folder at the moment of looking."""

    data: Path
    state: State

    @property
    def bootstrap_servers(self) -> str:
        """Kafka's address."""
        return f"{HOST}:{self.state.kafka.port}"

    @property
    def clickhouse_url(self) -> str:
        """ClickHouse's address, without credentials."""
        return f"http://{HOST}:{self.state.clickhouse.port}"

    def kafka_answers(self) -> bool:
        """Ask Kafka for its metadata."""
        return kafka.answers(kafka.client(self.bootstrap_servers))

    def clickhouse_answers(self) -> bool:
        """Ask ClickHouse for a ping."""
        return services_clickhouse.answers(self.state.clickhouse.port)

    def answer(self) -> bool:
        """Tell whether both are up and answer."""
        return self.state.phase == "ready" and self.kafka_answers() and self.clickhouse_answers()

    def environment(self) -> dict[str, str]:
        """Give the variables that point every command at these services."""
        users = credentials(self.data)
        return {
            "GAMEWAX_KAFKA__BOOTSTRAP_SERVERS": self.bootstrap_servers,
            "GAMEWAX_CLICKHOUSE__URL": self.clickhouse_url,
            "GAMEWAX_CLICKHOUSE__DATABASE": DATABASE,
            "GAMEWAX_CLICKHOUSE__USER": users.writer.user,
            "GAMEWAX_CLICKHOUSE__PASSWORD": users.writer.password,
            "GAMEWAX_CLICKHOUSE__READER_USER": users.reader.user,
            "GAMEWAX_CLICKHOUSE__READER_PASSWORD": users.reader.password,
            "GAMEWAX_RECOVERY__DIR": str(self.data / "recovery"),
        }

    def settings(self) -> settings.Settings:
        """Give our own settings with these services in the place of the configured ones."""
        mine = settings.load()
        users = credentials(self.data)
        clickhouse = {
            "url": self.clickhouse_url,
            "database": DATABASE,
            "user": users.writer.user,
            "password": SecretStr(users.writer.password),
            "reader_user": users.reader.user,
            "reader_password": SecretStr(users.reader.password),
        }
        return mine.model_copy(
            update={
                "kafka": mine.kafka.model_copy(update={"bootstrap_servers": self.bootstrap_servers}),
                "clickhouse": mine.clickhouse.model_copy(update=clickhouse),
                "recovery": mine.recovery.model_copy(update={"dir": self.data / "recovery"}),
            }
        )


def look(data: Path) -> Services | None:
    """Give the services that are supervised on this folder now, `None` when none are."""
    state = read_state(data) if is_supervised(data) else None
    return Services(data, state) if state else None


def found(data: Path) -> Services:
    """Give the services of this folder.

    Raises:
        BadInput: none run there.

    """
    services = look(data)
    if services is None:
        raise BadInput(f"no services run on {data}: ./gamewax services start --detach --data '{data}'")
    return services


@contextmanager
def running(data: Path, ports: Ports | None = None) -> Iterator[Services]:
    """Start the services for as long as the caller needs them; those that run already are left running.

    Raises:
        GamewaxError: a service cannot start; its text says why.

    """
    if is_supervised(data):
        yield _wait_ready(data, _not_ours)
        return
    _prepare(data)
    with _supervisor(data, ports or Ports()) as child:
        yield _wait_ready(data, lambda: child.exit_code)


@contextmanager
def _supervisor(data: Path, ports: Ports) -> Iterator[Child]:
    """Have a supervisor for as long as the caller needs it."""
    with ExitStack() as ending:
        with signals_held():
            child = Child(_command(data, ports), data / LOG)
            ending.callback(child.stop, within_s=STOPPED_WITHIN_S)
        yield child


def start_detached(data: Path, ports: Ports) -> Services:
    """Start the services so that they outlive us; gives them when both answer.

    Raises:
        GamewaxError: a service cannot start; its text says why.

    """
    if is_supervised(data):
        return _wait_ready(data, _not_ours)
    _prepare(data)
    with (data / LOG).open("ab") as log:
        supervisor = subprocess.Popen(  # noqa: S603  our own module, no shell
            _command(data, ports),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=ROOT,
            start_new_session=True,
        )
    return _wait_ready(data, supervisor.poll)


def run_in_foreground(data: Path, ports: Ports, when_ready: Callable[[Services], None]) -> None:
    """Run the services until we are interrupted or somebody stops them.

    Raises:
        GamewaxError: a service cannot start or needs an operator; its text says why.

    """
    if is_supervised(data):
        raise BadInput(f"services already run on {data}: ./gamewax services status")
    _prepare(data)
    with _supervisor(data, ports) as child:
        when_ready(_wait_ready(data, lambda: child.exit_code))
        code = child.wait()
    if code:
        raise _why(data, code)


def stop(data: Path) -> bool:
    """End the services of this folder cleanly; gives whether there were any.

    Raises:
        Broken: they do not end.

    """
    services = look(data)
    if services is None:
        return False
    supervisor = services.state.supervisor
    with suppress(psutil.NoSuchProcess):
        if SUPERVISOR in psutil.Process(supervisor).cmdline():
            os.kill(supervisor, signal.SIGTERM)
    give_up_at = time.monotonic() + STOPPED_WITHIN_S
    while is_supervised(data):
        if time.monotonic() > give_up_at:
            raise Broken(f"process {supervisor} does not end; see {data / LOG}")
        time.sleep(LOOK_EVERY_S)
    return True


def _prepare(data: Path) -> None:
    """Make the folder, and download Kafka here, where a progress bar can be seen."""
    make_folder(data)
    kafka.java_command(settings.load().embedded)


def _command(data: Path, ports: Ports) -> list[str]:
    command = [sys.executable, "-m", SUPERVISOR, "--data", str(data)]
    command += ["--kafka-port", str(ports.kafka)] if ports.kafka else []
    command += ["--clickhouse-port", str(ports.clickhouse)] if ports.clickhouse else []
    return command


def _wait_ready(data: Path, ended: Callable[[], int | None]) -> Services:
    """Wait until both answer; `ended` gives the exit code of the supervisor that we started."""
    give_up_at = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < give_up_at:
        services = look(data)
        if services and services.answer():
            return services
        code = ended()
        if code is not None and not is_supervised(data):
            raise _why(data, code)
        time.sleep(LOOK_EVERY_S)
    raise Broken(f"the services did not answer within {READY_WITHIN_S:.0f} s; see {data / LOG}")


def _not_ours() -> int:
    """Stand in for the exit code of a supervisor that somebody else started."""
    return Broken.exit_code


def _why(data: Path, code: int) -> GamewaxError:
    """Give the error that the ended supervisor wrote last."""
    said = (data / LOG).read_text(encoding="utf-8", errors="replace").splitlines()
    kind = BY_EXIT_CODE.get(code)
    if kind is None or not said or not said[-1].startswith(SAID_BY_US):
        return Broken(f"the services ended with code {code}; see {data / LOG}")
    return kind(said[-1].removeprefix(SAID_BY_US))
