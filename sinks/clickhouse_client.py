"""The connection to ClickHouse: clickhouse-connect's HTTP client, opened the one way we want it.

Rules: the address and the password come from an argument, whose shape is that of
`settings.ClickHouse`; the password is never part of a message; a client serves one thread.
"""

from __future__ import annotations

import logging
import re
from typing import Protocol
from urllib.parse import urlsplit

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from pydantic import SecretStr

from sinks.clickhouse_errors import Verdict, as_users_read_it, judge, unreachable
from topics.errors import BadInput

CONNECT_TIMEOUT_S = 5
ANSWER_TIMEOUT_S = 120
DATABASE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")

# The driver warns at each failed try; who retries reports the change of state once instead.
logging.getLogger("clickhouse_connect").setLevel(logging.ERROR)


class Server(Protocol):
    """Where ClickHouse answers and who writes (`settings.ClickHouse` has this shape)."""

    @property
    def url(self) -> str:
        """The address, as http://host:8123."""

    @property
    def database(self) -> str:
        """The database that holds all tables."""

    @property
    def user(self) -> str:
        """Who writes."""

    @property
    def password(self) -> SecretStr:
        """The writer's password."""


def open_client(server: Server, database: str | None, answer_s: int = ANSWER_TIMEOUT_S) -> Client:
    """Open a client, which asks the server for its version and settings; it waits `answer_s` for answers.

    Raises:
        BadInput: the address or the database's name cannot be one.
        ClickHouseError: whatever the driver says; `sinks.clickhouse_errors` judges it.

    """
    address = urlsplit(server.url)
    if address.scheme not in {"http", "https"} or not address.hostname:
        raise BadInput(f"GAMEWAX_CLICKHOUSE__URL must look like http://host:8123, not {server.url!r}")
    check_database_name(server.database)
    return clickhouse_connect.get_client(
        interface=address.scheme,
        host=address.hostname,
        port=address.port or (8443 if address.scheme == "https" else 8123),
        username=server.user,
        password=server.password.get_secret_value(),
        database=database,
        connect_timeout=CONNECT_TIMEOUT_S,
        send_receive_timeout=answer_s,
        query_retries=0,
        autogenerate_session_id=False,  # a session would serialise and pin what needs no state
        client_name="gamewax",
        proxy_path=address.path,
        dedicated_pool=True,
    )


def connect(server: Server, database: str | None) -> Client:
    """Open a client or say in one line why not.

    Raises:
        BadInput: nobody answers, or the login or the database is refused.

    """
    try:
        return open_client(server, database)
    except (ClickHouseError, OSError) as error:
        if judge(error) is Verdict.WAIT:
            raise unreachable(error, server.url) from error
        raise as_users_read_it(error, server.url, server.user, server.database) from error


def check_database_name(name: str) -> None:
    """Refuse a name that would need quoting.

    Raises:
        BadInput: the name is no plain identifier.

    """
    if not DATABASE_NAME.fullmatch(name):
        raise BadInput(f"GAMEWAX_CLICKHOUSE__DATABASE must be letters, digits and _, not {name!r}")
