"""Flink's jars: in the cache folder, each with the sha256 that `flink_jars.sha256` pins.

Rules: as for the broker's jars (`embedded/kafka_jars.py`), whose means are used. Nothing of Flink is in our
own environment: only `bench peers` downloads it (once, 146 MB). `bench/peers/flink_pin.py` writes the pins.
"""

from __future__ import annotations

from pathlib import Path

from embedded.kafka_jars import Jar, Product, bring, pinned

PINS = Path(__file__).with_name("flink_jars.sha256")
FLINK = Product("Apache Flink", 146)
ENGINE, CONNECTOR = "flink-clients", "flink-connector-kafka"
COMPILER = "ecj"


def flink_jars() -> list[Jar]:
    """Read the pins."""
    return pinned(PINS)


def version_of(name: str) -> str:
    """Give the pinned version of one artifact."""
    return next(jar.version for jar in flink_jars() if jar.name == name)


def ensure_flink(cache: Path, maven_url: str = "") -> Path:
    """Give the folder that holds all pinned jars, after downloading those that miss or are broken.

    Raises:
        Broken: no network, a wrong hash, a full disk.

    """
    folder = cache / f"flink-{version_of(ENGINE)}"
    bring(flink_jars(), folder, maven_url, FLINK)
    return folder
