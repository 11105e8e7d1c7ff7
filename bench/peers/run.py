"""Other engines on our topic, in turn, each row compared with our truth.

Rules: peers are optional. One that cannot run says why and the rest goes on. All of one round run before
the next round begins. Bytewax's windows get fewer events of the same kind, so that they end at all.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import polars as pl

from bench import truth
from bench.check import Checked, compared
from bench.load import Load
from bench.peers.contest import Bytewax, Contest, FlinkSql, emptied
from bench.peers.finished import Finished
from bench.peers.peer import Peer
from bench.rig import preload
from embedded.services import Services
from topics.errors import GamewaxError

SIZE_S = 10
BYTEWAX_EVENTS = {"ENG": 400_000, "PLY": 60_000}  # 10-40 s each
KEYS = {"ENG": ("window_start", "level_id", "map_id"), "PLY": ("window_start", "player_id")}


def contests(events: int) -> list[Contest]:
    """Give all peers, for a topic of this many events."""
    whole = Load(events, ids=False)
    windows = {work: Load(min(fewer, events), ids=False) for work, fewer in BYTEWAX_EVENTS.items()}
    return [
        *(FlinkSql(work, whole, mark) for work in KEYS for mark in ("", "+CHECKPOINTS")),
        *(Bytewax(work, windows[work], style) for work in KEYS for style in ("DOCS", "TUNED")),
    ]


def peers(services: Services, events: int, runs: int, folder: Path) -> list[Peer]:
    """Run every peer `runs` times over a preloaded topic, printing a line for each drain."""
    of = contests(events)
    found = {name: Peer(name, one.settings, one.load.events) for one in of for name in one.names}
    for number in range(runs):
        for contest in of:
            mine = [found[name] for name in contest.names]
            if not any(peer.why_not for peer in mine):
                play(contest, services, emptied(folder), mine)
                print(*(f"round {number + 1}: {peer}" for peer in mine), sep="\n", flush=True)
    return list(found.values())


def play(contest: Contest, services: Services, folder: Path, peers: list[Peer]) -> None:
    """Run one round of one peer and judge its rows."""
    try:
        preload(services, contest.load)
        finished = contest.drain(services, folder)
    except GamewaxError as error:
        for peer in peers:
            peer.why_not = str(error)
        return
    for peer, one in zip(peers, finished, strict=True):
        peer.rounds.append(one.figures)
        peer.ran_on = one.ran_on
        peer.checked.append(judged(one, contest))


def judged(finished: Finished, contest: Contest) -> Checked:
    """Compare the rows with the truth."""
    wanted = truth_of(contest.work, contest.load)
    return compared(wanted, finished.read(wanted.schema), KEYS[contest.work], {})


@cache
def truth_of(work: str, load: Load) -> pl.DataFrame:
    """Give the rows that a work must give."""
    return (truth.by_level if work == "ENG" else truth.by_player)(load, SIZE_S)
