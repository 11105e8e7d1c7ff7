"""Keeps models: writes versions, and moves the pointers that say which one works.

Rules:
- A version appears whole or not at all: its files are written aside, brought to the disk and renamed into
  place. Versions count up and are never written again. Two that train at once get two numbers.
- A pointer is replaced by one rename, so a reader finds the old one or the new one, never half of one.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from pathlib import Path

import msgspec

from models.fraud_card import CARD, Card, digest, encode
from sources.artifacts import CURRENT, SHADOW, Pointer, read_pointer, read_version, versions
from topics.errors import BadInput

REMEMBERED = 50  # earlier versions that a rollback can reach
_ASIDE = ".unfinished"


def keep(models: Path, name: str, card_of: Callable[[int], Card], files: Mapping[str, bytes]) -> Card:
    """Write a new version; `card_of` makes its card once its number is known.

    Raises:
        BadInput: the folder cannot be written.

    """
    with _alone(models / name) as home:
        version = max(versions(models, name), default=0) + 1
        card = card_of(version)
        aside = home / _ASIDE
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir()
        for file, content in {**files, CARD: encode(card)}.items():
            _write(aside / file, content)
        _sync(aside)
        aside.rename(home / str(version))
        _sync(home)
    return card


def promote(models: Path, name: str, version: int, pointer: str = CURRENT) -> Pointer:
    """Let a version work, or with `SHADOW` watch; gives the new pointer.

    Raises:
        BadInput: there is no such version.
        Refused: its files do not fit its card.

    """
    with _alone(models / name) as home:
        _, files = read_version(models, name, version)
        old = read_pointer(home / pointer)
        before = () if old is None else tuple(of for of in (*old.before, old.version) if of != version)
        new = Pointer(version, digest(files[CARD]), before[-REMEMBERED:])
        _point(home / pointer, new)
        shadow = read_pointer(home / SHADOW)
        if pointer == CURRENT and shadow is not None and shadow.version == version:
            _forget(home / SHADOW)
    return new


def roll_back(models: Path, name: str) -> Pointer | None:
    """Let the version before work again; None: there was none, so rules work alone.

    Raises:
        BadInput: no version works now.
        Refused: the version before does not fit its card.

    """
    with _alone(models / name) as home:
        old = read_pointer(home / CURRENT)
        if old is None:
            raise BadInput(f"no version of model {name} is in use, so there is nothing to roll back")
        if not old.before:
            _forget(home / CURRENT)
            return None
        _, files = read_version(models, name, old.before[-1])
        new = Pointer(old.before[-1], digest(files[CARD]), old.before[:-1])
        _point(home / CURRENT, new)
    return new


def stop_shadow(models: Path, name: str) -> bool:
    """Let no version watch any more; tells whether one did."""
    with _alone(models / name) as home:
        watched = (home / SHADOW).exists()
        _forget(home / SHADOW)
    return watched


@contextmanager
def _alone(home: Path) -> Iterator[Path]:
    """Hold a model's folder, which is made if need be, against others who would change it."""
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (home / ".lock").open("w")
    except OSError as error:
        raise BadInput(f"cannot write to {home} ({error.strerror}): set GAMEWAX_FRAUD__MODELS") from error
    with lock:
        flock(lock, LOCK_EX)
        yield home


def _point(path: Path, pointer: Pointer) -> None:
    aside = path.with_suffix(".new")
    _write(aside, msgspec.json.format(msgspec.json.encode(pointer)) + b"\n")
    aside.rename(path)
    _sync(path.parent)


def _forget(path: Path) -> None:
    path.unlink(missing_ok=True)
    _sync(path.parent)


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    """Bring a folder's new names to the disk."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
