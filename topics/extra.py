"""What good messages say beyond the fields that we know: their unknown fields, as JSON text.

Rules: values stand as they were written, keys in the order of the message; of a key given twice the last
value counts, at the first one's place. No unknown field, no text. A message is parsed only when it may
have one: never when its keys are as many as its known cells.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import polars as pl

from topics.decode import EVENT_TIME, Decoded, fields_of_topic
from topics.fields import Fields
from topics.lines import KEY_END, PAD, Bools, Lines, flat_rows, lines_of, tight_rows
from topics.scan import rows_with_unknown
from topics.topic import Topic

NEWLINE = 0x0A
OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])


def extras(topic: Topic, decoded: Decoded, values: Sequence[bytes | None]) -> pl.Series:
    """Give the unknown fields of each good message as the text of a JSON object, `""` when it has none."""
    fields = fields_of_topic(topic)
    messages = [values[row] or b"" for row in decoded.rows.tolist()]
    texts = np.full(len(messages), "", object)
    lines = lines_of(messages)
    plain = _spelled_plainly(lines)
    if messages and not (plain.all() and _all_known(topic, fields, decoded.frame, lines)):
        plain[rows_with_unknown(lines, fields.all)] = False
        for row in np.flatnonzero(~plain).tolist():
            texts[row] = _unknown(fields, messages[row])
    return pl.Series("extra", texts, pl.String())


def _unknown(fields: Fields, message: bytes) -> str:
    """Parse one message and keep what is no field of ours."""
    unknown = {name: raw for name, raw in OBJECT.decode(message).items() if name not in fields.at}
    return msgspec.json.encode(unknown).decode() if unknown else ""


def _all_known(topic: Topic, fields: Fields, frame: pl.DataFrame, lines: Lines) -> bool:
    """Whether each message has a cell for each field of the first one, and no more keys than that."""
    first = lines.text[lines.starts[0] : lines.ends[0]]
    present = [field for field in fields.all if f'"{field.name}":'.encode() in first]
    if lines.count_pairs(KEY_END) != len(present) * frame.height:
        return False
    blanks = {field.name for field in present if field.blank is not None}
    blanks |= {fields.needs.blank} if fields.needs is not None else set()
    columns = [frame[EVENT_TIME if field.name == topic.time else field.name] for field in present]
    return not any(
        column.null_count() or (column.name in blanks and (column == "").any()) for column in columns
    )


def _spelled_plainly(lines: Lines) -> Bools:
    """Flag the messages in which every key ends with `":` and has no escape."""
    plain = flat_rows(lines) & tight_rows(lines)
    if lines.count(NEWLINE) != 2 * len(PAD) + 1 + plain.size:
        for row, (start, end) in enumerate(zip(lines.starts.tolist(), lines.ends.tolist(), strict=True)):
            plain[row] &= lines.text.find(b"\n", start, end) < 0
    return plain
