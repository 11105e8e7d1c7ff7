"""Hashes of texts and addresses: as published, the same for every spelling, never an error."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from models.fraud_addresses import networks_of, parsed
from models.fraud_hash import hashed, siphash, texts_of

VECTORS = {  # SipHash-2-4 of 0, 1, 2 … with the key 0, 1, 2 …: from the reference implementation
    0: 0x726FDB47DD0E0E31,
    1: 0x74F839C593DC67FD,
    2: 0x0D6C8009D9A94F5A,
    7: 0xAB0200F58B01D137,
    8: 0x93F5F5799A932462,
    15: 0xA129CA6149BE45E5,
}
STAYS = [  # purchases of 30 days are kept under these
    [9776367020147608203],
    [707003593708738208, 11627942928893948726, 1987787038292084550],
    [1285319254818720036, 697805066698642008, 9938158542501783409],
]
ADDRESSES = st.one_of(
    st.integers(0, 2**32 - 1).map(lambda whole: str(IPv4Address(whole))),
    st.integers(0, 2**128 - 1).map(lambda whole: str(IPv6Address(whole))),
    st.tuples(st.integers(0, 2**128 - 1), st.integers(0, 2**128 - 1)).map(
        lambda of: str(IPv6Address(of[0] & of[1]))
    ),
    st.integers(0, 2**128 - 1).map(lambda whole: IPv6Address(whole).exploded.upper()),
    st.integers(0, 2**32 - 1).map(lambda whole: f"::ffff:{IPv4Address(whole)}"),
)


def test_siphash_gives_the_published_values() -> None:
    content = np.arange(64, dtype=np.uint8)
    assert {size: int(siphash(content, 0, size)) for size in VECTORS} == VECTORS


def test_missing_texts_are_zero_and_slices_are_hashed_alike() -> None:
    texts = pl.Series(["player-1", None, "", "ü", "player-1"])
    found = hashed(texts_of(texts))
    assert found[0] == found[4]
    assert (found == 0).tolist() == [False, True, True, False, False]
    assert hashed(texts_of(texts[1:4])).tolist() == found[1:4].tolist()
    assert hashed(texts_of(pl.Series([None, None], dtype=pl.String))).tolist() == [0, 0]


def test_hashes_of_a_release_stay_for_ever() -> None:
    addresses, networks = networks_of(pl.Series(["203.0.113.9", "2001:db8::1", "home"]))
    found = [hashed(texts_of(pl.Series(["player-1"]))), addresses, networks]
    assert [column.tolist() for column in found] == STAYS


@given(st.lists(st.one_of(ADDRESSES, st.text(), st.text(":0f1.9", max_size=14)), max_size=30))
@settings(deadline=None)
def test_the_quick_parser_sees_what_the_standard_library_sees(texts: list[str]) -> None:
    addresses, networks = networks_of(pl.Series(texts, dtype=pl.String))
    for left in range(len(texts)):
        for right in range(left):
            same = whole(texts[left]) == whole(texts[right])
            assert (addresses[left] == addresses[right]) == same
            assert (networks[left] == networks[right]) == (near(texts[left]) == near(texts[right]))


def whole(text: str) -> tuple[int, int] | str:
    try:
        address = ip_address(text)
    except ValueError:
        odd = parsed(text)  # brackets, a port, a zone: tested by its doctest
        return (odd.version, odd.high << 64 | odd.low) if odd.version else text
    mapped = getattr(address, "ipv4_mapped", None) or address
    if "%" in text:
        return 6, int(IPv6Address(int(address)))
    return mapped.version, int(mapped)


def near(text: str) -> tuple[int, int] | str:
    found = whole(text)
    return found if isinstance(found, str) else (found[0], found[1] >> (8 if found[0] == 4 else 64))


def test_every_spelling_of_an_address_is_one_address() -> None:
    spellings = [
        "1.2.3.4",
        "::ffff:1.2.3.4",
        "::FFFF:102:304",
        "[::ffff:102:304]:443",
        "1.2.3.4:80",
        " 1.2.3.4 ",
    ]
    addresses, networks = networks_of(pl.Series([*spellings, "1.2.3.77", "1.2.4.4"]))
    assert len(set(addresses[:6].tolist())) == len(set(networks[:7].tolist())) == 1
    assert len(set(addresses.tolist())) == 3
    assert networks[7] != networks[0]
