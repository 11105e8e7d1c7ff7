"""Judging on the thread that reads (why: ADR 0012).

Rules: a piece of work is done when `submit` returns, so a take is handed on in the call that read its
messages. Work that fails says so where its result is asked for, as with any executor.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import ParamSpec, TypeVar

Wanted = ParamSpec("Wanted")
Done = TypeVar("Done")


class AtOnce(Executor):
    """Stands where a thread pool of a source would; the arguments are a pool's and say nothing here."""

    def __init__(self, threads: int, name: str) -> None:
        del threads, name

    def submit(
        self, work: Callable[Wanted, Done], /, *args: Wanted.args, **kwargs: Wanted.kwargs
    ) -> Future[Done]:
        """Do the work now."""
        done: Future[Done] = Future()
        try:
            done.set_result(work(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001  raised again by result(), on this same thread
            done.set_exception(error)
        return done
