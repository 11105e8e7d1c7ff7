"""`./gamewax rules` as people use it, on a real Kafka."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.rules_checked import check_files
from cli.rules_known import KnownRules
from cli.rules_published import publish_files, retire_rule
from cli.rules_shown import show_rules
from cli.topics import create_topics
from models.fraud_rule import RuleBook
from models.fraud_rule_text import record_of, rule_of
from settings import Kafka, Settings
from sources.rule_files import built_in, built_in_files
from tests.flow_fixture import World, until
from topics.errors import BadInput, Broken
from topics.fraud_rules import TOPIC
from verify.logs import write
from verify.troubled import Sent

ODD = "id: {name}\nversion: {version}\nwhen: price > {limit}\ndecision: block\nowner: me\ndescription: dear\n"
Said = Callable[..., list[str]]


@pytest.fixture(scope="module")
def at(kafka: str) -> Kafka:
    """A Kafka that has our topics."""
    settings = Settings(kafka=Kafka(bootstrap_servers=kafka))
    create_topics(settings, 2)
    return settings.kafka


@pytest.fixture
def published(at: Kafka, capsys: pytest.CaptureFixture[str]) -> Said:
    def publish(path: str, effective_at: str = "", *, shadow: bool = False) -> list[str]:
        publish_files(at, [path], effective_at, shadow=shadow)
        return capsys.readouterr().out.splitlines()

    return publish


def listed(at: Kafka, capsys: pytest.CaptureFixture[str], rule_id: str) -> dict[int, tuple[str, bool]]:
    """State and shadow of all versions of a rule."""
    show_rules(at, every=True, as_json=True)
    rules = json.loads(capsys.readouterr().out)["rules"]
    return {of["version"]: (of["state"], of["shadow"]) for of in rules if of["id"] == rule_id}


def saved(folder: Path, name: str = "odd", version: int = 1, limit: object = 3, file: str = "") -> str:
    path = folder / f"{file or name}.yaml"
    path.write_text(ODD.format(name=name, version=version, limit=limit))
    return str(path)


@pytest.mark.slow
def test_the_commands_tell_each_other_what_they_did(world: World) -> None:
    def said(*words: str) -> list[str]:
        ended = world.run("-m", "cli", "rules", *words)
        assert (ended.returncode, ended.stderr) == (0, "")
        return ended.stdout.splitlines()

    (told,) = said("publish", saved(world.folder), "--shadow")
    assert "odd:1 is published: it counts for purchases" in told
    rows = {line.split()[0]: line.split()[1:] for line in said("list")}
    assert (rows["odd:1"][1:3], rows["duplicate_receipt:1"][2]) == (["shadow", "block"], "always")


@pytest.mark.slow
def test_a_rule_is_published_raised_and_retired(
    at: Kafka, published: Said, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = saved(tmp_path, "often")
    (shadow,) = published(file, shadow=True)
    (again,) = published(file, shadow=True)
    with pytest.raises(BadInput, match=r"often:1 is there with other content .* make it version 2"):
        published(file)
    (second,) = published(saved(tmp_path, "often", 2))
    (third,) = published(saved(tmp_path, "often", 3), "2100-01-01T00:00:00Z")
    until(lambda: listed(at, capsys, "often")[2] == ("live", False))
    states = listed(at, capsys, "often")
    with pytest.raises(BadInput, match=r"often:1 is there with other content .* make it version 4"):
        published(saved(tmp_path, "often", 1, 4))
    retire_rule(at, "often")
    retire_rule(at, "often")
    ended, over = capsys.readouterr().out.splitlines()
    with pytest.raises(BadInput, match="make it version 5"):
        published(saved(tmp_path, "often", 4))
    assert "often:1 is published: it counts for purchases" in shadow
    assert shadow.endswith("in shadow (it writes rows and tells nobody)")
    assert again == "often:1 is there already, word for word: nothing to publish"
    assert "often:2 is published" in second
    assert third.endswith("from 2100-01-01T00:00:00.000Z on")
    assert states == {1: ("replaced", True), 2: ("live", False), 3: ("waits", False)}
    assert "often:4 is published: the rule ends for purchases" in ended
    assert over == "often:4 is retired already: nothing to publish"
    until(lambda: listed(at, capsys, "often")[4] == ("retired", False))
    assert {listed(at, capsys, "often")[version][0] for version in (1, 2, 3)} == {"replaced"}


def test_what_must_not_be_published_is_refused_before_anything_is_sent(
    at: Kafka, published: Said, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for words, told in (
        ((saved(tmp_path, "wrong"), "2020-01-01T00:00:00Z"), "cannot count from 2020"),
        ((saved(tmp_path, "wrong"), "soon"), "--effective-at must be a time"),
        ((str(tmp_path / "none.yaml"),), "none.yaml cannot be read"),
        ((saved(tmp_path, "wrong", limit="prise", file="faulty"),), "1 fault in"),
        ((saved(tmp_path, "card_testing", 1),), r"stays as it is: make it version 2"),
    ):
        with pytest.raises(BadInput, match=told):
            published(*words)
    with pytest.raises(BadInput, match=r"did you mean card_testing\?"):
        retire_rule(at, "card_testin")
    assert capsys.readouterr().err.endswith("faulty.yaml:3:15: " + PRISE)
    assert listed(at, capsys, "wrong") == {}


PRISE = "when: there is no feature 'prise'; did you mean 'price'?\n"


def test_records_that_are_no_rules_are_told_and_harmless(
    at: Kafka, capsys: pytest.CaptureFixture[str]
) -> None:
    write(at.bootstrap_servers, TOPIC.name, [Sent(0, b"x:1", b"\x1b[2J"), Sent(0, b"\x1b", None)])
    show_rules(at, every=False, as_json=False)
    refused = [line for line in capsys.readouterr().out.splitlines() if line.startswith("refused: ")]
    assert [line.split(": ", 2)[2] for line in refused] == [
        "the value is not JSON",
        "the key of a rule is id:version, such as card_testing:3, not b'\\x1b'",
    ]


def test_check_needs_no_kafka_and_tells_all_faults(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad, same = (
        saved(tmp_path),
        saved(tmp_path, limit="prise", file="bad"),
        saved(tmp_path, file="same"),
    )
    check_files([good])
    assert capsys.readouterr().out == f"{good}: odd:1 is good: block, looks at price\n"
    with pytest.raises(BadInput, match="2 faults in"):
        check_files([good, bad, same])
    assert capsys.readouterr().err.splitlines() == [
        f"{bad}:3:15: when: there is no feature 'prise'; did you mean 'price'?",
        f"{same}:1:1: rule odd:1 stands in {good}:1 too",
    ]


def test_check_warns_of_what_no_backtest_repeats(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "shared.yaml"
    path.write_text("id: a\nversion: 1\nwhen: ip_players_1h > 5 and player_purchases_1h > 1\nweight: 0.5\n")
    check_files([str(path)])
    notes = [line for line in capsys.readouterr().out.splitlines() if line.startswith("  note: ")]
    assert [note.split(":")[1].split("(")[0].strip() for note in notes] == [
        "counts over all partitions",
        "it has no owner",
        "it has no description",
    ]
    assert "ip_players_1h; an alert keeps" in notes[0]


def test_the_state_of_a_version_is_what_the_book_of_the_flow_says() -> None:
    """Versions with any times, some retired: live in the list is live in the flow, at every moment."""
    known, book = KnownRules(), RuleBook()
    for version, (published_ms, effective_ms, state) in enumerate(
        [(0, 9_000, "active"), (3_000, 0, "active"), (2_000, 0, "retired"), (1_000, 6_000, "active")], 1
    ):
        value = {"id": "odd", "version": version, "when": "price > 3", "weight": 1, "state": state}
        rule = rule_of(json.dumps(value | {"effective_at": effective_ms}).encode())
        key, record = record_of(rule)
        known.hear(key, record, published_ms, 0, version)
        book.add(rule, published_ms)
    for now_ms in range(0, 12_000, 500):
        live = [of.rule for of in known.of("odd") if known.state(of, now_ms) == "live"]
        assert live == list(book.live_at(now_ms)), now_ms


def test_built_in_rules_are_good_and_can_be_published() -> None:
    rules = built_in()
    assert len(rules) >= 5
    assert [rule.name for rule in rules if not (rule.owner and rule.description)] == []
    assert [rule_of(record_of(rule)[1]) for rule in rules] == list(rules)
    assert [file.path.stem for file in built_in_files()] == [rule.id for rule in rules]


def test_a_bad_file_among_the_built_in_ones_is_our_fault(tmp_path: Path) -> None:
    saved(tmp_path)
    saved(tmp_path, file="same")
    with pytest.raises(Broken, match="rule odd:1 stands in two files"):
        built_in(tmp_path)
    saved(tmp_path, limit="prise", file="same")
    with pytest.raises(Broken, match=r"same\.yaml:3:15: when: there is no feature 'prise'"):
        built_in(tmp_path)
