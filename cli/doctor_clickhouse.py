"""`gamewax doctor`, ClickHouse: who answers, whether the tables are there, and what each user may do.

Rules: it changes nothing: what might be a write writes no row. A reader that is not refused every
write and every way out of the database is bad.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

import settings
from cli.doctor_lines import Line, bad, ok, warn
from sinks.migrations import DDL, load, unapplied
from topics.errors import BadInput

ANSWER_WITHIN_S = 3.0
CLOCKS_APART_S = 30
MOST_WORDS = 200  # characters of an error that are shown
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
NO_TABLE = {"60", "81"}
REFUSALS = {
    "46",
    "47",
    "62",
    "164",
    "291",
    "452",
    "491",
    "497",
}  # not allowed, or not even a name for this user
APPLIED = "SELECT name, checksum FROM DATABASE.schema_migrations FINAL FORMAT TSV"
UNDECIDED = "SELECT flow, count() FROM DATABASE.data_gaps WHERE answer = 'stop' GROUP BY flow ORDER BY flow"
WRITE_NOTHING = "INSERT INTO DATABASE.schema_migrations SELECT * FROM DATABASE.schema_migrations WHERE 0"
GREETING = "SELECT version(), toUnixTimestamp(now()) FORMAT TSV"
READERS_LIMITS = {
    "write rows": WRITE_NOTHING,
    "write elsewhere": "INSERT INTO FUNCTION null('a UInt8') SELECT 1 WHERE 0",
    "make tables": "CREATE TEMPORARY TABLE gamewax_doctor (a UInt8)",
    "leave readonly": "SELECT 1 SETTINGS readonly = 0",
    "read files": "SELECT * FROM file('gamewax-doctor', 'LineAsString')",
    "fetch addresses": "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString', 'a String') LIMIT 0",
}
START_ONE = "check GAMEWAX_CLICKHOUSE__URL, or start one: ./gamewax services start --detach"


class Refused(Exception):
    """ClickHouse answers with an error; `code` is its number."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class Door:
    """A ClickHouse as its two users reach it."""

    server: settings.ClickHouse
    http: httpx.Client

    def as_writer(self, query: str) -> str:
        """Run a query as the writer; gives the text of the answer.

        Raises:
            httpx.HTTPError: nobody answers in time.
            Refused: ClickHouse does not do it.

        """
        return self._ask(self.server.user, self.server.password, query)

    def as_reader(self, query: str) -> str:
        """Run a query as the reader; as `as_writer`."""
        return self._ask(self.server.reader_user, self.server.reader_password, query)

    def _ask(self, user: str, password: SecretStr, query: str) -> str:
        login = {"X-ClickHouse-User": user, "X-ClickHouse-Key": password.get_secret_value()}
        filled = query.replace("DATABASE", f"`{self.server.database}`")
        answer = self.http.post(self.server.url, content=filled, headers=login)
        if answer.is_error:
            code = answer.headers.get("X-ClickHouse-Exception-Code", f"HTTP {answer.status_code}")
            said = " ".join(answer.text.split())[:MOST_WORDS]
            raise Refused(code, said or f"HTTP {answer.status_code}")
        return answer.text


def look_at_clickhouse(at: settings.Settings) -> Iterator[Line]:
    """Ask as the writer, then as the reader."""
    with httpx.Client(timeout=ANSWER_WITHIN_S, trust_env=False) as http:
        yield from look_through(Door(at.clickhouse, http))


def look_through(door: Door) -> Iterator[Line]:
    """Tell who answers; then of the tables and of the reader."""
    server = door.server
    try:
        version, _, now = door.as_writer(GREETING).strip().partition("\t")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        reason = " ".join(str(error).split()) or error.__class__.__name__
        yield bad("clickhouse", f"{server.url} does not answer ({reason})", START_ONE)
        return
    except Refused as error:
        yield bad("clickhouse", f"{server.user} is refused: {error}", "check the user and its password")
        return
    if not now.isdecimal():
        yield bad("clickhouse", f"{server.url} is no ClickHouse", START_ONE)
        return
    yield ok("clickhouse", f"{version}, as {server.user} at {server.url}")
    address = urlsplit(server.url)
    if address.scheme == "http" and address.hostname not in LOOPBACK:
        yield warn("clickhouse way", "passwords travel in the clear", "use https, or a private network")
    yield clock(int(now))
    yield from look_at_tables(door)
    yield from look_at_reader(door)


