"""`gamewax services`: Kafka and ClickHouse on this machine, without Docker or root.

In: a data folder. Out: two addresses on 127.0.0.1 with all topics and tables made. Rules: `start`
gives 0 only when both answer; `env` writes nothing but export lines to stdout.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from cli.topics import PARTITIONS, create_topics

if TYPE_CHECKING:  # imported when a command needs it
    from embedded.services import Services

app = typer.Typer(help="Run Kafka and ClickHouse on this machine.", rich_markup_mode="rich")

Data = Annotated[
    Path | None,
    typer.Option(
        "--data", metavar="DIR", help="Folder of all data and credentials \\[default: your data folder]."
    ),
]
Port = Annotated[
    int | None, typer.Option(min=1, max=65535, help="\\[default: the last one used, or a free one]")
]


@app.command()
def start(
    *,
    data: Data = None,
    detach: Annotated[
        bool, typer.Option("--detach", help="Return when both answer; leave them running.")
    ] = False,
    partitions: Annotated[
        int, typer.Option(min=1, max=1000, help="Partitions of each new topic.")
    ] = PARTITIONS,
    kafka_port: Port = None,
    clickhouse_port: Port = None,
) -> None:
    """Start both, create the topics and the tables; without --detach until Ctrl-C.

    Then: eval "$(./gamewax services env)" points a shell at them.
    """
    from embedded.services import Ports, run_in_foreground, start_detached

    folder, ports = folder_of(data), Ports(kafka_port, clickhouse_port)
    if detach:
        make_ready(start_detached(folder, ports), partitions)
    else:
        signal.signal(signal.SIGTERM, leave)
        run_in_foreground(folder, ports, lambda services: make_ready(services, partitions))


@app.command()
def stop(data: Data = None) -> None:
    """Stop both cleanly; the data stays."""
    from embedded import services

    folder = folder_of(data)
    print(f"stopped the services on {folder}" if services.stop(folder) else f"no services run on {folder}")


@app.command()
def status(data: Data = None) -> int:
    """Tell whether both answer, and where; exit code 0 only when they do."""
    from embedded.services import look

    folder = folder_of(data)
    services = look(folder)
    if services is None:
        print(f"no services run on {folder}")
        return 1
    kafka, clickhouse = services.kafka_answers(), services.clickhouse_answers()
    state = services.state
    tell("kafka", services.bootstrap_servers, state.kafka.pid, "answers" if kafka else state.kafka.trouble)
    tell(
        "clickhouse",
        services.clickhouse_url,
        state.clickhouse.pid,
        "answers" if clickhouse else state.clickhouse.trouble,
    )
    print(f"{'data':<11} {folder}")
    return 0 if kafka and clickhouse else 1


@app.command()
def env(data: Data = None) -> None:
    """Print the settings that lead to these services, as shell exports.

    Use: eval "$(./gamewax services env)"
    """
    from embedded.services import found

    for name, value in found(folder_of(data)).environment().items():
        quoted = value.replace("'", "'\\''")
        print(f"export {name}='{quoted}'")


def folder_of(data: Path | None) -> Path:
    """Give the data folder that the caller meant."""
    import settings

    return settings.from_caller(data) if data else settings.data_home()


def make_ready(services: Services, partitions: int) -> None:
    """Create the topics and tables, and tell where the services are."""
    from sinks.migrations import migrate

    create_topics(services.settings(), partitions)
    migrate(services.settings())
    print(f"{'kafka':<11} {services.bootstrap_servers}")
    print(f"{'clickhouse':<11} {services.clickhouse_url}")
    print(f"{'data':<11} {services.data}", flush=True)


def tell(name: str, address: str, pid: int | None, health: str) -> None:
    """Print one service's line."""
    print(f"{name:<11} {address}  pid {pid}  {health or 'does not answer'}")


def leave(_signal: int, _frame: FrameType | None) -> NoReturn:
    """End this command by way of every `finally`."""
    sys.exit(0)
