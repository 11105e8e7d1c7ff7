"""A topic that grows is read whole, also when it grows between the opens of two processes of a cluster."""

from __future__ import annotations

import signal
from itertools import islice

import msgspec
import pytest

from embedded.process import free_port
from tests.flow_fixture import PROCESS, TOPIC, World, until
from verify.troubled import troubled

pytestmark = pytest.mark.slow


def counted(world: World) -> tuple[int, int]:
    """The round of the cluster and how many partitions its first process has counted."""
    try:
        told = msgspec.json.decode((world.folder / "recovery" / "engagement" / "round").read_bytes())
    except FileNotFoundError:
        return 0, 0
    return told["number"], told["partitions"][TOPIC]


def test_a_topic_that_grows_between_the_opens_of_two_processes_is_read_whole(world: World) -> None:
    """The first process counts 4 partitions before the second looks, which then finds 5."""
    world.send(*islice(troubled(4), 1_000))
    addresses = f"127.0.0.1:{free_port()};127.0.0.1:{free_port()}"
    words = (*PROCESS, "--addresses", addresses, "--process")
    with world.started(*words, "0") as first:
        until(lambda: counted(world) == (1, 4))
        world.add_partitions(5)
        world.send(*islice(troubled(5, partitions=5), 1_000))
        with world.started(*words, "1") as second:
            until(lambda: world.place() == 2_000, 60)
            assert counted(world) == (2, 5)
            for process in (first, second):
                process.send_signal(signal.SIGTERM)
            assert [process.wait(30) for process in (first, second)] == [0, 0]
    world.drain()
    folded = "SELECT sum(aggregated + late + dead + duplicates), sum(read) FROM accounting"
    assert world.ask(folded) == [(4_000, 4_000)]
