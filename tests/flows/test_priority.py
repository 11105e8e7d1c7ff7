"""Work that stays behind has the lowest priority that the host gives, in threads too."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.flow_fixture import ROOT

SAY = """
import os, threading
from flows.priority import stay_behind
stay_behind({})
seen = []
looking = threading.Thread(target=lambda: seen.extend([os.sched_getscheduler(0), os.nice(0)]))
looking.start()
looking.join()
print(*seen)
"""


@pytest.mark.parametrize(("nice", "way"), [(0, os.SCHED_OTHER), (10, os.SCHED_OTHER), (19, os.SCHED_IDLE)])
def test_a_process_that_stays_behind_is_known_as_such(nice: int, way: int) -> None:
    command = [sys.executable, "-c", SAY.format(nice)]
    said = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True, start_new_session=True
    )
    assert [int(word) for word in said.stdout.split()] == [way, min(nice + os.nice(0), 19)]
