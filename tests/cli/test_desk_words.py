"""Files of chargebacks are read exactly, and alerts are judged again by what judged them: no server."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from cli.desk import span_ms
from cli.desk_again import judged_again, verdict
from cli.desk_alerts import Alert
from cli.desk_file import Told, match, read_file
from cli.desk_purchases import Bought
from models.fraud_alert import Evidence
from models.fraud_rule_yaml import read_rules
from models.fraud_verdict import Thresholds
from topics.errors import BadInput

RULES = {
    rule.name: rule
    for _, rule in read_rules("""
- {id: dear, version: 1, when: price > 90, weight: 0.6, owner: o, description: d}
- {id: fast, version: 2, when: player_purchases_1m > 3, weight: 0.8, owner: o, description: d}
- {id: try, version: 1, when: price > 10, weight: 0.5, shadow: true, owner: o, description: d}
""").rules
}
SEEN = {"price": 95.0, "player_purchases_1m": 5.0}
EVIDENCE = Evidence(
    log="0a1b2c3d", topic="purchase-events", partition=0, offset=7, time_ms=0, features=dict(SEEN),
    rules=["dear:1", "fast:2", "try:1", "model:4"], model_score=0.5, score=0.96,
)  # fmt: skip
ALERT = Alert("a1", "p1", "dear", 1, 0.96, "block", [], [EVIDENCE], 1, "fraud:4", False)


def again(alert: Alert = ALERT, **changed: object) -> str:
    """What is different about an alert whose evidence was changed so."""
    evidence = [msgspec.structs.replace(of, **changed) for of in alert.evidence]
    alert = msgspec.structs.replace(alert, evidence=evidence)
    return verdict(alert, judged_again(alert, RULES, Thresholds()))


def test_the_same_evidence_gives_the_same_score_for_live_shadow_and_model_alerts() -> None:
    assert again() == ""  # 1 - (1 - .6)(1 - .8)(1 - .5)
    assert again(msgspec.structs.replace(ALERT, rule_id="model", rule_version=4)) == ""
    shadow = msgspec.structs.replace(ALERT, rule_id="try", shadow=True, score=0.98)
    assert again(shadow, score=0.98) == ""  # what it would have been with it
    trial = msgspec.structs.replace(ALERT, rule_id="model", rule_version=5, shadow=True, score=0.5)
    assert again(trial, score=0.5, rules=["model:5"]) == ""
    assert again(msgspec.structs.replace(ALERT, purchases=30, score=0.97)) == ""  # another one had more


def test_other_evidence_is_told_with_what_is_different() -> None:
    assert (
        again(features=SEEN | {"price": 5.0}) == "1 of 1 purchases: rule dear:1 does not hold on its features"
    )
    assert again(features=SEEN | {"player_purchases_1m": None}).endswith("its score was 0.96 and is 0.8")
    assert again(model_score=0.75).endswith("its score was 0.96 and is 0.98")
    assert again(rules=["dear:1", "fast:9"]).endswith(
        "rule fast:9 is known no more, so nobody can judge by it"
    )
    assert (
        again(msgspec.structs.replace(ALERT, score=0.9))
        == "the alert's score is 0.9 and its evidence gives 0.96"
    )


BOUGHT = Bought("0a1b2c3d", 0, 1, "purchase-events", "p1", "i1", "", "EUR", 0, "t1")
FOUND = {
    "t1": [BOUGHT, BOUGHT._replace(offset=2)],
    "t2": [BOUGHT, BOUGHT._replace(player_id="p2", offset=3)],
}


JSON_LINES = """{"transaction_id":"t1","fraud":true,"reason":"lost card"}
{"transaction_id":"t2","player_id":"p2"}
{"transaction_id":"t2"}
{"transaction_id":"t3"}

{"transaction_id":"t4","player_id":"p4","fraud":false}
"""


def saved(folder: Path, text: str) -> Path:
    path = folder / "chargebacks"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "text",
    [
        "transaction_id,player_id,fraud,reason\nt1,,yes,lost card\nt2,p2,,\nt2,,,\nt3,,,\nt4,p4,no,\n",
        JSON_LINES,
    ],
    ids=["csv", "ndjson"],
)
def test_each_line_meets_the_purchases_of_its_transaction(tmp_path: Path, text: str) -> None:
    matched = match(list(read_file(saved(tmp_path, text), Told(True, "bank", "chargeback"))), FOUND)
    labelled = [(of.player_id, of.offset, said.fraud, said.reason) for of, said in matched.purchases]
    assert labelled == [
        ("p1", 1, True, "lost card"), ("p1", 2, True, "lost card"), ("p2", 3, True, "chargeback"),
    ]  # fmt: skip
    assert [(of.player_id, of.transaction_id, of.fraud) for of in matched.beside] == [("p4", "t4", False)]
    assert [fault.partition(": ")[2] for fault in matched.faults] == [
        "t2 was used by several players, say player_id",
        "t3 is not in the archive, say player_id",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("transaction_id\nt1\n", ":2 does not say whether it was fraud"),
        ("transaction_id,fraud\nt1,perhaps\n", ":2: fraud must be true or false, not 'perhaps'"),
        ("transaction,fraud\nt1,yes\n", ":2: unknown field 'transaction'"),
        ("transaction_id,fraud\n,yes\n", ":2 has no transaction_id"),
        ("transaction_id,fraud\nt1,yes,more\n", ":2: unknown field 'None'"),
        ('{"transaction_id":"t1","fraud":true}\n{"\n', "line 2 is no JSON"),
        ('{"transaction_id":"t1","fraud":true}\n[1]\n', "line 2 is no JSON object"),
    ],
)
def test_a_line_that_cannot_be_read_ends_it(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(BadInput) as refused:
        list(read_file(saved(tmp_path, text), Told(None)))
    assert told in str(refused.value)


def test_a_file_that_is_not_there_or_no_text_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        list(read_file(tmp_path / "none", Told(True)))
    (tmp_path / "binary").write_bytes(b"transaction_id\n\xff\xfe\n")
    with pytest.raises(BadInput, match="cannot be read"):
        list(read_file(tmp_path / "binary", Told(True)))


def test_spans_are_read() -> None:
    assert [span_ms("--for", text) for text in ("30m", "8h", "1d", "2w")] == [
        n * 60_000 for n in (30, 480, 1_440, 20_160)
    ]
    for text in ("", "0d", "1", "1y", "-1d", "soon"):
        with pytest.raises(BadInput, match="--for must be a span"):
            span_ms("--for", text)
