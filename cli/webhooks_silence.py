"""What the dispatcher does not send: players and rules that the fraud team has snoozed."""

from __future__ import annotations

import sys
from functools import partial

import structlog

from settings import Settings
from sinks.clickhouse_client import open_client
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
    return Snoozes(partial(open_client, server, server.database, ANSWER_S))
