"""What the dispatcher does not send: players and rules that the fraud team has snoozed."""

from __future__ import annotations

import sys
from functools import partial

import structlog
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from settings import ClickHouse, Settings
from sinks.clickhouse_client import open_client
from sinks.clickhouse_errors import Verdict, as_users_read_it, judge, unreachable
from sources.snoozes import Snoozes

ANSWER_S = 5  # nothing that is sent waits for it, but the end of the process may


def snoozes_of(at: Settings) -> Snoozes:
    """Give what is silent, by the settings' ClickHouse; open it before anything is sent.

    It is asked as the reader, where there is one: who talks to the world outside need not be able to write.
    """
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    server = at.clickhouse
    if server.reader_user:
        reads = {"user": server.reader_user, "password": server.reader_password}
        server = server.model_copy(update=reads)
    return Snoozes(partial(_opened, server))


def _opened(server: ClickHouse) -> Client:
    """Open a client, or say in one line why not.

    Raises:
        BadInput: nobody answers, or the login or the database is refused.

    """
    try:
        return open_client(server, server.database, ANSWER_S)
    except (ClickHouseError, OSError) as error:
        if judge(error) is Verdict.WAIT:
            raise unreachable(error, server.url) from error
        raise as_users_read_it(error, server.url, server.user, server.database) from error
