"""Poison in the bytes: what is no text, no JSON, no object, too large, too deep or cut."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

from verify.poison.form import GOOD, PLAIN, TOPICS, Form, spoiled, written

MIB = 1 << 20
DEEP = 100_000
HUGE = 10_000_000
DIGITS = 5_000


def forms() -> Iterator[Form]:
    """Give every form for every topic."""
    for topic in TOPICS:
        for kind in (_encodings, _no_json, _no_objects, _unknown, _sizes):
            for name, (value, means) in kind(topic).items():
                yield Form(name, topic, value, means)
        yield from _cut(topic)
        yield from _flipped(topic)


Some = dict[str, tuple[bytes | None, str]]


def _encodings(topic: str) -> Some:
    """What is not UTF-8, or UTF-8 of odd characters."""
    good = spoiled(topic)

    def more(inside: bytes) -> bytes:
        return good[:-1] + b',"x":"' + inside + b'"}'

    return {
        "byte order mark": (b"\xef\xbb\xbf" + good, "not_json"),
        "UTF-16 with its mark": (good.decode().encode("utf-16"), "not_utf8"),
        "UTF-16 without": (good.decode().encode("utf-16-le"), "not_json"),
        "UTF-32": (good.decode().encode("utf-32"), "not_utf8"),
        "latin-1": (more(b"\xe9"), "not_utf8"),
        "half a surrogate pair, escaped": (more(rb"\ud800"), "not_utf8"),
        "half a surrogate pair, escaped, in a key": (good[:-1] + rb',"\udfff":1}', "not_utf8"),
        "surrogate pair the wrong way round": (more(rb"\ude00\ud83d"), "not_utf8"),
        "surrogate pair, escaped": (more(rb"\ud83d\ude00"), GOOD),
        "a backslash before ud800": (more(rb"\\ud800"), GOOD),
        "surrogates as bytes (CESU-8)": (more(b"\xed\xa0\xbd\xed\xb8\x80"), "not_utf8"),
        "overlong NUL": (more(b"\xc0\x80"), "not_utf8"),
        "overlong slash": (more(b"\xe0\x80\xaf"), "not_utf8"),
        "beyond the last character": (more(b"\xf4\x90\x80\x80"), "not_utf8"),
        "cut in a character": (good[:-1] + b',"x":"\xe2\x82', "not_utf8"),
        "a lone continuation byte": (more(b"\x80"), "not_utf8"),
        "no characters of Unicode": (more("\ufffe\uffff\U0010ffff".encode()), GOOD),
        "NUL escaped in an unknown field": (more(rb"\u0000"), GOOD),
        "NUL as a byte": (more(b"\0"), "not_json"),
        "NUL after the end": (good + b"\0", "not_json"),
        "control character in a string": (more(b"\x1b[31m"), "not_json"),
        "DEL in a string": (more(b"\x7f"), GOOD),
        "line end in a string": (more(b"a\nb"), "not_json"),
        "tab in a string": (more(b"a\tb"), "not_json"),
        "line separator in a string": (more("\u2028\u2029".encode()), GOOD),
    }


def _no_json(topic: str) -> Some:
    """What is text, but not JSON."""
    good, text = spoiled(topic), written(topic)
    first = next(iter(PLAIN[topic]))
    return {
        "tombstone": (None, "tombstone"),
        "empty value": (b"", "not_json"),
        "spaces": (b" \t\r\n", "not_json"),
        "a word": (b"hello", "not_json"),
        "NaN": (b"NaN", "not_json"),
        "NaN in an unknown field": (spoiled(topic, more=',"x":NaN'), "not_json"),
        "Infinity in an unknown field": (spoiled(topic, more=',"x":Infinity'), "not_json"),
        "minus Infinity": (spoiled(topic, more=',"x":-Infinity'), "not_json"),
        "hexadecimal": (spoiled(topic, more=',"x":0x10'), "not_json"),
        "a leading zero": (spoiled(topic, more=',"x":01'), "not_json"),
        "a leading plus": (spoiled(topic, more=',"x":+1'), "not_json"),
        "a trailing point": (spoiled(topic, more=',"x":1.'), "not_json"),
        "True as Python writes it": (spoiled(topic, more=',"x":True'), "not_json"),
        "undefined": (spoiled(topic, more=',"x":undefined'), "not_json"),
        "single quotes": (text.replace('"', "'").encode(), "not_json"),
        "bare keys": (text.replace(f'"{first}"', first).encode(), "not_json"),
        "a comment": (text.replace("{", "{/* now */", 1).encode(), "not_json"),
        "a line comment": (text.encode() + b" // end", "not_json"),
        "a trailing comma": (good[:-1] + b",}", "not_json"),
        "two commas": (text.replace(",", ",,", 1).encode(), "not_json"),
        "no comma": (text.replace(",", " ", 1).encode(), "not_json"),
        "no colon": (text.replace(":", " ", 1).encode(), "not_json"),
        "an unknown escape": (spoiled(topic, more=r',"x":"\q"'), "not_json"),
        "a cut escape": (spoiled(topic, more=r',"x":"\u12"'), "not_json"),
        "garbage behind": (good + b" garbage", "not_json"),
        "two objects": (good + good, "not_json"),
        "two objects in two lines": (good + b"\n" + good, "not_json"),
        "a closing brace too many": (good + b"}", "not_json"),
        "gzip": (gzip.compress(good, mtime=0), "not_utf8"),
        "zstd": (b"\x28\xb5\x2f\xfd\x04\x58" + good, "not_utf8"),
        "Avro with a schema id": (b"\0\0\0\0\x2a\x04p1\x08move", "not_json"),
        "protobuf with a schema id": (b"\0\0\0\0\x07\0\x0a\x02p1\x12\x04move", "not_json"),
        "MessagePack": (b"\x82\xa9player_id\xa2p1", "not_utf8"),
        "XML": (b'<?xml version="1.0"?><event/>', "not_json"),
        "form data": (b"player_id=p1&event_type=move", "not_json"),
        "HTTP": (b"POST / HTTP/1.1\r\nHost: x\r\n\r\n" + good, "not_json"),
        "a terminal's escape sequences": (b"\x1b]0;owned\x07\x1b[2J\x1b[31m\x9b5n", "not_utf8"),
    }


def _no_objects(topic: str) -> Some:
    """What is JSON, but no object; or spaced as nobody does."""
    good, text = spoiled(topic), written(topic)
    return {
        "a list": (b"[" + good + b"]", "not_object"),
        "an empty list": (b"[]", "not_object"),
        "a string": (b'"hello"', "not_object"),
        "a number": (b"42", "not_object"),
        "null": (b"null", "not_object"),
        "true": (b"true", "not_object"),
        "an event inside a string": (b'"' + good.replace(b'"', rb"\"") + b'"', "not_object"),
        "an empty object": (b"{}", "field_missing"),
        "spaces around": (b" \t\r\n" + good + b"\r\n ", GOOD),
        "CRLF between the fields": (text.replace(",", ",\r\n").encode(), GOOD),
        "tabs around colons": (text.replace('":', '"\t:\t').encode(), GOOD),
        "a form feed between the fields": (text.replace(",", ",\f", 1).encode(), "not_json"),
        "a hard space between the fields": (text.replace(",", ",\u00a0", 1).encode(), "not_json"),
    }


def _unknown(topic: str) -> Some:
    """Fields that we do not know, and known ones spelled oddly or given twice."""
    first, own = next(iter(PLAIN[topic].items()))
    escaped = f"\\u{ord(first[0]):04x}{first[1:]}"
    return {
        "a key with an escape": (spoiled(topic, {first: None}, f',"{escaped}":{own}'), GOOD),
        "a key twice, the same": (spoiled(topic, more=f',"{first}":{own}'), GOOD),
        "a key twice, the last one wrong": (spoiled(topic, more=f',"{first}":true'), "field_type"),
        "a key twice, the last one null": (spoiled(topic, more=f',"{first}":null'), "field_missing"),
        "a key twice, the first one wrong": (spoiled(topic, {first: "[]"}, f',"{first}":{own}'), GOOD),
        "a key twice, once escaped": (spoiled(topic, more=f',"{escaped}":""'), "field_range"),
        "a key in capitals": (spoiled(topic, {first: None}, f',"{first.upper()}":{own}'), "field_missing"),
        "a key with a space": (spoiled(topic, {first: None}, f',"{first} ":{own}'), "field_missing"),
        "a key in Cyrillic": (spoiled(topic, {first: None}, f',"\u0440{first[1:]}":{own}'), "field_missing"),
        "an empty key": (spoiled(topic, more=',"":1'), GOOD),
        "NUL in a key": (spoiled(topic, more=r',"\u0000":1'), GOOD),
        "100,000 unknown fields": (_fields(topic, DEEP), GOOD),
        "an unknown field of almost 1 MiB": (spoiled(topic, more=f',"x":"{"x" * (MIB - 400)}"'), GOOD),
        "an unknown number of 5,000 digits": (spoiled(topic, more=f',"x":{"9" * DIGITS}'), GOOD),
        "an unknown 1e999": (spoiled(topic, more=',"x":1e999'), GOOD),
        "an unknown minus zero": (spoiled(topic, more=',"x":-0.0'), GOOD),
        "an unknown field 63 deep": (spoiled(topic, more=f',"x":{"[" * 63}{"]" * 63}'), GOOD),
        "an unknown field 64 deep": (spoiled(topic, more=f',"x":{"[" * 64}{"]" * 64}'), "not_json"),
        "100 brackets in a string": (spoiled(topic, more=f',"x":"{"[{" * 50}"'), GOOD),
        "an object as Python would use it": (spoiled(topic, more=',"__class__":{"__init__":1}'), GOOD),
    }  # fmt: skip


def _fields(topic: str, count: int) -> bytes:
    return spoiled(topic, more="".join(f',"{number}":0' for number in range(count)))


def _sizes(topic: str) -> Some:
    """Too deep and too large."""
    good = spoiled(topic)
    return {
        "100,000 open brackets": (b"[" * DEEP, "not_json"),
        "100,000 brackets, closed": (b"[" * DEEP + b"]" * DEEP, "not_json"),
        "100,000 open braces": (b'{"a":' * DEEP, "not_json"),
        "100,000 braces, closed": (b'{"a":' * DEEP + b"1" + b"}" * DEEP, "not_json"),
        "an event 100,000 deep": (spoiled(topic, more=f',"x":{"[" * DEEP}{"]" * DEEP}'), "not_json"),
        "1 MiB to the byte": (good + b" " * (MIB - len(good)), GOOD),
        "1 MiB and one byte": (good + b" " * (MIB - len(good) + 1), "oversize"),
        "10 MB of spaces": (good + b" " * (HUGE - len(good)), "oversize"),
        "10 MB of no text": (b"\xff" * HUGE, "oversize"),
        "1 MB of quotes": (b'"' * (MIB - 1), "not_json"),
        "1 MB of backslashes": (b'"' + b"\\" * (MIB - 1), "not_json"),
        "1 MB of digits": (b"9" * (MIB - 1), "not_object"),
    }


def _cut(topic: str) -> Iterator[Form]:
    good = spoiled(topic)
    for size in range(len(good)):
        yield Form(f"cut after {size} bytes", topic, good[:size], "not_json")


def _flipped(topic: str) -> Iterator[Form]:
    good = spoiled(topic)
    for at in range(len(good)):
        flipped = bytearray(good)
        flipped[at] ^= 1 << at % 8
        yield Form(f"bit {at % 8} of byte {at} flipped", topic, bytes(flipped), None)
