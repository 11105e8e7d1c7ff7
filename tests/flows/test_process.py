import subprocess
import sys

from embedded.process import ROOT

ASKED = """
import sys
from threading import Event
from flows.process import end_in_time
stop = Event()
stop.set()
end_in_time(stop, sys.stderr, 0.01)
"""


def test_a_flow_that_cannot_end_is_ended() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", ASKED], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stderr) == (
        1,
        "gamewax: asked to end, and could not within 0 s: the next start reads on safely\n",
    )
