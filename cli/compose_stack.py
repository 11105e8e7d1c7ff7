"""docker-compose.yml as typed values: what our rules look at, and no more.

Rules: anchors and merges are resolved by YAML; `${NAME…}` stays as it is written, since the rules are
about that. A file of another form than ours is one clear error.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from topics.errors import BadInput

COMPOSE = "docker-compose.yml"


class Limits(msgspec.Struct, frozen=True):
    """The share of the machine that a service may take."""

    cpus: str = ""
    memory: str = ""
    pids: int = 0


class Resources(msgspec.Struct, frozen=True):
    """What `deploy.resources` holds."""

    limits: Limits = Limits()


class Deploy(msgspec.Struct, frozen=True):
    """What `deploy` holds."""

    resources: Resources = Resources()


class Health(msgspec.Struct, frozen=True):
    """How Docker knows that a service is well."""

    test: list[str] = []
    interval: str = ""
    timeout: str = ""
    disable: bool = False


class BindOptions(msgspec.Struct, frozen=True):
    """Options of a bind mount."""

    create_host_path: bool = True


class Bind(msgspec.Struct, frozen=True):
    """A folder or file of the host in a container."""

    type: str
    source: str
    target: str
    read_only: bool = False
    bind: BindOptions = BindOptions()


class Build(msgspec.Struct, frozen=True):
    """How an image is made."""

    context: str
    dockerfile: str = "Dockerfile"
    target: str = ""


class Waits(msgspec.Struct, frozen=True):
    """What must be true of another service before this one starts."""

    condition: str


class Logging(msgspec.Struct, frozen=True):
    """Where output goes and how much is kept."""

    driver: str = ""
    options: dict[str, str] = {}


class Service(msgspec.Struct, frozen=True):
    """One service."""

    image: str = ""
    build: Build | None = None
    user: str = ""
    read_only: bool = False
    privileged: bool = False
    network_mode: str = ""
    pid: str = ""
    ipc: str = ""
    cap_add: list[str] = []
    cap_drop: list[str] = []
    devices: list[str] = []
    security_opt: list[str] = []
    ports: list[str] = []
    networks: list[str] = []
    environment: dict[str, str] = {}
    secrets: list[str] = []
    volumes: list[str | Bind] = []
    tmpfs: list[str] = []
    entrypoint: list[str] = []
    command: list[str] = []
    depends_on: dict[str, Waits] = {}
    healthcheck: Health | None = None
    deploy: Deploy = Deploy()
    logging: Logging = Logging()
    restart: str = "no"
    profiles: list[str] = []

    @property
    def stays(self) -> bool:
        """Tell whether it is meant to run for ever."""
        return self.restart != "no"

    @property
    def is_ours(self) -> bool:
        """Tell whether it runs our own image."""
        return self.image.startswith("gamewax:")


class Secret(msgspec.Struct, frozen=True):
    """Where a secret comes from."""

    file: str = ""


class Network(msgspec.Struct, frozen=True):
    """One network."""

    internal: bool = False


class Stack(msgspec.Struct, frozen=True):
    """The whole file; `root` is the folder that it lies in."""

    root: Path
    services: dict[str, Service]
    networks: dict[str, Network] = {}
    secrets: dict[str, Secret] = {}
    volumes: dict[str, dict[str, Any]] = {}


def read_stack(root: Path) -> Stack:
    """Read the file of a folder.

    Raises:
        BadInput: it cannot be read or has another form than ours.

    """
    try:
        text = (root / COMPOSE).read_text(encoding="utf-8")
    except OSError as error:
        raise BadInput(f"cannot read {root / COMPOSE}: {error.strerror}") from error
    return parse_stack(text, root)


def parse_stack(text: str, root: Path) -> Stack:
    """Read the text of a file that would lie in `root`.

    Raises:
        BadInput: it has another form than ours.

    """
    import yaml

    try:
        return msgspec.convert({**yaml.safe_load(text), "root": root}, type=Stack)
    except (yaml.YAMLError, msgspec.ValidationError, TypeError) as error:
        raise BadInput(f"{COMPOSE} has not the form that our rules read: {error}") from error
