import hashlib
from pathlib import Path

import pytest

from embedded.kafka_jars import PINS, Jar, ensure_jars, kafka_version, pinned
from settings import cache_home
from topics.errors import Broken


@pytest.fixture
def cache_of_links(tmp_path: Path) -> Path:
    """A cache of one's own that shares the jars of the user's."""
    whole = ensure_jars(cache_home())
    mine = tmp_path / whole.name
    mine.mkdir()
    for jar in whole.glob("*.jar"):
        (mine / jar.name).hardlink_to(jar) if jar.stat().st_dev == mine.stat().st_dev else (
            mine / jar.name
        ).write_bytes(jar.read_bytes())
    return tmp_path


def test_every_jar_is_there_with_its_pinned_bytes(cache_of_links: Path) -> None:
    folder = ensure_jars(cache_of_links, "http://127.0.0.1:9")
    assert {path.name for path in folder.glob("*.jar")} == {jar.file_name for jar in pinned()}


def test_pins_name_one_kafka_version_for_all_its_parts() -> None:
    assert {jar.version for jar in pinned() if jar.group == "org.apache.kafka"} == {kafka_version(pinned())}


def test_pins_are_sorted_and_unique() -> None:
    coordinates = [line.split()[1] for line in PINS.read_text().splitlines()]
    assert coordinates == sorted(set(coordinates))


def test_a_jar_with_other_bytes_is_not_whole(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.jar", tmp_path / "bad.jar"
    good.write_bytes(b"jar")
    bad.write_bytes(b"jar, and more")
    jar = Jar(hashlib.sha256(b"jar").hexdigest(), "g", "n", "1")
    whole = [jar.is_whole(path) for path in (good, bad, tmp_path / "absent.jar")]
    assert whole == [True, False, False]


def test_a_broken_jar_is_not_used_and_without_network_the_line_says_so(cache_of_links: Path) -> None:
    broken = next((cache_of_links / f"kafka-{kafka_version(pinned())}").glob("kafka-clients-*.jar"))
    broken.unlink()
    broken.write_bytes(b"not a jar")
    with pytest.raises(Broken, match="the first start needs the network"):
        ensure_jars(cache_of_links, "http://127.0.0.1:9")


def test_a_cache_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Broken, match=r"cannot keep Apache Kafka in .*Not a directory"):
        ensure_jars(tmp_path / "file")
