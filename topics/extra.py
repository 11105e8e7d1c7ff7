"""What good messages say beyond the fields that we know: their unknown fields, as JSON text.

Rules: values stand as they were written, keys in the order of the message; of a key given twice the last
value counts, at the first one's place. No unknown field, no text. A message is parsed only when it may
have one: never when its batch was read by a reader that proves the contrary.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import polars as pl

from topics.decode import Decoded, fields_of_topic
from topics.fields import Fields
from topics.lines import PAD, Bools, Lines, flat_rows, lines_of, tight_rows
from topics.scan import rows_with_unknown
from topics.topic import Topic

NEWLINE = 0x0A
NOTHING = pl.Series("extra", [""])
OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])


def extras(topic: Topic, decoded: Decoded, values: Sequence[bytes | None]) -> pl.Series:
    """Give the unknown fields of each good message as the text of a JSON object, `""` when it has none."""
    fields = fields_of_topic(topic)
    rest = np.delete(np.arange(len(decoded.rows)), decoded.complete)
    if not rest.size:
        return NOTHING.new_from_index(0, len(decoded.rows))
    messages = [values[row] or b"" for row in decoded.rows[rest].tolist()]
    lines = lines_of(messages)
    plain = _spelled_plainly(lines)
    plain[rows_with_unknown(lines, fields.all)] = False
    texts = np.full(len(decoded.rows), "", object)
    for at in np.flatnonzero(~plain).tolist():
        texts[rest[at]] = _unknown(fields, messages[at])
    return pl.Series("extra", texts, pl.String())


def _unknown(fields: Fields, message: bytes) -> str:
    """Parse one message and keep what is no field of ours."""
    unknown = {name: raw for name, raw in OBJECT.decode(message).items() if name not in fields.at}
    return msgspec.json.encode(unknown).decode() if unknown else ""


def _spelled_plainly(lines: Lines) -> Bools:
    """Flag the messages in which every key ends with `":` and has no escape."""
    plain = flat_rows(lines) & tight_rows(lines)
    if lines.count(NEWLINE) != 2 * len(PAD) + 1 + plain.size:
        for row, (start, end) in enumerate(zip(lines.starts.tolist(), lines.ends.tolist(), strict=True)):
            plain[row] &= lines.text.find(b"\n", start, end) < 0
    return plain
