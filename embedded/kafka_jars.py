"""The broker's jars: in the cache folder, each with the sha256 that `kafka_jars.sha256` pins.

Rules: what is not pinned is not downloaded, what does not match is not used. A jar appears under
its final name only when whole and right, so an interrupted download goes on where it stopped. When
all are there the network is not touched. `embedded/kafka_pin.py` writes the pins.
"""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from topics.errors import Broken

PINS = Path(__file__).with_name("kafka_jars.sha256")
BROKER = "org.apache.kafka:kafka_2.13"


@dataclass(frozen=True, slots=True)
class Product:
    """What a set of jars is together, as a person is told."""

    name: str
    size_mb: int


KAFKA = Product("Apache Kafka", 45)


@dataclass(frozen=True, slots=True)
class Jar:
    """One Maven artifact and the hash that its bytes must have."""

    sha256: str
    group: str
    name: str
    version: str

    @property
    def file_name(self) -> str:
        """The name that Maven gives the file."""
        return f"{self.name}-{self.version}.jar"

    def is_whole(self, path: Path) -> bool:
        """Tell whether this file holds exactly the pinned bytes."""
        try:
            with path.open("rb") as jar:
                return hashlib.file_digest(jar, "sha256").hexdigest() == self.sha256
        except FileNotFoundError:
            return False


def pinned(pins: Path = PINS) -> list[Jar]:
    """Read the pins: `sha256  group:name:version` lines."""
    rows = (line.split() for line in pins.read_text(encoding="ascii").splitlines())
    return [Jar(sha256, *coordinate.split(":")) for sha256, coordinate in rows]


def kafka_version(jars: list[Jar]) -> str:
    """Give the version of the broker itself."""
    return next(jar.version for jar in jars if f"{jar.group}:{jar.name}" == BROKER)


def ensure_jars(cache: Path, maven_url: str = "") -> Path:
    """Give the folder that holds all pinned jars, after downloading those that miss or are broken.

    Raises:
        Broken: no network, a wrong hash, a full disk.

    """
    jars = pinned()
    folder = cache / f"kafka-{kafka_version(jars)}"
    bring(jars, folder, maven_url, KAFKA)
    return folder


def bring(jars: list[Jar], folder: Path, maven_url: str, product: Product) -> None:
    """Make a folder hold these jars of a product, after downloading those that miss or are broken.

    Raises:
        Broken: no network, a wrong hash, a full disk.

    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder / ".lock"):
            missing = [jar for jar in jars if not jar.is_whole(folder / jar.file_name)]
            if missing:
                from embedded.kafka_download import download  # noqa: PLC0415  only a first start pays for it

                download(missing, folder, maven_url, product)
    except OSError as error:
        raise Broken(
            f"cannot keep {product.name} in {folder}: {error.strerror or error}; "
            "free some space or set GAMEWAX_EMBEDDED__CACHE"
        ) from error


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
