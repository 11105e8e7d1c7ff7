"""Stored models: a folder a version, and pointers that say which one works and which one only watches.

Rules:
- `<models>/<name>/<version>/` holds card.json, model.skops and model.onnx, and is never changed.
  `current.json` and `shadow.json` beside it name a version and the sha256 of its card, which names those of
  the files: so one changed byte anywhere is found before a model scores anything.
- Nothing is loaded that does not fit: `Refused` says what differs. No pointer: no model, and no error.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from models.fraud_card import CARD, FILES, ONNX, Card, Refused, check, decode, digest
from models.fraud_serving import Model, opened
from topics.errors import BadInput

NAME = "fraud"  # of the model that scores purchases
CURRENT, SHADOW = "current.json", "shadow.json"
MOST_BYTES = 1 << 30  # a larger file is no model of ours


class Pointer(msgspec.Struct, frozen=True):
    """Which version is meant, its card's sha256, and the versions that were meant before, the latest last."""

    version: int
    card_sha256: str
    before: tuple[int, ...] = ()


def load_model(models: Path, name: str = NAME, pointer: str = CURRENT) -> Model | None:
    """Load the model that works, or with `SHADOW` the one that only watches; None: there is none.

    Raises:
        Refused: it does not fit its card, its pointer or this version.

    """
    meant = read_pointer(models / name / pointer)
    if meant is None:
        return None
    folder = models / name / str(meant.version)
    content = _read(folder / CARD)
    if digest(content) != meant.card_sha256:
        raise Refused(f"{folder / CARD} is not the card that was promoted (sha256 differs): promote it again")
    card = decode(content)
    _check_place(card, folder)
    return opened(card, _read(folder / ONNX))


def read_version(models: Path, name: str, version: int) -> tuple[Card, dict[str, bytes]]:
    """Read a version whole: its card, which all its files fit, and the files with the card's own bytes.

    Raises:
        BadInput: there is no such version.
        Refused: something differs.

    """
    folder = models / name / str(version)
    if not (folder / CARD).is_file():
        there = ", ".join(map(str, versions(models, name))) or "none; make one with ./gamewax fraud train"
        raise BadInput(f"there is no version {version} of model {name}; there are: {there}")
    content = _read(folder / CARD)
    card = decode(content)
    _check_place(card, folder)
    files = {file: _read(folder / file) for file in FILES}
    check(card, files, {})
    return card, files | {CARD: content}


def versions(models: Path, name: str) -> list[int]:
    """Give all stored versions, the oldest first."""
    named = [card.parent.name for card in (models / name).glob(f"*/{CARD}")]
    return sorted(int(version) for version in named if version.isascii() and version.isdigit())


def read_pointer(path: Path) -> Pointer | None:
    """Read a pointer; None: there is none.

    Raises:
        Refused: it cannot be read.

    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Pointer)
    except FileNotFoundError:
        return None
    except (msgspec.DecodeError, OSError) as error:
        raise Refused(f"{path} cannot be read ({error}): ./gamewax fraud promote a version") from error


def _check_place(card: Card, folder: Path) -> None:
    if (card.name, str(card.version)) != (folder.parent.name, folder.name):
        raise Refused(f"{folder} holds model {card.name} version {card.version}: put it back where it was")


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise Refused(f"{path} is larger than any model: train a new one, or roll back")
        return path.read_bytes()
    except OSError as error:
        raise Refused(
            f"{path} cannot be read ({error.strerror}): put it back, or ./gamewax fraud rollback"
        ) from error
