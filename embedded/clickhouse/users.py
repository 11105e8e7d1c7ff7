"""Who may ask: a writer, and a reader that can change nothing.

Rules: passwords are compared in constant time and never logged. Without a credentials file there is
one writer, `default`, with no password; the port is on loopback only.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from pathlib import Path

from embedded.clickhouse.errors import AUTHENTICATION_FAILED, refused
from topics.errors import BadInput


@dataclass(frozen=True, slots=True)
class User:
    """One name and what it may do."""

    name: str
    password: str
    reads_only: bool


DEFAULT_USERS = (User("default", "", reads_only=False),)


def read_users(path: Path | None) -> tuple[User, ...]:
    """Read `{"writer": {"user", "password"}, "reader": {"user", "password"}}`; no path: the default writer.

    Raises:
        BadInput: the file cannot be read or is of another shape.

    """
    if path is None:
        return DEFAULT_USERS
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
        return tuple(
            User(str(given[role]["user"]), str(given[role]["password"]), reads_only=role == "reader")
            for role in ("writer", "reader")
            if role == "writer" or role in given
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(
            f"credentials file {path} is unusable ({error}): it must be JSON "
            '{"writer": {"user", "password"}, "reader": {"user", "password"}}'
        ) from error


def authenticated(users: tuple[User, ...], headers: Message, params: Mapping[str, str]) -> User:
    """Find who asks, by ClickHouse's headers, Basic authentication, or `user` and `password` parameters.

    Raises:
        QueryError: no such user, or another password (code 516, which does not say which).

    """
    name, password = _claimed(headers, params)
    found = None
    for user in users:
        same_name = hmac.compare_digest(user.name.encode(), name.encode())
        same_password = hmac.compare_digest(user.password.encode(), password.encode())
        if same_name and same_password:
            found = user
    if found is None:
        raise refused(
            AUTHENTICATION_FAILED,
            f"{name}: Authentication failed: password is incorrect, or there is no user with such name",
        )
    return found


def _claimed(headers: Message, params: Mapping[str, str]) -> tuple[str, str]:
    if "X-ClickHouse-User" in headers or "X-ClickHouse-Key" in headers:
        return headers.get("X-ClickHouse-User", "default"), headers.get("X-ClickHouse-Key", "")
    scheme, _, token = headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            name, _, password = base64.b64decode(token.strip(), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return "", ""
        return name, password
    return params.get("user", "default"), params.get("password", "")
