"""A full disk under the recovery store: one clear line, red at once, no damage, on by itself afterwards."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import httpx
import psutil
import pytest

from flows.health_file import endpoints
from tests.flow_fixture import PROCESS, ROOT, RUN, TOPIC, World, until
from verify.logs import read_back
from verify.oracle import Limits
from verify.troubled import POISON, troubled
from verify.views import expected, shown

SETTINGS = {
    "GAMEWAX_WINDOWS__ALLOWED_LATENESS_S": "60",
    "GAMEWAX_RECOVERY__EPOCH_S": "0.3",
    "GAMEWAX_DEAD_LETTERS__PAUSE": "false",
}
MESSAGES = 3_000
NO_MORE = 40_000  # bytes that a file may have: less than the store needs

pytestmark = pytest.mark.slow


@pytest.fixture
def world(world: World) -> World:
    world.given |= SETTINGS
    return world


def flow_process(parent: int) -> psutil.Process | None:
    """Give the flow's process below a supervisor."""
    try:
        found = psutil.Process(parent).children(recursive=True)
        return next((of for of in found if "flows.process" in of.cmdline()), None)
    except psutil.Error:
        return None


def limit(process: psutil.Process, size: int) -> None:
    """Let no file of a running process grow beyond a size; its children inherit it."""
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def assert_exact(world: World) -> None:
    log = read_back(world.kafka.bootstrap_servers, TOPIC)
    with world.client() as client:
        assert shown(client) == expected(log, Limits(lateness_ms=60_000), POISON)


def test_a_store_that_cannot_grow_ends_the_flow_in_one_line_and_it_goes_on_exactly(world: World) -> None:
    world.send(*islice(troubled(1), MESSAGES))
    with world.started(*PROCESS) as flow:
        until(lambda: world.place() == MESSAGES)
        limit(psutil.Process(flow.pid), NO_MORE)
        world.send(*islice(troubled(2), MESSAGES))
        assert flow.wait(30) == 1
        assert flow.stderr is not None
        (line,) = flow.stderr.read().splitlines()
    assert "the disk of its recovery store" in line
    assert "make room there" in line
    assert [of.lives for of in endpoints(world.folder / "recovery")] == [False]  # status: it died
    world.drain()
    assert_exact(world)


def test_a_supervised_flow_tries_until_there_is_room_and_then_goes_on(world: World) -> None:
    log = world.folder / "said"
    with log.open("w") as said:
        run = subprocess.Popen([sys.executable, *RUN], cwd=ROOT, env=world.environment, stderr=said)
    try:
        supervisor = psutil.Process(run.pid)
        world.send(*islice(troubled(3), MESSAGES))
        until(lambda: world.place() == MESSAGES)
        first = flow_process(run.pid)
        assert first is not None
        limit(supervisor, NO_MORE)
        limit(first, NO_MORE)
        world.send(*islice(troubled(4), MESSAGES))
        until(lambda: log.read_text().count("the disk of its recovery store") >= 2)
        limit(supervisor, resource.RLIM_INFINITY)
        until(lambda: world.place() == 2 * MESSAGES)
    finally:
        run.terminate()
        assert run.wait(60) == 0
    lines = log.read_text().splitlines()
    tries = [line for line in lines if "the disk of its recovery store" in line]
    again = [line for line in lines if "flow ended, starting again" in line]
    assert (len(tries), len(tries) + len(again)) == (len(again), len(lines))
    assert_exact(world)


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """Mount a small disk where the recovery stores go."""
    place = folder / "recovery"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small disk")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_health_is_red_before_the_disk_is_full_and_none_starts_on_it(world: World) -> None:
    world.given["GAMEWAX_RECOVERY__LEAST_FREE_MB"] = "4"
    with small_disk(world.folder, "16m") as place:
        world.send(*islice(troubled(5), MESSAGES))
        with world.started(*PROCESS) as flow:
            until(lambda: world.place() == MESSAGES)
            (endpoint,) = endpoints(place)
            with httpx.Client(base_url=endpoint.url) as client:
                until(lambda: client.get("/readyz").status_code == 200)
                fill = place / "fill"
                fill.write_bytes(bytes(13 << 20))
                answer = client.get("/readyz")
                assert (answer.status_code, [json.loads(answer.text)["reason"]]) == (503, ["disk_full"])
                assert client.get("/healthz").text == "ok\n"
                with fill.open("ab") as file, pytest.raises(OSError, match="No space"):
                    file.write(bytes(8 << 20))
            world.send(*islice(troubled(6), MESSAGES))
            assert flow.wait(30) == 1
            assert flow.stderr is not None
            said = flow.stderr.read()
            assert (said.count("is full"), "Traceback" in said) == (1, False), said
        refused = world.run(*PROCESS)
        assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
        assert "the disk of the recovery store is full (0 MB free, 4 MB wanted)" in refused.stderr
        unchecked = world.run(*PROCESS, GAMEWAX_RECOVERY__LEAST_FREE_MB="0")
        assert (unchecked.returncode, unchecked.stderr.count("\n")) == (1, 1), unchecked.stderr
        fill.unlink()
        drained = world.run(*RUN, "--drain")
        assert (drained.returncode, drained.stderr) == (0, "")
        assert_exact(world)
