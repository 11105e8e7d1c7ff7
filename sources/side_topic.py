"""A small topic that is known whole while a flow runs: rules, labels, players.

Rules:
- A thread of its own asks for the topic's end several times a second and reads to it. Each such check is a
  promise: what the topic held when the check began has been heard.
- Who got messages at a moment F asks `knows(F)`: true once a check that began after F - 0.8 s is done. So a
  rule that came to Kafka a second or more before a purchase is always heard before the purchase is judged,
  on every replay too. Only durations are compared, never two clocks.
- Nothing is guessed: while Kafka is away, or another's transaction is open, the answer is no.
- What the thread cannot get over is raised where it is asked or waited for.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Condition, Event, Thread

import structlog

from sources.side_reader import Hear, SideReader
from topics.errors import BadInput, Broken, GamewaxError
from topics.servers import KafkaServer

EVERY_S = 0.25  # between the begins of two checks
SLACK_S = 0.8  # of the second after which a record counts; the rest is for clocks of brokers that differ
AWAY_AFTER_S = 2.0  # without a check that ends, before it is said
LEAVES_WITHIN_S = 1.0  # the client waits for ever for a broker that is gone

log = structlog.get_logger()


class SideTopic:
    """One topic, heard in full and kept up with.

    Args:
        server: where Kafka is.
        topic: its name.
        hear: takes each message on the thread that reads, one at a time: key, value, Kafka time (epoch ms),
            partition, offset. It raises `BadInput` for one that is no good, which is told and counted.
        monotonic: gives seconds that only grow; `knows` takes moments of the same clock.
        every_s: seconds between two checks.

    """

    def __init__(
        self,
        server: KafkaServer,
        topic: str,
        hear: Hear,
        monotonic: Callable[[], float],
        every_s: float = EVERY_S,
    ) -> None:
        self._server, self._topic, self._hear = server, topic, hear
        self._monotonic, self._every_s = monotonic, every_s
        self._reader: SideReader | None = None
        self._thread: Thread | None = None
        self._closed, self._turned = Event(), Condition()
        self._known_at = float("-inf")
        self._failed: GamewaxError | None = None
        self._failing_since: float | None = None  # the begin of the first check that did not end
        self._said_away = False

    @property
    def name(self) -> str:
        """The topic's name."""
        return self._topic

    @property
    def known_at(self) -> float:
        """When the last check that is done began; minus infinity before the first."""
        return self._known_at

    @property
    def heard(self) -> int:
        """How many messages were heard, the refused among them."""
        return 0 if self._reader is None else self._reader.heard

    @property
    def refused(self) -> int:
        """How many messages the hearer refused."""
        return 0 if self._reader is None else self._reader.refused

    def start(self) -> None:
        """Begin to read; returns when all that the topic holds has been heard.

        Raises:
            BadInput: Kafka does not answer, or has no such topic.
            Broken: it cannot be read.

        """
        self._reader, now = SideReader(self._server, self._topic, self._hear), self._monotonic()
        self._thread = Thread(target=self._run, args=(self._reader,), name=f"side-{self._topic}", daemon=True)
        self._thread.start()
        self._wait_until_known_since(now)

    def knows(self, fetched_at: float, slack_s: float = SLACK_S) -> bool:
        """Tell whether all is heard that may count for messages fetched at a moment; does not wait.

        Raises:
            Broken: the topic was created anew or cut, or the thread ended by a fault of ours.

        """
        if self._failed is not None:
            raise self._failed
        return self._known_at >= fetched_at - slack_s

    def wait_for(self, fetched_at: float, slack_s: float = SLACK_S) -> None:
        """Wait until all is heard that may count for messages fetched at a moment.

        Raises:
            Broken: as `knows`; or the topic is closed.

        """
        self._wait_until_known_since(fetched_at - slack_s)

    def close(self) -> None:
        """End the thread; a Kafka that is away is not waited for."""
        self._closed.set()
        with self._turned:
            self._turned.notify_all()
        if self._thread is not None:
            self._thread.join(LEAVES_WITHIN_S)

    def _wait_until_known_since(self, moment: float) -> None:
        with self._turned:
            self._turned.wait_for(
                lambda: self._known_at >= moment or self._failed is not None or self._closed.is_set()
            )
        if not self.knows(moment, 0):
            raise Broken(f"topic {self._topic} is read no more: it was closed")

    def _run(self, reader: SideReader) -> None:
        try:
            self._check_again_and_again(reader)
        except GamewaxError as error:
            self._fail(error)
        except Exception as error:  # noqa: BLE001  a fault of ours is raised where it is waited for
            failed = Broken(f"reading topic {self._topic} ended: {type(error).__name__}: {error}")
            failed.__cause__ = error
            self._fail(failed)
        finally:
            reader.close()

    def _check_again_and_again(self, reader: SideReader) -> None:
        while not self._closed.is_set():
            began = self._monotonic()
            try:
                if reader.read(lambda: not self._closed.is_set()):
                    self._note(began)
            except BadInput as error:
                self._say_away(began, error)
            self._closed.wait(max(0.0, began + self._every_s - self._monotonic()))

    def _note(self, began: float) -> None:
        if self._said_away:
            log.info("side_topic_back", topic=self._topic)
        self._failing_since, self._said_away = None, False
        with self._turned:
            self._known_at = began
            self._turned.notify_all()

    def _fail(self, error: GamewaxError) -> None:
        with self._turned:
            self._failed = error
            self._turned.notify_all()

    def _say_away(self, began: float, error: BadInput) -> None:
        """Say once that no check ends, unless it is a moment's matter: a new topic, a leader that moves."""
        since = self._failing_since = began if self._failing_since is None else self._failing_since
        if self._monotonic() >= since + AWAY_AFTER_S and not self._said_away:
            log.warning("side_topic_away", topic=self._topic, reason=str(error))
            self._said_away = True
