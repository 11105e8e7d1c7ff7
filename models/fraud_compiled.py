"""Loops over arrays as machine code: the one place that knows numba.

Rules:
- A compiled function calls only compiled functions of its own file: numba's cache looks at the time of that
  file alone, so code of another one could stay in it for ever.
- A change of the options below reaches cached code only when the files that use it change, too.
- The cache lies beside the source, else in the user's cache folder (or NUMBA_CACHE_DIR); where none can be
  written, functions are compiled anew by each process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from numba import njit

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile at the first call; the interpreter's lock is not held while it runs.

    Compiled code makes no arrays: counting references to them took more than half of the time.
    """
    try:
        return _compiled(function, cache=True)
    except RuntimeError:  # no folder for the cache
        return _compiled(function, cache=False)


def inlined(function: Callable[P, R]) -> Callable[P, R]:
    """Compile into each place that calls it: for small ones, where passing tables costs most."""
    return _compiled(function, forceinline=True)


def _compiled(function: Callable[P, R], **options: bool) -> Callable[P, R]:
    rules: dict[str, Any] = {"nogil": True, "error_model": "numpy", "_nrt": False, **options}
    fast: Callable[P, R] = njit(**rules)(function)
    return fast
