"""One demo from start to end: services, flows and traffic up, watched, down again, and judged.

Rules: everything started here ends here, in the order traffic, flows, dispatcher, receiver, services,
whatever happens; the kernel ends the children when this process is killed. Ctrl-C or SIGTERM before there
is traffic gives up; after, it ends the traffic and what was sent is still compared; a second one gives up.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType

import structlog
from rich.console import Console

from cli.demo_flows import Flows
from cli.demo_watch import Stage, Watch
from cli.demo_webhooks import telling
from cli.topics import create_topics
from demo.compared import compare, kept
from demo.folder import owned
from demo.outages import outages
from demo.reader import Reader
from demo.receiver import Receiver
from demo.screens import FullScreen, Lines, Screen
from demo.told import Messages, fraud, messages_of
from demo.traffic import Sending
from demo.verdict import Found, Verdict, faults
from demo.words import summary
from embedded.services import Services, running
from simulator.fraud import Fraud
from simulator.plan import PLAYERS, TOPICS, Plan
from simulator.run import Run
from simulator.trouble import Trouble
from sinks.migrations import migrate
from sources.rule_files import FOLDER as RULES
from topics.errors import BadInput, Broken

GAVE_UP = 130  # what a shell reports for a program ended by Ctrl-C
TROUBLE = Trouble(late=0.02, beyond=0.001, duplicate=0.01, malformed=0.002, skew=0.02, outage=True)
AS_TRUTH_COUNTS = {  # whatever the caller's settings say: by these rules the simulator counts
    "GAMEWAX_WINDOWS__ALLOWED_LATENESS_S": "600",
    "GAMEWAX_WINDOWS__MAX_OUT_OF_ORDERNESS_S": "2",
    "GAMEWAX_WINDOWS__DEDUP_OFFSETS": "100000",
    "GAMEWAX_FRAUD__RULES": str(RULES),
    "GAMEWAX_FRAUD__REVIEW_AT": "0.5",
    "GAMEWAX_FRAUD__BLOCK_AT": "0.9",
}
FRAUD = Fraud(share=0.1, hurry=30)  # so that a minute shows every kind
WEBHOOKS_WITHIN_S = 30.0  # after the flows have ended; usually they are all there


@dataclass(frozen=True, slots=True)
class Wish:
    """What the caller asked for; `limit_s` None: until Ctrl-C; `began`: epoch seconds of our start."""

    folder: Path
    limit_s: float | None
    rate: int
    seed: int
    began: float


class Ending:
    """Whether a signal asked us to end; raises `KeyboardInterrupt` when there is nothing to round off."""

    def __init__(self) -> None:
        self.asked = False
        self.rounds_off = False

    def __call__(self, _signal: int, _frame: FrameType | None) -> None:
        """Take a signal.

        Raises:
            KeyboardInterrupt: give up now; further signals are ignored, since all is being ended.

        """
        if self.rounds_off and not self.asked:
            self.asked = True
            return
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt


def play(wish: Wish, terminal: Console | None) -> int:
    """Run the demo; gives the exit code. Without a terminal it is shown as lines.

    Raises:
        GamewaxError: a part cannot start or go on; its text says why.

    """
    ending = Ending()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ending)
    try:
        with owned(wish.folder), services_of(wish) as services:
            verdict = run(wish, services, ending, terminal)
    except KeyboardInterrupt:
        say("FALLS SHORT ended before anything could be compared")
        return GAVE_UP
    say(verdict.line)
    return 1 if verdict.faults else 0


@contextmanager
def services_of(wish: Wish) -> Iterator[Services]:
    """Have Kafka and ClickHouse with all topics and tables, and tell how it goes."""
    say(f"Starting Kafka and ClickHouse on {wish.folder} …")
    with running(wish.folder) as services:
        try:
            at = services.settings()
            create_topics(at)
            migrate(at)
            say(f"Ready after {now() - wish.began:.1f} s. Starting the flows and the traffic …")
            yield services
        finally:
            say("Stopping Kafka and ClickHouse …")


def run(wish: Wish, services: Services, ending: Ending, terminal: Console | None) -> Verdict:
    """Start flows and traffic, watch them, end them, and judge."""
    with closing(Reader(services.settings())) as reader:
        check_untouched(reader, wish.folder)
        environment = services.environment() | AS_TRUTH_COUNTS | no_models(wish.folder)
        flows = Flows(wish.folder, environment)
        screen = FullScreen(terminal, now) if terminal else Lines(now)
        with flows.log.open("a", buffering=1) as words, telling(wish.folder, environment) as webhooks:
            structlog.configure(logger_factory=structlog.PrintLoggerFactory(words))
            with ended(flows):
                flows.look()  # they start while the made-up world does
                sending = Sending(Run(plan_of(wish), live=True), services.settings().kafka)
                watch = Watch(Stage(sending, flows, webhooks, reader, wish.folder, screen))
                watched(watch, screen, ending, wish.limit_s)
            messages = messages_of(services.bootstrap_servers)
            webhooks.wait(messages, WEBHOOKS_WITHIN_S)
        found = verdict_of(reader, watch, messages, webhooks.receiver)
    return replace(found, first_row_s=screen.first_row_at and screen.first_row_at - wish.began)


def plan_of(wish: Wish) -> Plan:
    """Plan the traffic, which begins now."""
    topics = (*TOPICS, PLAYERS)
    return Plan(wish.seed, round(now() * 1000), wish.rate, topics, trouble=TROUBLE, fraud=FRAUD)


def no_models(folder: Path) -> dict[str, str]:
    """Let rules alone judge, as they would on a new machine, whatever models the caller has."""
    return {"GAMEWAX_FRAUD__MODELS": str(folder / "no-models")}


def watched(watch: Watch, screen: Screen, ending: Ending, limit_s: float | None) -> None:
    """Let the traffic flow, shown, until it is time, and all of it be read."""
    with screen, stopped(watch.sending):
        ending.rounds_off = True
        watch.traffic(ending, limit_s)
        watch.rest(ending)


@contextmanager
def ended(flows: Flows) -> Iterator[None]:
    """End the flows, with snapshots, in any case; why the demo ends is more than how they did.

    Raises:
        Broken: one did not end well.

    """
    try:
        yield
    except BaseException:
        with suppress(Broken):
            flows.end()
        raise
    flows.end()


@contextmanager
def stopped(sending: Sending) -> Iterator[None]:
    """End the traffic in any case."""
    try:
        yield
    finally:
        sending.stop()


def verdict_of(reader: Reader, watch: Watch, messages: Messages, receiver: Receiver) -> Verdict:
    """Compare and show the comparison, if the flows have read everything."""
    truth = watch.sending.truth
    events, seconds = sum(truth.counts.kinds[topic].total() for topic in TOPICS), watch.traffic_s
    if not watch.caught_up:
        lacks = f"nothing compared, since {watch.unread or 'traffic had not ended'} when it was ended"
        return Verdict(events, seconds, (), (lacks,), None)
    alerts = fraud(reader, truth, messages, receiver)
    silent = outages(reader, truth)
    found = Found(reader.look(), compare(reader, truth), kept(reader, truth), alerts, silent)
    say(summary(found))
    wrong = tuple(faults(found, truth))
    return Verdict(events, seconds, found.compared, wrong, None, alerts.told, silent)


def check_untouched(reader: Reader, folder: Path) -> None:
    """Refuse services that hold somebody's traffic: the comparison would be about that too.

    Raises:
        BadInput: there are messages or rows.

    """
    messages, figures = reader.messages(), reader.look()
    books = any(progress.books or progress.settled for progress in figures.flows.values())
    if messages or books or figures.has_rows:
        raise BadInput(
            f"{folder} holds {messages:,} messages that no demo made; nothing was changed: "
            "give the demo another --data"
        )


def now() -> float:
    """Give the present in epoch seconds."""
    return time.time()  # noqa: TID251  the view tells how long things take


def say(text: str) -> None:
    """Tell how it goes."""
    print(text, flush=True)
