"""What `gamewax compose init` writes: random passwords as files, and `.env` with all that is not secret.

Rules: nothing that is there is overwritten unasked; lines of `.env` that are not ours stay. The folder
is for its owner alone, which protects the files: they are readable by all inside it, because each
container reads its own as another user. ClickHouse gets hashes only; Kafka's cluster keeps its id.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from topics.errors import BadInput

ENV, FOLDER = ".env", ".secrets"
WEBHOOK = "webhook_secret"
SECRET_FILES = ("clickhouse_writer", "clickhouse_reader", "grafana_admin", "grafana_key", WEBHOOK)
NAMES = ("SECRETS_DIR", "KAFKA_CLUSTER_ID", "CLICKHOUSE_WRITER_SHA256", "CLICKHOUSE_READER_SHA256")
PASSWORD_BYTES = 24
CLUSTER_ID_BYTES = 16
HEAD = "# For docker compose, by ./gamewax compose init"
OURS = re.compile(rf"^(?:export\s+)?({'|'.join(NAMES)})\s*=\s*'?([^'\n]*)'?", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Place:
    """Where `.env` and the secrets go; `root` is the folder of docker-compose.yml."""

    folder: Path
    root: Path

    @property
    def env(self) -> Path:
        """The file of variables."""
        return self.folder / ENV

    @property
    def secrets(self) -> Path:
        """The folder of passwords."""
        return self.folder / FOLDER

    @property
    def secrets_as_compose_reads_it(self) -> str:
        """The folder of passwords, seen from docker-compose.yml."""
        return f"./{FOLDER}" if self.folder == self.root else str(self.secrets)


def write_new(place: Place) -> None:
    """Write passwords and variables where there are none.

    Raises:
        BadInput: there are some, or the folder cannot be written.

    """
    there = [path for path in (place.secrets, *_env_with_ours(place)) if path.exists()]
    if there:
        raise BadInput(f"{there[0]} is there already: it is kept; --force makes new passwords")
    write(place)


def write(place: Place) -> None:
    """Write passwords and variables, in the place of those that may be there.

    Raises:
        BadInput: the folder cannot be written.

    """
    if re.search(r"['\"$\n\\]", str(place.secrets)):
        raise BadInput(f"a path with quotes, $ or \\ does not fit into {ENV}: {place.secrets}")
    try:
        before = place.env.read_text(encoding="utf-8") if place.env.exists() else ""
        passwords = {name: secrets.token_urlsafe(PASSWORD_BYTES) for name in SECRET_FILES}
        passwords[WEBHOOK] = webhook_secret()
        place.secrets.mkdir(mode=0o700, parents=True, exist_ok=True)
        place.secrets.chmod(0o700)
        for name, password in passwords.items():
            _put(place.secrets / name, password, 0o444)
        _put(place.env, env_text(before, variables(place, before, passwords)), 0o600)
    except OSError as error:
        raise BadInput(f"cannot write to {place.folder}: {error.strerror}") from error


def variables(place: Place, before: str, passwords: Mapping[str, str]) -> dict[str, str]:
    """Give what docker-compose.yml asks for; the id of a cluster that may have data stays."""
    known = dict(OURS.findall(before))
    return {
        "SECRETS_DIR": place.secrets_as_compose_reads_it,
        "KAFKA_CLUSTER_ID": known.get("KAFKA_CLUSTER_ID") or cluster_id(),
        "CLICKHOUSE_WRITER_SHA256": sha256(passwords["clickhouse_writer"]),
        "CLICKHOUSE_READER_SHA256": sha256(passwords["clickhouse_reader"]),
    }


def env_text(before: str, ours: Mapping[str, str]) -> str:
    """Put our variables behind the lines that are not ours."""
    others = [line for line in before.splitlines() if line != HEAD and not OURS.match(line)]
    return "\n".join([*others, HEAD, *(f"{name}='{value}'" for name, value in ours.items()), ""])


def cluster_id() -> str:
    """Make an id as Kafka does: 16 random bytes in base64, no dash at its beginning."""
    made = base64.urlsafe_b64encode(secrets.token_bytes(CLUSTER_ID_BYTES)).decode().rstrip("=")
    return made if not made.startswith("-") else cluster_id()


def webhook_secret() -> str:
    """Make a secret that signs webhooks, as receivers are handed it."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(PASSWORD_BYTES)).decode()}"


def sha256(password: str) -> str:
    """Hash a password as ClickHouse's users file wants it; 192 random bits need no slow hash."""
    return hashlib.sha256(password.encode()).hexdigest()


def _env_with_ours(place: Place) -> list[Path]:
    if not place.env.exists():
        return []
    return [place.env] if OURS.search(place.env.read_text(encoding="utf-8")) else []


def _put(path: Path, text: str, mode: int) -> None:
    """Put a file in its place whole, never readable by more people than it should be."""
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    unfinished.chmod(mode)
    unfinished.replace(path)
