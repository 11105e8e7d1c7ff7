"""Training on what ClickHouse keeps: reads, gathers, learns and stores, with bars."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cli.harmless import moment, now_ms
from models.fraud_card import Card
from models.fraud_folds import DAY_MS, WEEK, Fold, calibrating, weekly
from models.fraud_gathering import WARM_UP, Gathering
from models.fraud_learning import Learned, Wish, learn
from models.fraud_training import forests_for
from sinks.artifacts import keep
from sinks.clickhouse_client import connect
from sources.past_purchases import count_purchases, labelled, read_labels, read_purchases
from topics.errors import BadInput

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

    from models.fraud_training import Past
    from settings import Settings


def trained(at: Settings, as_of_ms: int, days_and_delay: tuple[int, int], wish: Wish) -> Card:
    """Train on what was known at a time (epoch ms), and store the version; gives its card.

    Raises:
        BadInput: ClickHouse does not answer, or too little is known to learn from.

    """
    days, delay = days_and_delay
    ripe = as_of_ms // DAY_MS - delay  # purchases of this day and later may still be called fraud
    newest = Fold(ripe - days, ripe, ripe + delay, ripe + delay + WEEK)
    folds = weekly(Fold(ripe - WEEK - delay - days, ripe - WEEK - delay, ripe - WEEK, ripe))
    columns = TextColumn("{task.description:<10}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        with connect(at.clickhouse, at.clickhouse.database) as client:
            past = gathered(client, calibrating(folds[-1]).train_from, as_of_ms, bar)
        task = bar.add_task("forests", total=forests_for(folds) + 1)
        wish = replace(wish, threads=os.cpu_count() or 1, fitted=lambda: bar.advance(task))
        learned = learn(past, newest, folds, wish)
    return stored(at, learned, wish)


def gathered(client: Client, begin: int, as_of_ms: int, bar: Progress) -> Past:
    """Read purchases and labels that were there at a time, and compute the features from a day on.

    Raises:
        BadInput: there are none.

    """
    labels = read_labels(client, as_of_ms)
    if not labels.height:
        raise BadInput(
            f"nobody has labelled a purchase before {moment(as_of_ms)}, so there is nothing to learn: label "
            "some (./gamewax fraud label), and keep the archive running (./gamewax run archive)"
        )
    span = (begin - WARM_UP) * DAY_MS, as_of_ms
    blocks = [labelled(block, labels) for block in read_purchases(client, *span)]
    task = bar.add_task("features", total=count_purchases(client, *span))
    gathering = Gathering(begin)
    for block in blocks:
        gathering.learn(block)
    for block in blocks:
        gathering.add(block)
        bar.advance(task, block.height)
    return gathering.past()


def stored(at: Settings, learned: Learned, wish: Wish) -> Card:
    """Keep a learned model as the next version."""
    made_at = moment(now_ms())
    return keep(at.fraud.folder, wish.name, lambda version: learned.card_of(version, made_at), learned.files)
