"""What ClickHouse and the topic of dead letters show, in the shapes of `verify.poison.truth`."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from clickhouse_connect.driver.client import Client

from verify.poison.contract import FIELDS, Takes
from verify.poison.log import read_log
from verify.poison.truth import EXTRA, Place, Row

Key = tuple[Any, ...]
Record = Mapping[str, Any]
BOOKS = ("read", "aggregated", "late", "dead", "duplicates")
_LETTERS = """
SELECT `partition`, `offset`, reason, `path`, hex(SHA256(`key`)), hex(SHA256(raw)),
    toUnixTimestamp64Milli(first_seen)
FROM dead_letters WHERE topic = {topic:String}
"""
_LATE = """
SELECT flow, window_seconds, `partition`, `offset`, toUnixTimestamp64Milli(event_time)
FROM late_events WHERE topic = {topic:String}
"""
_BOOKS = (
    f"SELECT flow, topic, window_seconds, `partition`, {', '.join(BOOKS)} FROM accounting WHERE `read` > 0"  # noqa: S608
)


def letters(client: Client, topic: str) -> dict[Place, Row]:
    """Read the dead letters of a topic; key and raw as their hashes."""
    names = ("reason", "path", "key", "raw", "first_seen")
    found = client.query(_LETTERS, parameters={"topic": topic}).result_rows
    return {(partition, offset): dict(zip(names, rest, strict=True)) for partition, offset, *rest in found}


def hashed(letter: Row) -> Row:
    """Give a true letter as the table's rows are read."""
    return {
        **{name: letter[name] for name in ("reason", "path", "first_seen")},
        "key": _hash(letter["key"]),
        "raw": _hash(letter["raw"]),
    }


def _hash(content: bytes) -> str:
    return sha256(content).hexdigest().upper()


def late_events(client: Client, topic: str) -> dict[Key, Row]:
    """Read the late events of a topic."""
    found = client.query(_LATE, parameters={"topic": topic}).result_rows
    return {tuple(key): {"event_time": at} for *key, at in found}


def books(client: Client) -> dict[Key, Row]:
    """Read all books."""
    found = client.query(_BOOKS).result_rows
    return {tuple(row[: -len(BOOKS)]): dict(zip(BOOKS, row[-len(BOOKS) :], strict=True)) for row in found}


def raw_rows(client: Client, topic: str) -> dict[Place, Row]:
    """Read the raw rows of a topic; of `extra` only the names."""
    names = list(FIELDS[topic])
    columns = [
        f"toUnixTimestamp64Milli(`{name}`)" if takes is Takes.TIME else f"`{name}`"
        for name, takes in FIELDS[topic].items()
    ]
    found = client.query(
        f"SELECT `partition`, `offset`, toUnixTimestamp64Milli(kafka_time), extra, {', '.join(columns)} "  # noqa: S608  our own names
        f"FROM {topic.replace('-', '_')}"
    ).result_rows
    return {
        (partition, offset): {**dict(zip(names, rest, strict=True)), "kafka_time": at, EXTRA: _names(extra)}
        for partition, offset, at, extra, *rest in found
    }


def _names(extra: str) -> set[str]:
    return set(json.loads(extra, parse_int=str, parse_float=str)) if extra else set()


def records(bootstrap_servers: str) -> dict[str, Record]:
    """Read the newest record of each key of the topic `dead-letters`."""
    return {
        (of.key or b"").decode(): json.loads(of.value or b"{}")
        for of in read_log(bootstrap_servers, "dead-letters")
    }


def says(record: Record, letter: Row) -> Row:
    """Give what a record says, with key and raw as whole as they stand there: a cut one by its begin."""
    return {
        "reason": record["reason"],
        "path": record["path"],
        **{name: _content(record, name, letter[name]) for name in ("key", "raw")},
    }


def _content(record: Record, name: str, true: bytes) -> bytes:
    """Give a field's bytes; of a cut one all, when its begin and its length are right."""
    if name in record:
        return str(record[name]).encode()
    content = b64decode(record[f"{name}_base64"])
    cut = record.get(f"{name}_bytes") == len(true) and content and true.startswith(content)
    return true if cut else content
