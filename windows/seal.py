"""A checksum in front of every state, so that a flipped bit on a disk is refused and never counted.

Rules: the mark is a byte that no msgpack document begins with; what has none was written before 0.2 and
is taken as it is. SQLite has no checksums of its own: a damaged value would come back as another number.
"""

from __future__ import annotations

from zlib import crc32

MARK = b"\xc1"
HEAD = len(MARK) + 4  # + CRC-32, little endian


def sealed(document: bytes) -> bytes:
    """Put the checksum in front.

    >>> sealed(b"123456789").hex()
    'c12639f4cb313233343536373839'

    """
    return MARK + crc32(document).to_bytes(4, "little") + document


def is_whole(packed: bytes) -> bool:
    """Tell whether the checksum fits; also when there is none."""
    return not packed.startswith(MARK) or sealed(packed[HEAD:]) == packed


def document_of(packed: bytes) -> bytes:
    """Take the checksum off."""
    return packed[HEAD:] if packed.startswith(MARK) else packed
