"""Who is told of fraud in a demo: the dispatcher as a process, and a receiver that checks every signature.

Rules: the file of endpoints, with a secret that was never used before, is for our eyes only. The dispatcher
ends before the receiver; both end with the demo, however that ends.
"""

from __future__ import annotations

import os
import secrets
import signal
import sys
import time
from base64 import b64encode
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from cli.demo_flows import FOR_EVER_S, let, words_of
from cli.supervise import Flow
from demo.folder import ENDPOINTS, FLOW_LOGS, OUTBOX
from demo.receiver import Receiver
from embedded.process import signals_held
from topics.errors import Broken

PROGRAM = (sys.executable, "-m", "cli", "webhooks", "run")
NAME = "dispatcher"
SECRET_BYTES = 32
LOOK_EVERY_S = 0.1
FILE = """# Made by ./gamewax demo; its receiver is gone when the demo has ended.
endpoints:
  demo:
    url: {url}
    secret: {secret}
    http: true
    loopback: true
"""


class Webhooks:
    """The receiver, which listens, and the dispatcher, which starts when it is let."""

    def __init__(self, folder: Path, settings: Mapping[str, str], receiver: Receiver) -> None:
        self.receiver = receiver
        places = {
            "GAMEWAX_WEBHOOKS__ENDPOINTS": str(folder / ENDPOINTS),
            "GAMEWAX_WEBHOOKS__DIR": str(folder / OUTBOX),
        }
        self._dispatcher = Flow(
            NAME,
            1,
            drain=False,
            settings={**settings, **places},
            log=folder / FLOW_LOGS / f"{NAME}.log",
            program=PROGRAM,
            not_before=FOR_EVER_S,
        )

    def let(self) -> None:
        """Let the dispatcher start."""
        let(self._dispatcher)

    def look(self) -> None:
        """Start the dispatcher if it is due.

        Raises:
            GamewaxError: it cannot go on.

        """
        self._dispatcher.look()
        if self._dispatcher.code is not None:
            raise words_of(self._dispatcher)

    @property
    def trouble(self) -> str:
        """Say whether the dispatcher is down now."""
        down = self._dispatcher.started and not self._dispatcher.running
        return f"the dispatcher ended and starts again; see {self._dispatcher.log}" if down else ""

    def wait(self, ids: Collection[str], within_s: float) -> None:
        """Wait until all these messages were received, but not for ever.

        Raises:
            GamewaxError: the dispatcher cannot go on.

        """
        give_up_at = time.monotonic() + within_s
        while not self.receiver.ids.issuperset(ids) and time.monotonic() < give_up_at:
            self.look()
            time.sleep(LOOK_EVERY_S)

    def end(self) -> None:
        """End the dispatcher.

        Raises:
            Broken: it did not end well.

        """
        process = next(iter(self._dispatcher.running), None)
        with signals_held():
            self._dispatcher.end()
        # It may have been asked before it could listen; then it has nothing in hand.
        if process and process.returncode not in {0, -signal.SIGTERM}:
            raise Broken(f"the dispatcher ended with code {process.returncode}; see {self._dispatcher.log}")


@contextmanager
def telling(folder: Path, settings: Mapping[str, str]) -> Iterator[Webhooks]:
    """Have a receiver, and a dispatcher that tells it; both are ended in any case.

    Raises:
        Broken: the dispatcher did not end well.

    """
    secret = "whsec_" + b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
    with Receiver(secret) as receiver:
        write_private(folder / ENDPOINTS, FILE.format(url=receiver.url, secret=secret))
        webhooks = Webhooks(folder, settings, receiver)
        try:
            yield webhooks
        except BaseException:
            with suppress(Broken):  # why the demo ends is more than how the dispatcher did
                webhooks.end()
            raise
        webhooks.end()


def write_private(file: Path, text: str) -> None:
    """Write a file that only we may read, from its first byte on."""
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        out.write(text)
