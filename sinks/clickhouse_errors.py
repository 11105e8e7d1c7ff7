"""What an error of ClickHouse means for the one who writes: wait and try again, or give up.

Rules: an error that ends by itself (network, overload, memory, disk) is waited out, for ever. One
that a person must end (password, missing table) is `BadInput`. All others are `Broken`: trying the
same rows again could only hide them.
"""

from __future__ import annotations

from enum import Enum, auto

from clickhouse_connect.driver.exceptions import ClickHouseError, OperationalError

from topics.errors import BadInput, Broken, GamewaxError

UNKNOWN_TABLE, UNKNOWN_DATABASE = 60, 81
# Numbers: ErrorCodes.cpp of ClickHouse.
PASSES_BY_ITSELF = frozenset({
    3,  # UNEXPECTED_END_OF_FILE: the body was cut on its way
    32,  # ATTEMPT_TO_READ_AFTER_EOF
    33,  # CANNOT_READ_ALL_DATA
    74,  # CANNOT_READ_FROM_FILE_DESCRIPTOR
    75,  # CANNOT_WRITE_TO_FILE_DESCRIPTOR: what a full disk may say
    159,  # TIMEOUT_EXCEEDED
    160,  # TOO_SLOW
    198,  # DNS_ERROR
    201,  # QUOTA_EXCEEDED
    202,  # TOO_MANY_SIMULTANEOUS_QUERIES
    203,  # NO_FREE_CONNECTION
    209,  # SOCKET_TIMEOUT
    210,  # NETWORK_ERROR
    225,  # NO_ZOOKEEPER
    236,  # ABORTED
    241,  # MEMORY_LIMIT_EXCEEDED
    242,  # TABLE_IS_READ_ONLY
    243,  # NOT_ENOUGH_SPACE
    252,  # TOO_MANY_PARTS: merges are behind
    279,  # ALL_CONNECTION_TRIES_FAILED
    285,  # TOO_FEW_LIVE_REPLICAS
    319,  # UNKNOWN_STATUS_OF_INSERT
    394,  # QUERY_WAS_CANCELLED
    415,  # ALL_REPLICAS_LOST
    425,  # SYSTEM_ERROR
    439,  # CANNOT_SCHEDULE_TASK
    473,  # DEADLOCK_AVOIDED
    499,  # S3_ERROR
    999,  # KEEPER_EXCEPTION
    1000,  # POCO_EXCEPTION
})  # fmt: skip
WRONG_LOGIN = frozenset(
    {192, 193, 194, 516}
)  # UNKNOWN_USER, WRONG_PASSWORD, REQUIRED_PASSWORD, AUTHENTICATION_FAILED
NO_RIGHTS = frozenset({164, 497})  # READONLY, ACCESS_DENIED
LONGEST_MESSAGE = 300  # characters of the server's own words in one line


class Verdict(Enum):
    """Whether trying the same again can help."""

    WAIT = auto()
    GIVE_UP = auto()


def judge(error: Exception) -> Verdict:
    """Decide whether the same request may succeed later."""
    if isinstance(error, OSError):
        return Verdict.WAIT
    code = getattr(error, "code", None)
    if code is not None:
        return Verdict.WAIT if code in PASSES_BY_ITSELF else Verdict.GIVE_UP
    answered_badly = "HTTP status" in str(error)  # without a code: a proxy or a dying server spoke
    away = isinstance(error, OperationalError) and not answered_badly
    return Verdict.WAIT if away or "HTTP status 5" in str(error) else Verdict.GIVE_UP


def in_one_line(error: Exception) -> str:
    """Give the server's own words without line ends, at most 300 characters."""
    return " ".join(str(error).split())[:LONGEST_MESSAGE]


def root_cause(error: Exception) -> str:
    """Give why nobody answered, without the driver's wrapping: `[Errno 111] Connection refused`."""
    reason = getattr(error.__cause__, "reason", None)
    return in_one_line(error) if reason is None else str(reason).rsplit(": ", 1)[-1]


def as_users_read_it(error: Exception, url: str, user: str, database: str) -> GamewaxError:
    """Turn a fatal error into one line that says what to do."""
    code = getattr(error, "code", None)
    if code in WRONG_LOGIN:
        return BadInput(
            f"ClickHouse at {url} refuses user {user!r}: "
            "set GAMEWAX_CLICKHOUSE__USER and GAMEWAX_CLICKHOUSE__PASSWORD"
        )
    if code in NO_RIGHTS or "is readonly" in str(error):  # the driver's own words for a reader's settings
        return BadInput(f"ClickHouse user {user!r} lacks a right: {in_one_line(error)}")
    if code == UNKNOWN_DATABASE:
        return BadInput(f"ClickHouse at {url} has no database {database!r}: run ./gamewax migrate")
    if code == UNKNOWN_TABLE:
        return BadInput(
            f"a table is missing in database {database!r}, run ./gamewax migrate: {in_one_line(error)}"
        )
    if isinstance(error, ClickHouseError) and code is None:
        return BadInput(
            f"what answers at {url} does not speak ClickHouse's HTTP protocol: {in_one_line(error)}"
        )
    return Broken(f"ClickHouse at {url} refused rows or a statement: {in_one_line(error)}")


def unreachable(error: Exception, url: str) -> BadInput:
    """Say that nothing useful answers at the address."""
    return BadInput(
        f"ClickHouse does not answer at {url}: start it (./gamewax services start --detach) "
        f"or set GAMEWAX_CLICKHOUSE__URL ({root_cause(error)})"
    )
