"""`./gamewax fraud train|evaluate|promote|rollback`, from stored purchases to a model that scores."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner, Result

import settings
from cli.app import app
from cli.fraud_training import trained
from models.fraud_card import ONNX
from models.fraud_folds import DAY_MS
from models.fraud_gathering import Gathering
from models.fraud_inputs import INPUTS
from models.fraud_learning import Wish
from sinks.clickhouse_client import connect
from sinks.migrations import migrate
from sources.artifacts import CURRENT, NAME, SHADOW, load_model
from tests.clickhouse_fixture import WRITER, RunningClickHouse
from tests.models.made_past import FIRST_DAY, made_purchases
from topics.errors import BadInput

DAYS = 56
LOG = "0a1b2c3d"
PURCHASE = (
    "player_id", "item_id", "price", "currency", "purchase_timestamp", "ip_address", "game_id", "log",
    "topic", "partition", "offset", "kafka_time",
)  # fmt: skip
LABEL = ("player_id", "fraud", "log", "partition", "offset", "record_offset", "kafka_time")


def call(*words: str) -> Result:
    return CliRunner().invoke(app, ["fraud", *words])


@pytest.fixture
def handbook(tmp_path: Path) -> Path:
    """Transactions of 56 days, with ids as numbers and times as timestamps."""
    made = made_purchases(DAYS, seed=4, a_day=200)
    file = tmp_path / "transactions.parquet"
    made.select(
        TRANSACTION_ID=pl.int_range(made.height) + 7_000,
        TX_DATETIME=pl.from_epoch("event_time", time_unit="ms").cast(pl.Datetime("ns")),
        CUSTOMER_ID=pl.col("player_id").str.slice(1).cast(pl.Int64),
        TERMINAL_ID=pl.col("item_id").str.slice(1).cast(pl.Int64),
        TX_AMOUNT=pl.col("price") / 10_000,
        TX_FRAUD=pl.col("fraud"),
    ).write_parquet(file)
    return file


def test_the_handbook_file_is_scored_fold_by_fold(handbook: Path, tmp_path: Path) -> None:
    out = tmp_path / "scores.csv"
    ended = call("evaluate", "--handbook", str(handbook), "--out", str(out))
    last = ended.stdout.splitlines()[-1]
    assert last.startswith(("OK AP ", "FALLS SHORT AP ")), ended.output
    scores = pl.read_csv(out)
    assert scores.columns == ["TRANSACTION_ID", "fold", "score"]
    assert scores["score"].is_between(0, 1).all()
    assert not scores.select("TRANSACTION_ID", "fold").is_duplicated().any()
    rows = pl.read_parquet(handbook).join(scores, on="TRANSACTION_ID")
    day = rows["TX_DATETIME"].dt.epoch("d") - FIRST_DAY
    first = DAYS - 1 - 20 + 14
    for fold in range(4):
        days = day.filter(rows["fold"] == fold)
        assert (days.min(), days.max()) == (first - 7 * fold, first - 7 * fold + 6)
    best = rows.sort("score", descending=True).head(100)
    assert best["TX_FRAUD"].mean() > 0.5  # type: ignore[operator]


def test_text_times_and_ids_score_as_numbers_do(handbook: Path, tmp_path: Path) -> None:
    table = pl.read_parquet(handbook).with_columns(
        pl.col("TX_DATETIME").dt.strftime("%Y-%m-%d %H:%M:%S%.3f"),
        pl.col("CUSTOMER_ID", "TERMINAL_ID").cast(pl.String),
        TX_TIME_DAYS=pl.lit("left alone"),
    )
    table.write_parquet(tmp_path / "text.parquet")
    given = [(handbook, "numbers.csv"), (tmp_path / "text.parquet", "text.csv")]
    for file, out in given:
        call("evaluate", "--handbook", str(file), "--out", str(tmp_path / out), "--fold0", "2024-11-04")
    assert (tmp_path / "numbers.csv").read_bytes() == (tmp_path / "text.csv").read_bytes()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--fold0", "1999-01-01"), "give another --fold0"),
        (("--fold0", "soon"), "--fold0 must be a date"),
    ],
)
def test_folds_that_the_file_does_not_hold_are_refused(
    handbook: Path, words: tuple[str, ...], why: str
) -> None:
    refused = call("evaluate", "--handbook", str(handbook), *words).exception
    assert isinstance(refused, BadInput)
    assert why in str(refused)


def test_a_file_that_is_no_handbook_is_refused_by_what_it_lacks(tmp_path: Path) -> None:
    pl.DataFrame({"TRANSACTION_ID": [1]}).write_parquet(tmp_path / "other.parquet")
    refused = call("evaluate", "--handbook", str(tmp_path / "other.parquet")).exception
    assert isinstance(refused, BadInput)
    assert "must be Parquet with columns TRANSACTION_ID, TX_DATETIME" in str(refused)


@pytest.fixture
def stored(
    clickhouse: RunningClickHouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> settings.Settings:
    """A database with purchases in two partitions, labels of frauds, and a folder for models."""
    user, password = WRITER
    given = {"url": clickhouse.url, "database": clickhouse.database, "user": user, "password": password}
    server = settings.ClickHouse.model_validate(given)
    at = settings.Settings(clickhouse=server, fraud=settings.Fraud(models=tmp_path / "models"))
    migrate(at)
    made = made_purchases(DAYS, seed=4)
    with connect(server, server.database) as client:
        client.insert("purchase_events_upserts", list(purchase_rows(made)), column_names=PURCHASE)
        labels = [
            (player, True, LOG, offset % 2, offset, offset, moment(known))
            for offset, (player, fraud, known) in enumerate(
                made.select("player_id", "fraud", "known_ms").iter_rows()
            )
            if fraud
        ]
        client.insert("fraud_labels_upserts", labels, column_names=LABEL)
    monkeypatch.setattr(settings, "load", lambda: at)
    return at


def moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def purchase_rows(made: pl.DataFrame) -> Iterator[tuple[object, ...]]:
    columns = "player_id", "item_id", "price", "currency", "event_time", "ip_address"
    for offset, (player, item, price, currency, ms, address) in enumerate(made.select(columns).iter_rows()):
        time = moment(ms)
        place = (LOG, "purchase-events", offset % 2, offset, time)
        yield player, item, price / 10_000, currency, time, address, "", *place


def test_from_stored_purchases_to_a_model_that_scores(stored: settings.Settings) -> None:
    as_of = (FIRST_DAY + DAYS) * DAY_MS
    card = trained(stored, as_of, (7, 7), Wish(NAME, 5))
    assert (card.version, len(card.folds)) == (1, 4)
    assert card.trained.to_ms == as_of - 7 * DAY_MS
    again = trained(stored, as_of, (7, 7), Wish(NAME, 5))
    assert (again.trained, again.files[ONNX]) == (
        card.trained,
        card.files[ONNX],
    )  # the same past, the same trees
    models = stored.fraud.folder
    assert load_model(models) is None
    assert call("promote", "2", "--shadow").exit_code == 0
    assert "review from" in call("promote", "1").output
    working, watching = load_model(models), load_model(models, pointer=SHADOW)
    assert working is not None
    assert watching is not None
    assert (working.version, watching.version) == (1, 2)
    gathering = Gathering(FIRST_DAY + 50)
    made = made_purchases(DAYS, seed=4)
    gathering.add(made)
    past = gathering.past()
    taken = [INPUTS.index(name) for name in working.features]
    scores = working.score_rows(np.ascontiguousarray(past.rows[:, taken]))
    high = past.rows[:, INPUTS.index("price")] > 200
    assert scores[high].mean() > 10 * scores[~high].mean()
    assert "rules work alone" in call("rollback").output
    assert not (models / NAME / CURRENT).exists()
    assert "watches any more" in call("rollback", "--shadow").output


def test_without_labels_or_purchases_training_says_what_is_missing(stored: settings.Settings) -> None:
    with pytest.raises(BadInput, match="nobody has labelled a purchase before"):
        trained(stored, FIRST_DAY * DAY_MS, (7, 7), Wish(NAME, 5))
    with pytest.raises(BadInput, match="no model: it could not be tested in any week"):
        trained(stored, (FIRST_DAY + 14) * DAY_MS, (7, 7), Wish(NAME, 5))
