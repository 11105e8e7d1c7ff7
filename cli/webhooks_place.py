"""Where the dispatcher's store and the file of endpoints are, by the settings."""

from __future__ import annotations

from pathlib import Path

import settings
from flows.store_owner import Owner, OwnerLock
from settings import from_caller
from sinks.outbox import FILE
from sinks.webhook_endpoints import Endpoint
from sinks.webhook_file import read_file
from topics.errors import BadInput

FOLDER = "webhooks"


def store_folder(at: settings.Settings) -> Path:
    """Give the folder of the dispatcher's store."""
    beside = from_caller(at.recovery.dir).parent / FOLDER
    return beside if at.webhooks.dir is None else from_caller(at.webhooks.dir)


def store_file(at: settings.Settings) -> Path:
    """Give the store's file."""
    return store_folder(at) / FILE


def endpoints_file(at: settings.Settings) -> Path | None:
    """Give the file of endpoints, if one is named."""
    return None if at.webhooks.endpoints is None else from_caller(at.webhooks.endpoints)


def endpoints(at: settings.Settings) -> dict[str, Endpoint]:
    """Read the endpoints by name.

    Raises:
        BadInput: the file is wrong.

    """
    file = endpoints_file(at)
    found = () if file is None else read_file(file, at.webhooks.ports).endpoints
    return {endpoint.name: endpoint for endpoint in found}


def endpoint(at: settings.Settings, name: str) -> Endpoint:
    """Read one endpoint.

    Raises:
        BadInput: the file is wrong, or has none of this name.

    """
    if endpoints_file(at) is None:
        raise BadInput(
            "no endpoints are named: GAMEWAX_WEBHOOKS__ENDPOINTS gives their file (docs/webhooks.md)"
        )
    known = endpoints(at)
    if name not in known:
        raise BadInput(f"there is no endpoint {name!r}; there are: {', '.join(known) or 'none'}")
    return known[name]


def who_sends(folder: Path) -> str:
    """Say who delivers from a store, or that nobody does."""
    owner = dispatcher(folder)
    return f"the dispatcher is {owner}" if owner else "no dispatcher runs: ./gamewax webhooks run"


def dispatcher(folder: Path) -> Owner | None:
    """Give the process that delivers from a store, if one does."""
    if not folder.exists():
        return None
    lock = OwnerLock(folder)
    try:
        return lock.read() if lock.is_held() else None
    finally:
        lock.release()
