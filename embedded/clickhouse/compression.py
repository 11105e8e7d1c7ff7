"""Compressed bodies, both ways: gzip, deflate, lz4, zstd.

Rules: a request body may be many frames one after another (clickhouse-connect sends an lz4 frame per
block), and every one of them is decoded; a body that ends inside a frame is an error, never a shorter
body. A response is always one frame, because clients decode one. Memory is bounded by the piece.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

import lz4.frame
import zstandard

from embedded.clickhouse.errors import (
    LZ4_DECODER_FAILED,
    UNKNOWN_COMPRESSION_METHOD,
    ZLIB_INFLATE_FAILED,
    ZSTD_DECODER_FAILED,
    refused,
)

Bytes = bytes | memoryview

INPUT_PIECE = 64 * 1024  # decoded at once: what one piece inflates to is held in memory


class Frame(Protocol):
    """One compressed frame being decoded."""

    @property
    def eof(self) -> bool: ...  # noqa: D102
    @property
    def unused_data(self) -> bytes | None: ...  # noqa: D102
    def decompress(self, data: bytes, /) -> bytes: ...  # noqa: D102


class Encoder(Protocol):
    """One response being compressed."""

    def compress(self, data: Bytes, /) -> bytes: ...  # noqa: D102
    def flush(self) -> bytes: ...  # noqa: D102


class Lz4Encoder:
    """An lz4 frame written piece by piece; its header goes before the first piece."""

    def __init__(self) -> None:
        self._frame = lz4.frame.LZ4FrameCompressor()
        self._head: bytes = self._frame.begin()

    def compress(self, data: Bytes) -> bytes:
        """Compress one piece."""
        head, self._head = self._head, b""
        packed: bytes = self._frame.compress(data)
        return head + packed

    def flush(self) -> bytes:
        """End the frame."""
        tail: bytes = self._frame.flush()
        return self._head + tail


DECODERS: dict[str, tuple[Callable[[], Frame], int]] = {
    "gzip": (lambda: zlib.decompressobj(31), ZLIB_INFLATE_FAILED),
    "deflate": (lambda: zlib.decompressobj(15), ZLIB_INFLATE_FAILED),
    "lz4": (lz4.frame.LZ4FrameDecompressor, LZ4_DECODER_FAILED),
    "zstd": (lambda: zstandard.ZstdDecompressor().decompressobj(), ZSTD_DECODER_FAILED),
}
ENCODERS: dict[str, Callable[[], Encoder]] = {
    "lz4": Lz4Encoder,
    "zstd": lambda: zstandard.ZstdCompressor(level=1).compressobj(),
    "gzip": lambda: zlib.compressobj(level=3, wbits=31),
    "deflate": lambda: zlib.compressobj(level=3, wbits=15),
}


def unpacked(pieces: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """Decode every frame of a body.

    Raises:
        QueryError: unknown encoding, broken data, or a body that ends inside a frame.

    """
    if encoding in ("", "identity"):
        yield from pieces
        return
    if encoding not in DECODERS:
        raise refused(
            UNKNOWN_COMPRESSION_METHOD, f"Unknown Content-Encoding {encoding!r}: use gzip, lz4 or zstd"
        )
    new_frame, code = DECODERS[encoding]
    try:
        yield from _frames(pieces, new_frame)
    except (zlib.error, RuntimeError, zstandard.ZstdError, EOFError) as error:
        raise refused(code, f"The {encoding} body cannot be decoded: {error}") from error


def _frames(pieces: Iterable[bytes], new_frame: Callable[[], Frame]) -> Iterator[bytes]:
    frame: Frame | None = None
    for piece in pieces:
        for at in range(0, len(piece), INPUT_PIECE):
            rest: bytes | None = piece[at : at + INPUT_PIECE]
            while rest:
                if frame is None or frame.eof:
                    frame = new_frame()
                if out := frame.decompress(rest):
                    yield out
                rest = frame.unused_data if frame.eof else None
    if frame is not None and not frame.eof:
        raise EOFError("it ends inside a frame")


def chosen_encoding(accepted: str) -> str:
    """Pick the response's encoding from `Accept-Encoding`: its first one that we know, else none."""
    for offer in accepted.lower().split(","):
        name, _, quality = offer.partition(";")
        if name.strip() in ENCODERS and quality.strip() not in ("q=0", "q=0.0"):
            return name.strip()
    return ""


def packed(pieces: Iterable[Bytes], encoding: str) -> Iterator[Bytes]:
    """Compress a response piece by piece into one frame; no encoding passes the pieces on."""
    if not encoding:
        yield from pieces
        return
    encoder = ENCODERS[encoding]()
    for piece in pieces:
        if out := encoder.compress(piece):
            yield out
    yield encoder.flush()
