"""Texts to 64-bit hashes that never change: SipHash-2-4 with a public key.

Rules: what is kept for 30 days is read by later versions, so no library's own hash is used. 0 is missing
(null or empty); a hash that comes out as 0 is 1. Two different texts fall together once in 2^64.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from models.fraud_compiled import compiled

Hashes = npt.NDArray[np.uint64]
U = np.uint64

KEY = (0x0706050403020100, 0x0F0E0D0C0B0A0908)  # of the published vectors
_K0, _K1 = U(KEY[0]), U(KEY[1])


class Texts(NamedTuple):
    """Texts as they lie in memory, in UTF-8: one is `content[starts[i] : starts[i + 1]]`; null is empty."""

    starts: npt.NDArray[np.int64]
    content: npt.NDArray[np.uint8]


def texts_of(column: pl.Series) -> Texts:
    """Lay a text column out in memory."""
    if column.null_count():  # a null may own bytes
        column = column.fill_null("")
    laid = column.to_arrow(compat_level=pl.CompatLevel.oldest())
    _, starts, content = laid.buffers()
    if starts is None or content is None or not len(laid):
        return Texts(np.frombuffer(bytes(8 * len(laid) + 8), np.int64), np.frombuffer(b"", np.uint8))
    begins = np.frombuffer(memoryview(starts), np.int64)[laid.offset : laid.offset + len(laid) + 1]
    return Texts(begins, np.frombuffer(memoryview(content), np.uint8))


def hashed(texts: Texts) -> Hashes:
    """Hash each text; 0 for the missing."""
    found = np.empty(len(texts.starts) - 1, np.uint64)
    _hash_each(texts.starts, texts.content, found)
    return found


def joined(left: Hashes, right: Hashes) -> Hashes:
    """Hash pairs of hashes; never 0."""
    found = np.empty(len(left), np.uint64)
    _join_each(left, right, found)
    return found


@compiled
def _rotated(word: np.uint64, bits: int) -> np.uint64:
    return (word << U(bits)) | (word >> U(64 - bits))


@compiled
def _round(
    v0: np.uint64, v1: np.uint64, v2: np.uint64, v3: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
    v0 += v1
    v2 += v3
    v1 = _rotated(v1, 13) ^ v0
    v3 = _rotated(v3, 16) ^ v2
    v0 = _rotated(v0, 32)
    v2 += v1
    v0 += v3
    v1 = _rotated(v1, 17) ^ v2
    v3 = _rotated(v3, 21) ^ v0
    return v0, v1, _rotated(v2, 32), v3


@compiled
def _word(content: npt.NDArray[np.uint8], start: int, count: int) -> np.uint64:
    """Read up to 8 bytes, the first the lowest."""
    word = U(0)
    for place in range(count):
        word |= U(content[start + place]) << U(8 * place)
    return word


@compiled
def siphash(content: npt.NDArray[np.uint8], start: int, end: int) -> np.uint64:
    """Hash `content[start:end]` as SipHash-2-4 says."""
    v0, v1 = _K0 ^ U(0x736F6D6570736575), _K1 ^ U(0x646F72616E646F6D)
    v2, v3 = _K0 ^ U(0x6C7967656E657261), _K1 ^ U(0x7465646279746573)
    whole = start + (end - start) // 8 * 8
    for place in range(start, whole + 8, 8):
        if place < whole:
            word = _word(content, place, 8)
        else:
            word = _word(content, whole, end - whole) | (U(end - start) << U(56))
        v3 ^= word
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
        v0 ^= word
    v2 ^= U(0xFF)
    for _ in range(4):
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    return v0 ^ v1 ^ v2 ^ v3


@compiled
def _hash_each(starts: npt.NDArray[np.int64], content: npt.NDArray[np.uint8], found: Hashes) -> None:
    for row in range(len(found)):
        begin, end = starts[row], starts[row + 1]
        if begin == end:
            found[row] = U(0)
        else:
            word = siphash(content, begin, end)
            found[row] = word or U(1)


@compiled
def _join_each(left: Hashes, right: Hashes, found: Hashes) -> None:
    """Mix each pair by splitmix64's finisher, which spreads every bit over all."""
    for row in range(len(found)):
        word = left[row] * U(0x9E3779B97F4A7C15) + _rotated(right[row], 32)
        word = (word ^ (word >> U(30))) * U(0xBF58476D1CE4E5B9)
        word = (word ^ (word >> U(27))) * U(0x94D049BB133111EB)
        word ^= word >> U(31)
        found[row] = word or U(1)
