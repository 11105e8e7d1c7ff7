"""Addresses as players' games send them, to hashes of the address and of its network: /24 or /64.

Rules: IPv4 within IPv6 is IPv4; brackets, a zone and a port are no part of an address. Text that is no
address is a value of its own, and its own network. Never an error; 0 is missing (null or empty).
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from models.fraud_compiled import compiled
from models.fraud_hash import Hashes, U, hashed, joined, texts_of

IPV4, IPV6, OTHER = 4, 6, 0
_MAPPED = U(0xFFFF)  # ::ffff:0:0/96
_REMEMBERED = 65_536  # odd spellings
DOT, COLON, ZERO, NINE, LOWER, A, F = 46, 58, 48, 57, 32, 97, 102  # letters in ASCII
QUARTERS, LARGEST = 4, U(255)  # of an IPv4 address
GROUPS, DIGITS = 8, 4  # of an IPv6 address


class Networks(NamedTuple):
    """Hashes of addresses and of their networks."""

    addresses: Hashes
    networks: Hashes


class Parsed(NamedTuple):
    """An address: 4, 6 or 0 (none), and its 128 bits (IPv4 in the lower 32)."""

    version: int
    high: int
    low: int


def networks_of(column: pl.Series) -> Networks:
    """Read addresses; gives a hash for each, and one for its network."""
    texts = texts_of(column)
    own = hashed(texts)
    versions = np.empty(len(own), np.uint64)
    bits = np.empty((2, len(own)), np.uint64)
    _parse_each(texts.starts, texts.content, versions, bits)
    for row in np.flatnonzero((versions == OTHER) & (own != 0)).tolist():
        versions[row], bits[0, row], bits[1, row] = parsed(str(column[row]))
    return _keys(own, versions, bits)


def _keys(own: Hashes, versions: Hashes, bits: Hashes) -> Networks:
    """Give the hashes; those of text that is no address come from its own hash."""
    other = versions == OTHER
    high, low = np.where(other, own, bits[0]), np.where(other, U(0), bits[1])
    tail = np.where(versions == IPV4, low >> U(8), U(0))
    networks = joined(joined(high, versions + U(8)), tail)
    addresses = joined(joined(high, versions), low)
    missing = own == 0
    addresses[missing] = networks[missing] = 0
    return Networks(addresses, networks)


@lru_cache(maxsize=_REMEMBERED)
def parsed(text: str) -> Parsed:
    """Read one address in any spelling.

    >>> parsed("[::ffff:1.2.3.4]:443"), parsed("fe80::1%eth0").low, parsed("home").version
    (Parsed(version=4, high=0, low=16909060), 1, 0)
    """
    try:
        address = ip_address(_bare(text))
    except ValueError:
        return Parsed(OTHER, 0, 0)
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is None:
            return Parsed(IPV6, int(address) >> 64, int(address) & (2**64 - 1))
        address = address.ipv4_mapped
    return Parsed(IPV4, 0, int(address))


def _bare(text: str) -> str:
    """Take off what surrounds an address: blanks, brackets, a port, a zone."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    return text.partition("%")[0]


@compiled
def _parse_each(
    starts: npt.NDArray[np.int64], content: npt.NDArray[np.uint8], versions: Hashes, bits: Hashes
) -> None:
    """Read the plain spellings; leaves version 0 where it cannot tell."""
    for row in range(len(versions)):
        begin, end = starts[row], starts[row + 1]
        versions[row] = bits[0, row] = bits[1, row] = U(0)
        found, quad = _quad(content, begin, end)
        if found:
            versions[row], bits[1, row] = U(4), quad
            continue
        found, high, low = _groups(content, begin, end)
        if found and high == U(0) and (low >> U(32)) == _MAPPED:
            versions[row], bits[1, row] = U(4), low & U(0xFFFFFFFF)
        elif found:
            versions[row], bits[0, row], bits[1, row] = U(6), high, low


@compiled
def _quad(content: npt.NDArray[np.uint8], begin: int, end: int) -> tuple[bool, np.uint64]:
    """Read four decimal numbers parted by dots."""
    quad, number, digits, parts = U(0), U(0), 0, 0
    for place in range(begin, end + 1):
        letter = content[place] if place < end else np.uint8(DOT)
        if letter == DOT and digits > 0:
            quad, number, digits, parts = (quad << U(8)) | number, U(0), 0, parts + 1
        elif ZERO <= letter <= NINE and not (digits and number == U(0)):
            number, digits = number * U(10) + U(letter - ZERO), digits + 1
            if number > LARGEST:
                return False, quad
        else:
            return False, quad
    return parts == QUARTERS, quad


@compiled
def _digit(letter: int) -> int:
    """Give the value of a hexadecimal digit, -1 for none."""
    if ZERO <= letter <= NINE:
        return letter - ZERO
    lower = letter | LOWER
    return lower - A + 10 if A <= lower <= F else -1


@compiled
def _groups(  # noqa: C901, PLR0911, PLR0912  a scanner is one loop, and calls cost more than it does
    content: npt.NDArray[np.uint8], begin: int, end: int
) -> tuple[bool, np.uint64, np.uint64]:
    """Read hexadecimal groups parted by colons, `::` once; a dotted end is left to others."""
    head, tail, none = (U(0), U(0)), (U(0), U(0)), U(0)
    groups, digits, number, gap = 0, 0, U(0), -1
    place = begin
    while place < end:
        value = _digit(int(content[place]))
        if value >= 0:
            number, digits = (number << U(4)) | U(value), digits + 1
            if digits > DIGITS:
                return False, none, none
            place += 1
            if place < end:
                continue
        elif content[place] != COLON:
            return False, none, none
        if digits:
            tail = ((tail[0] << U(16)) | (tail[1] >> U(48)), (tail[1] << U(16)) | number)
            groups, digits, number = groups + 1, 0, U(0)
            if value >= 0:
                break
            place += 1
            if place < end and content[place] != COLON:
                continue
            if place == end:
                return False, none, none
        elif place > begin or place + 1 >= end or content[place + 1] != COLON:
            return False, none, none
        else:
            place += 1
        if gap >= 0:
            return False, none, none
        head, tail, gap = tail, (none, none), groups
        place += 1
    if groups > GROUPS or (gap < 0) != (groups == GROUPS):
        return False, none, none
    for _ in range(GROUPS - gap if gap >= 0 else 0):
        head = ((head[0] << U(16)) | (head[1] >> U(48)), head[1] << U(16))
    return True, head[0] | tail[0], head[1] | tail[1]
