"""The card of a model: what it learned from, what it needs, how good it was, and what its files hold.

Rules:
- A model is used only if all of its card fits: the sha256 of each file, the features that this version
  computes, the major versions of the libraries that run it.
- A card names what it was made with, so that whoever reads it later can make it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

import msgspec

from models.fraud_matrix import MISSING, USABLE
from models.fraud_measures import Measures
from topics.errors import NeedsOperator

FORMAT = 1
FOREST, ONNX, CARD = "model.skops", "model.onnx", "card.json"
FILES = (FOREST, ONNX)


class Refused(NeedsOperator):
    """A stored model that must not be used; says why and what to do."""


class Used(msgspec.Struct, frozen=True):
    """A feature that the model takes, and its median in training, which reasons are held against."""

    name: str
    median: float


class Calibration(msgspec.Struct, frozen=True):
    """How shares of trees become probabilities: 1 / (1 + exp(-(slope * logit(share) + intercept)))."""

    slope: float
    intercept: float


class Span(msgspec.Struct, frozen=True):
    """What was learned from: purchases of [from_ms, to_ms), their labels `delay_days` after the last."""

    from_ms: int
    to_ms: int
    delay_days: int
    purchases: int
    frauds: int
    sha256: str


class Tested(msgspec.Struct, frozen=True):
    """One fold: its test week's first day, and how well a model of that time would have done."""

    test_from: str
    measures: Measures


class Card(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that is to be known of a stored model."""

    name: str
    version: int
    made_at: str
    trained: Span
    features: tuple[Used, ...]
    missing: float
    calibration: Calibration
    threshold: float
    budget: int
    folds: tuple[Tested, ...]
    forest: dict[str, int]
    libraries: dict[str, str]
    files: dict[str, str]
    format: int = FORMAT


def digest(content: bytes) -> str:
    """Give the sha256 of a file's bytes, in hex."""
    return sha256(content).hexdigest()


def encode(card: Card) -> bytes:
    """Write a card as JSON that people can read."""
    return msgspec.json.format(msgspec.json.encode(card)) + b"\n"


def decode(content: bytes) -> Card:
    """Read a card.

    Raises:
        Refused: it is none, or one of another format.

    """
    try:
        return msgspec.json.decode(content, type=Card)
    except msgspec.DecodeError as error:
        raise Refused(f"the card cannot be read ({error}): train a new model, or promote another") from error


def check(card: Card, files: Mapping[str, bytes], libraries: Mapping[str, str]) -> None:
    """Make sure that a model may be used here; `files` are those at hand, `libraries` what runs it.

    Raises:
        Refused: something differs from the card; names it.

    """
    whose = f"model {card.name} version {card.version}"
    if card.format != FORMAT or card.missing != MISSING:
        raise Refused(f"{whose} has format {card.format}, this version reads {FORMAT}: train a new one")
    for name, content in files.items():
        if card.files.get(name) != digest(content):
            raise Refused(f"{whose}: {name} is not the file that its card names (sha256 differs): {_HELP}")
    unknown = [of.name for of in card.features if of.name not in USABLE]
    if unknown or not card.features:
        named = ", ".join(unknown[:3]) or "none at all"
        raise Refused(f"{whose} takes features that this version does not compute ({named}): {_HELP}")
    for name, here in libraries.items():
        made_with = card.libraries.get(name, "none")
        if major(made_with) != major(here):
            raise Refused(f"{whose} was made with {name} {made_with}, here is {here}: {_HELP}")


_HELP = "train it anew (./gamewax fraud train), or go back (./gamewax fraud rollback)"


def major(version: str) -> str:
    """Give the part of a version that says whether stored files still mean the same.

    >>> major("1.9.1"), major("0.16.0")
    ('1', '0.16')

    """
    first, _, rest = version.partition(".")
    return f"{first}.{rest.partition('.')[0]}" if first == "0" else first
