"""The dispatcher as a process: its store, its reader of the topic, its endpoint for health, to its end.

Rules: one owner for a store (the kernel's lock). SIGTERM and Ctrl-C end it once what is under way has been
answered; whatever else ends it is one line and an exit code. A kill loses nothing.
"""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import sys
from collections.abc import Awaitable, Mapping
from pathlib import Path
from threading import Event
from typing import TypeVar

import structlog
from confluent_kafka import Message

import settings
from cli.webhooks_means import means
from cli.webhooks_pages import Pages
from cli.webhooks_place import endpoints_file, store_file, store_folder
from flows.store_owner import OwnerLock, this_process
from sinks.outbox import Outbox
from sinks.webhook_dispatcher import Batch, Dispatcher, Kept, Record, unchanged
from sinks.webhook_lane import Silenced, nothing_silenced
from sinks.webhook_watch import WatchedFile
from sources.kafka_client import describe
from sources.outbox import OutboxReader, Taking, committed
from topics.errors import BadInput, Broken, GamewaxError, NeedsOperator
from topics.fraud_outbox import TOPIC

log = structlog.get_logger()

Told = TypeVar("Told")


def serve(begin: str | None, silenced: Silenced = nothing_silenced) -> int:
    """Run the dispatcher until it is asked to end; gives the exit code.

    `silenced` says from memory until when a player and a rule are to be silent: asked before each try.
    """
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    at = settings.load()
    folder = _own_folder(store_folder(at))
    first = _beginning(at, begin)
    try:
        outbox = Outbox(folder)
        if first is not None:
            with outbox.writing():
                outbox.passed(*first)
        asyncio.run(_serve(at, outbox, silenced))
    except BaseExceptionGroup as group:
        raise _cause(group) from group
    except sqlite3.Error as error:
        raise Broken(f"the dispatcher's store {store_file(at)} cannot be written: {error}") from error
    return 0


async def _serve(at: settings.Settings, outbox: Outbox, silenced: Silenced) -> None:
    loop, stop, ended = asyncio.get_running_loop(), asyncio.Event(), Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    watched = _watched(at)
    dispatcher = Dispatcher(
        outbox, means(at, silenced), watched.look if watched else unchanged, Kept(at.webhooks.keep_days)
    )
    dispatcher.configure(watched.look() or () if watched else ())

    async def take(batch: Batch) -> None:
        dispatcher.take(batch)

    async def places(log_id: str) -> Mapping[int, int]:
        return outbox.places(log_id)

    taking = Taking(
        places=lambda log_id: _in_loop(loop, places(log_id)),
        take=lambda log_id, messages, after: _in_loop(loop, take(_batch(log_id, messages, after))),
        ending=lambda: ended.is_set() or stop.is_set(),
        on_gap=at.kafka.on_gap,
    )
    reader = OutboxReader(at.kafka, TOPIC.name, taking)
    with Pages(at, outbox.path, reader.standing, dispatcher.still_s) as pages:
        log.info("dispatcher runs", store=str(outbox.path), health=pages.url)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(asyncio.to_thread(reader.run))
                both.create_task(dispatcher.run(stop))
        finally:
            ended.set()


def _watched(at: settings.Settings) -> WatchedFile | None:
    file = endpoints_file(at)
    if file is None:
        log.warning("nobody is told: GAMEWAX_WEBHOOKS__ENDPOINTS names no file")
        return None
    return WatchedFile(file, at.webhooks.ports)


def _batch(log_id: str, messages: list[Message], after: Mapping[int, int]) -> Batch:
    records = [Record(of.partition() or 0, of.offset() or 0, of.value()) for of in messages]
    return Batch(log_id, records, after)


def _in_loop(loop: asyncio.AbstractEventLoop, asked: Awaitable[Told]) -> Told:
    """Do something in the loop's thread and wait for it."""

    async def do() -> Told:
        return await asked

    return asyncio.run_coroutine_threadsafe(do(), loop).result()


def _own_folder(folder: Path) -> Path:
    """Make the store's folder, and keep others out of it until we end.

    Raises:
        BadInput: it cannot be made, or another dispatcher has it.
        NeedsOperator: others may write to it.

    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = OwnerLock(folder)
    except OSError as error:
        raise BadInput(
            f"the dispatcher's store {folder} cannot be used: {error.strerror} "
            "(GAMEWAX_WEBHOOKS__DIR says where)"
        ) from error
    if folder.stat().st_mode & 0o022:
        raise NeedsOperator(
            f"the dispatcher's store {folder} is writable by others: look inside, chmod 700 it"
        )
    lock.take(this_process())
    return folder


def _beginning(at: settings.Settings, begin: str | None) -> tuple[str, Mapping[int, int]] | None:
    """Say where a new store begins; None: at the topic's beginning, or where the store is.

    Raises:
        NeedsOperator: an older store had read from the topic, and is gone.

    """
    if store_file(at).exists() or begin == "earliest":
        return None
    found = describe(at.kafka, TOPIC.name)  # not later: a store that is gone must not be begun in silence
    told = committed(at.kafka, found)
    if not any(told.values()):
        return None
    if begin is None:
        raise NeedsOperator(
            f"the dispatcher's store {store_file(at)} is gone, and messages had been read into it: put it "
            "back, or begin a new one: ./gamewax webhooks run --begin committed|earliest (see --help)"
        )
    return found.id, told


def _cause(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Give the error of a group that says most to a person."""
    found = [error for error in _all(group) if not isinstance(error, asyncio.CancelledError)]
    ours = [error for error in found if isinstance(error, GamewaxError)]
    stores = [
        Broken(f"the dispatcher's store: {error}") for error in found if isinstance(error, sqlite3.Error)
    ]
    return next(iter([*ours, *stores, *found]), group)


def _all(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [below for one in error.exceptions for below in _all(one)]
    return [error]
