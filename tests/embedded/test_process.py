import os
import signal
import sys
from pathlib import Path

import pytest

from embedded.process import Child, signals_held


def test_a_signal_waits_until_the_child_that_is_being_started_is_known() -> None:
    known = []

    def start() -> None:
        with signals_held():
            os.kill(os.getpid(), signal.SIGINT)
            known.append("child")

    with pytest.raises(KeyboardInterrupt):
        start()
    assert known == ["child"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_without_a_signal_nothing_happens() -> None:
    with signals_held():
        known = ["child"]
    assert known == ["child"]


def test_a_child_started_meanwhile_still_ends_by_the_held_signals(tmp_path: Path) -> None:
    with signals_held():
        child = Child([sys.executable, "-c", "__import__('time').sleep(60)"], tmp_path / "log")
    os.kill(child.pid, signal.SIGTERM)
    assert child.wait() == -signal.SIGTERM