def clock(theirs_s: int) -> Line:
    """Compare ClickHouse's clock with ours."""
    apart_s = abs(time.time_ns() // 1_000_000_000 - theirs_s)
    if apart_s <= CLOCKS_APART_S:
        return ok("clocks", "ClickHouse's and ours agree")
    return warn("clocks", f"ClickHouse's is {apart_s} s from ours", "run NTP on both hosts: panels use now()")


def look_at_tables(door: Door) -> Iterator[Line]:
    """Compare the migrations that were applied with those that this version has."""
    database, files = door.server.database, load(DDL)
    try:
        said = door.as_writer(APPLIED)
        applied = dict(row.split("\t") for row in said.splitlines())
        missing = unapplied(files, applied)
    except Refused as error:
        text = "no tables yet" if error.code in NO_TABLE else f"the tables cannot be read: {error}"
        yield bad("tables", f"{database}: {text}", "./gamewax migrate")
        return
    except BadInput as error:
        yield bad("tables", str(error), "restore the file")
        return
    newer = sorted(applied.keys() - {migration.name for migration in files})
    if missing:
        names = ", ".join(migration.name for migration in missing[:3])
        yield bad("tables", f"{len(missing)} migrations are missing: {names} …", "./gamewax migrate")
    elif newer:
        yield warn("tables", f"made by a newer version ({newer[-1]})", "update this one")
    else:
        yield ok("tables", f"{database}: all {len(files)} migrations applied")
        yield from look_at_gaps(door)
    yield writes(door)


def look_at_gaps(door: Door) -> Iterator[Line]:
    """Tell which flows wait for a decision about messages that are gone."""
    for row in door.as_writer(UNDECIDED).splitlines():
        flow, partitions = row.split("\t")
        text = f"{flow}: messages are gone in {partitions} partitions, and nobody has decided to go on"
        yield warn("gap", text, f"./gamewax recover {flow} tells what can be done (table data_gaps)")


def writes(door: Door) -> Line:
    """Tell whether the writer may write, by writing no row."""
    user = door.server.user
    try:
        door.as_writer(WRITE_NOTHING)
    except Refused as error:
        return bad("writer", f"{user} may not write: {error}", "grant it INSERT on the database")
    return ok("writer", f"{user} may write")


def look_at_reader(door: Door) -> Iterator[Line]:
    """Try what a reader must not be able to do."""
    user = door.server.reader_user
    if not user:
        yield warn("reader", "none is set", "set GAMEWAX_CLICKHOUSE__READER_USER for panels and pages")
        return
    try:
        door.as_reader("SELECT 1 FROM DATABASE.schema_migrations LIMIT 1")
    except Refused as error:
        if error.code not in NO_TABLE:
            yield bad("reader", f"{user} cannot read: {error}", "check its password and its grants")
            return
    may = [deed for deed, query in READERS_LIMITS.items() if not is_refused(door, query)]
    if may:
        limits = "give it readonly=1 and SELECT alone, as compose/clickhouse/users.xml does"
        yield bad("reader", f"{user} may {', '.join(may)}", limits)
    else:
        yield ok("reader", f"{user} only reads: {len(READERS_LIMITS)} ways out were refused")


def is_refused(door: Door, query: str) -> bool:
    """Tell whether the reader is not allowed to do it (failing for another reason is not enough)."""
    try:
        door.as_reader(query)
    except Refused as error:
        return error.code in REFUSALS
    except httpx.HTTPError:  # it was tried, and took its time
        return False
    return False
