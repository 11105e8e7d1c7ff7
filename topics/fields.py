"""Which fields a topic's events have, read once from the event struct.

Rules: a field is of one `Kind`; without a default it is required (present and not null); with the
default `""` it is never null, else it is null when absent. A field's kind stands in its annotation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Annotated, Union, get_args, get_type_hints

import msgspec
import polars as pl


class Kind(StrEnum):
    """What JSON a field takes, and what its column holds."""

    KEY = "key"  # an id that must not be empty
    ID = "id"  # string, or integer kept as written -> String
    TEXT = "text"  # string -> String
    WHOLE = "whole"  # integer of 64 bits -> Int64
    NUMBER = "number"  # number, |x| < 10^12 -> Float64
    MONEY = "money"  # number or decimal string, 0 <= x < 10^12, 4 decimals -> Int64, units of 10^-4
    TIME = "time"  # RFC 3339 string or integer epoch milliseconds -> Int64, epoch ms
    FLAG = "flag"  # true or false -> Boolean; a topic that has one is decoded a message at a time
    ANY = "any"  # a string, else any JSON kept as written -> String


Key = Annotated[str | int, Kind.KEY]
Id = Annotated[str | int, Kind.ID]
Text = Annotated[str, Kind.TEXT]
Whole = Annotated[int, Kind.WHOLE]
Number = Annotated[float, Kind.NUMBER]
Money = Annotated[str | int | float, Kind.MONEY]
Time = Annotated[str | int, Kind.TIME]
Flag = Annotated[bool, Kind.FLAG]
AnyJson = Annotated[object, Kind.ANY]

MAX_BYTES = 1 << 20  # of a message; a longer one is not looked at

COLUMN: dict[Kind, pl.DataType] = {
    Kind.KEY: pl.String(),
    Kind.ID: pl.String(),
    Kind.TEXT: pl.String(),
    Kind.WHOLE: pl.Int64(),
    Kind.NUMBER: pl.Float64(),
    Kind.MONEY: pl.Int64(),
    Kind.TIME: pl.Int64(),
    Kind.FLAG: pl.Boolean(),
    Kind.ANY: pl.String(),
}
ABSENT = msgspec.Raw(b"")  # the raw JSON of a field that a message does not have
TYPED: dict[Kind, object] = {  # how a parser is told what is usual; a raw value is looked at later
    Kind.KEY: str | int,
    Kind.ID: str | int,
    Kind.TEXT: str,
    Kind.WHOLE: Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)],
    Kind.NUMBER: float,
    Kind.MONEY: msgspec.Raw,
    Kind.TIME: str | int,
    Kind.FLAG: bool,
    Kind.ANY: msgspec.Raw,
}
IDS = frozenset({Kind.KEY, Kind.ID})
NUMERIC = frozenset({Kind.WHOLE, Kind.NUMBER})


@dataclass(frozen=True, slots=True)
class Needs:
    """Some events need more fields: those whose `on` is one of `types` or begins with `prefix`.

    An event that has `owner` but not `blank` gets `""` there.
    """

    on: str
    types: tuple[str, ...]
    prefix: str
    fields: tuple[str, ...]
    owner: str
    blank: str

    def apply_to(self, kind: str) -> bool:
        """Whether an event of this kind needs the fields."""
        return kind in self.types or kind.startswith(self.prefix)


@dataclass(frozen=True, slots=True)
class Field:
    """One known field of a topic's events."""

    name: str
    kind: Kind
    required: bool
    blank: str | None


@dataclass(frozen=True, slots=True)
class Fields:
    """All known fields of a topic's events, in the order in which they are judged.

    `decoder` cuts a message into the raw JSON of each field, checking all of the message; `typed` reads
    values of the usual types, and refuses others.
    """

    all: tuple[Field, ...]
    at: dict[str, int]
    needs: Needs | None
    decoder: msgspec.json.Decoder[msgspec.Struct]
    typed: msgspec.json.Decoder[msgspec.Struct]


@cache
def fields_of(event: type[msgspec.Struct]) -> Fields:
    """Read the fields of an event struct; its optional class variable `needs` holds the `Needs`."""
    hints = get_type_hints(event, include_extras=True)
    known = tuple(
        Field(
            name=field.name,
            kind=next(_kinds(hints[field.name])),
            required=field.default is msgspec.NODEFAULT,
            blank="" if field.default == "" else None,
        )
        for field in msgspec.structs.fields(event)
    )
    raw = msgspec.defstruct(
        f"Raw{event.__name__}", [(field.name, msgspec.Raw, ABSENT) for field in known], gc=False
    )
    typed = msgspec.defstruct(f"Typed{event.__name__}", map(_typed, known), gc=False, kw_only=True)
    at = {field.name: index for index, field in enumerate(known)}
    needs = getattr(event, "needs", None)
    return Fields(known, at, needs, msgspec.json.Decoder(raw), msgspec.json.Decoder(typed))


def _typed(field: Field) -> tuple[str, object] | tuple[str, object, object]:
    """Give a field as a struct's: its name, what is usual, and the default."""
    usual = TYPED[field.kind]
    if field.required:
        return field.name, usual
    return (field.name, usual, ABSENT) if usual is msgspec.Raw else (field.name, Union[usual, None], None)  # noqa: UP007  of types known only here


def _kinds(hint: object) -> Iterator[Kind]:
    for part in (*getattr(hint, "__metadata__", ()), *get_args(hint)):
        if isinstance(part, Kind):
            yield part
        else:
            yield from _kinds(part)
