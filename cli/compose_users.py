"""What must hold of ClickHouse's users in compose/clickhouse/: who there is and what each may do.

In: two XML files that we wrote. Out: the ways in which a rule is broken. Rules: only hashes, only from
the environment; a reader that can change nothing; `tests/test_compose_users.py` breaks every rule once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

USERS, CONFIG = Path("compose/clickhouse/users.xml"), Path("compose/clickhouse/config.xml")
HASHES = {"gamewax": "CLICKHOUSE_WRITER_SHA256", "gamewax_reader": "CLICKHOUSE_READER_SHA256"}
READER = "gamewax_reader"
GRANTS = {"gamewax": "GRANT ALL ON gamewax.*", READER: "GRANT SELECT ON gamewax.*"}
CAPPED = ("max_execution_time", "max_memory_usage", "max_result_rows", "max_concurrent_queries_for_user")
CHANGEABLE = {"max_execution_time", "enable_http_compression"}
CLOSED = ("mysql_port", "postgresql_port", "interserver_http_port")
PASSWORD = re.compile(r"password.*")


def broken_in_users(root: Path) -> Iterator[str]:
    """Give every way in which the two files break a rule."""
    for path, rules in ((USERS, (users_are_ours, reader_is_bounded)), (CONFIG, (ways_out_are_closed,))):
        try:
            tree = ET.fromstring((root / path).read_text(encoding="utf-8"))  # noqa: S314  our own file
        except ET.ParseError as error:
            yield f"{path}: {error}"
            continue
        yield from (f"{path}: {rule.__name__}: {what}" for rule in rules for what in rule(tree))


def users_are_ours(tree: ET.Element) -> Iterator[str]:
    """There is a writer and a reader, with hashes from the environment and one grant each; no default."""
    users = {user.tag: user for user in tree.findall("users/*")}
    default = users.pop("default", None)
    if default is None or default.get("remove") != "remove":
        yield "the user default is left"
    if users.keys() != HASHES.keys():
        yield f"there are the users {', '.join(users)}"
    for name, user in users.items():
        passwords = [(each.tag, each.get("from_env"), each.text) for each in user if PASSWORD.match(each.tag)]
        if passwords != [("password_sha256_hex", HASHES.get(name), None)]:
            yield f"{name} has another password than the hash in {HASHES.get(name)}"
        if [each.text for each in user.findall("grants/query")] != [GRANTS.get(name)]:
            yield f"{name} has other grants than {GRANTS.get(name)}"
        if user.findtext("access_management") != "0":
            yield f"{name} may manage users"
        if tree.find(f"profiles/{user.findtext('profile')}") is None:
            yield f"{name} has a profile that is not there"


def reader_is_bounded(tree: ET.Element) -> Iterator[str]:
    """The reader is read-only, every query of it ends, and it may change two harmless settings."""
    reader = tree.find(f"profiles/{tree.findtext(f'users/{READER}/profile')}")
    if reader is None:
        yield "there is no profile of the reader"
        return
    if reader.findtext("readonly") != "1" or reader.findtext("allow_ddl") != "0":
        yield "the reader may change something"
    yield from (f"{limit} has no limit" for limit in CAPPED if reader.findtext(limit, "0") == "0")
    changeable = {each.tag for each in reader.findall("constraints/*")}
    if changeable != CHANGEABLE or not reader.findtext("constraints/max_execution_time/max", ""):
        yield f"the reader may change {', '.join(sorted(changeable))}"


def ways_out_are_closed(tree: ET.Element) -> Iterator[str]:
    """No query reaches an address, and ports that nobody uses are closed."""
    hosts = tree.find("remote_url_allow_hosts")
    if hosts is None or len(hosts):
        yield "queries may reach addresses"
    for port in CLOSED:
        found = tree.find(port)
        if found is None or found.get("remove") != "remove":
            yield f"{port} is open"
