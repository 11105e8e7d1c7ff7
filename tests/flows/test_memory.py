"""What a flow has freed goes back to the system."""

from __future__ import annotations

from threading import Event, Thread

import psutil

from flows.memory import give_back

PIECES, PIECE = 4_000, 50_000  # 200 MB, each too small to be mapped by itself


def test_what_was_freed_goes_back_to_the_system() -> None:
    process, ended = psutil.Process(), Event()
    held = [bytearray(b"x") * PIECE for _ in range(PIECES)]
    del held[: PIECES - 1]  # the last one keeps the heap from shrinking by itself
    before, returned = process.memory_info().rss, False

    thread = Thread(target=give_back, args=(ended, 0.01))
    thread.start()
    for _ in range(1_000):
        returned = before - process.memory_info().rss > PIECES * PIECE // 2
        if returned or ended.wait(0.01):
            break
    ended.set()
    thread.join()

    assert returned
