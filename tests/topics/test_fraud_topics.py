"""The topics of fraud: flags are true or false, and what must be kept is kept."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cli.topics import config
from topics.decode import decode
from topics.registry import TOPICS

LABEL = {"player_id": "p1", "fraud": True, "transaction_id": 77}


def test_rules_keep_each_version_and_labels_are_kept_for_ever() -> None:
    stamped = {"message.timestamp.type": "LogAppendTime"}
    assert config(TOPICS["fraud-rules"]) == {**stamped, "cleanup.policy": "compact"}
    assert config(TOPICS["fraud-labels"]) == {**stamped, "retention.ms": "-1"}
    assert config(TOPICS["players"]) == stamped


def test_labels_are_decoded_with_their_flag() -> None:
    values = [json.dumps(LABEL | {"fraud": fraud}).encode() for fraud in (True, False)]
    batch = decode(TOPICS["fraud-labels"], values, np.array([5, 6]))
    assert batch.rejects == []
    assert batch.frame.select("player_id", "fraud", "transaction_id", "event_time").rows() == [
        ("p1", True, "77", 5),
        ("p1", False, "77", 6),
    ]


@pytest.mark.parametrize("fraud", ['"true"', "1", "null", "[true]", '"yes"'])
def test_a_flag_is_nothing_but_true_or_false(fraud: str) -> None:
    value = b'{"player_id": "p1", "fraud": %s}' % fraud.encode()
    (reject,) = decode(TOPICS["fraud-labels"], [value], np.array([5])).rejects
    assert (reject.path, reject.reason) == ("fraud", "field_missing" if fraud == "null" else "field_type")
