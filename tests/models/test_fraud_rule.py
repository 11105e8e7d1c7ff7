"""Rule books: which version of a rule judges a purchase of which Kafka time."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.fraud_expression import compile_expression
from models.fraud_rule import Decision, Rule, RuleBook, State
from topics.errors import BadInput

WHEN = compile_expression("price > 1", {"price": "number"})


def rule(name: str, effective_at_ms: int = 0, state: State = "active") -> Rule:
    rule_id, version = name.split(":")
    return Rule(
        id=rule_id,
        version=int(version),
        when=WHEN,
        decision="block",
        effective_at_ms=effective_at_ms,
        state=state,
    )


def names(book: RuleBook, kafka_ms: int) -> list[str]:
    return [live.name for live in book.live_at(kafka_ms)]


def test_a_rule_is_live_a_second_after_it_was_published() -> None:
    book = RuleBook()
    book.add(rule("a:1"), 5_000)
    assert [names(book, 5_999), names(book, 6_000)] == [[], ["a:1"]]


def test_a_rule_may_wait_for_its_moment_but_not_come_before_it_was_published() -> None:
    book = RuleBook()
    book.add(rule("later:1", effective_at_ms=9_000), 5_000)
    book.add(rule("earlier:1", effective_at_ms=1), 5_000)
    assert [names(book, moment) for moment in (5_999, 6_000, 8_999, 9_000)] == [
        [],
        ["earlier:1"],
        ["earlier:1"],
        ["earlier:1", "later:1"],
    ]


def test_a_built_in_rule_was_always_there() -> None:
    book = RuleBook()
    book.add(rule("a:1"))
    assert names(book, 0) == ["a:1"]


def test_the_highest_version_that_counts_is_live_whatever_the_order_of_publishing() -> None:
    book = RuleBook()
    book.add(rule("a:3", effective_at_ms=50_000), 1_000)
    book.add(rule("a:2"), 9_000)
    book.add(rule("a:1"), 20_000)
    assert [names(book, moment) for moment in (9_999, 10_000, 30_000, 50_000)] == [
        [],
        ["a:2"],
        ["a:2"],
        ["a:3"],
    ]


def test_a_retired_version_ends_its_rule_until_a_higher_one_comes() -> None:
    book = RuleBook()
    book.add(rule("a:1"))
    book.add(rule("a:2", state="retired"), 1_000)
    book.add(rule("a:3"), 4_000)
    assert [names(book, moment) for moment in (1_999, 2_000, 4_999, 5_000)] == [["a:1"], [], [], ["a:3"]]


def test_a_removed_version_gives_way_to_the_one_before_it() -> None:
    book = RuleBook()
    book.add(rule("a:1"))
    book.add(rule("a:2"), 1_000)
    book.remove("a", 2, 7_000)
    book.remove("a", 9, 7_000)
    book.remove("unknown", 1, 7_000)
    assert [names(book, moment) for moment in (1_999, 2_000, 7_999, 8_000)] == [
        ["a:1"],
        ["a:2"],
        ["a:2"],
        ["a:1"],
    ]


def test_what_is_published_again_takes_the_place_of_what_was_there_from_then_on() -> None:
    book, first, second = RuleBook(), rule("a:1"), rule("a:1", effective_at_ms=3_000)
    book.add(first, 0)
    book.add(second, 500)
    assert [book.live_at(moment)[0] is first for moment in (2_999, 3_000)] == [True, False]


def test_rules_are_in_the_order_of_their_ids() -> None:
    book = RuleBook()
    for name in ("c:1", "a:1", "b:2", "b:10"):
        book.add(rule(name))
    assert names(book, 0) == ["a:1", "b:10", "c:1"]


def test_edges_are_the_moments_at_which_something_changes() -> None:
    book = RuleBook()
    book.add(rule("a:1"))
    book.add(rule("a:3"), 1_000)
    book.add(rule("a:2"), 5_000)  # changes nothing: a:3 is higher
    book.add(rule("b:1", effective_at_ms=9_000), 5_000)
    book.remove("a", 3, 11_000)
    assert [book.edges(0, 20_000), book.edges(2_000, 9_000), book.edges(1_999, 8_999)] == [
        (2_000, 9_000, 12_000),
        (9_000,),
        (2_000,),
    ]


Record = tuple[str, int, int, int, str]
records = st.lists(
    st.tuples(
        st.sampled_from("ab"),
        st.integers(1, 3),
        st.integers(0, 8),
        st.integers(0, 8),
        st.sampled_from(["active", "active", "retired", "removed"]),
    ),
    max_size=8,
)


def expected(published: list[Record], kafka_ms: int) -> list[str]:
    """Say what is live, told as the rules of the module tell it; in whichever order the records came."""
    published = sorted(published, key=lambda record: record[2])
    live = []
    for rule_id in "ab":
        for version in (3, 2, 1):
            counting = [
                state
                for of, number, at, effective, state in published
                if (of, number) == (rule_id, version)
                and kafka_ms >= (at + 1_000 if state == "removed" else max(at + 1_000, effective + 1_000))
            ]
            if counting and counting[-1] != "removed":
                live += [f"{rule_id}:{version}"] if counting[-1] == "active" else []
                break
    return live


@settings(max_examples=300, deadline=None)
@given(published=records, asked_before=st.booleans())
def test_a_book_says_what_its_records_say_at_each_moment(
    *, published: list[Record], asked_before: bool
) -> None:
    book = RuleBook()
    for rule_id, version, at, effective, state in published:
        if state == "removed":
            book.remove(rule_id, version, at)
        else:
            retired: State = "retired" if state == "retired" else "active"
            book.add(rule(f"{rule_id}:{version}", effective + 1_000, retired), at)
        if asked_before:
            assert book.live_at(1_004) is book.live_at(1_004)
    moments = range(998, 1_010)
    assert [names(book, moment) for moment in moments] == [expected(published, moment) for moment in moments]
    changes = [moment for moment in moments[1:] if book.live_at(moment) != book.live_at(moment - 1)]
    assert list(book.edges(998, 1_009)) == changes


BAD: list[tuple[dict[str, object], str]] = [
    ({"id": "Odd Id"}, "a letter first"),
    ({"id": "model"}, "the model's"),
    ({"version": 0}, "from 1"),
    ({"weight": 0.5}, "one of them"),
    ({"decision": None}, "one of them"),
    ({"decision": "refuse"}, "allow, block, review"),
    ({"decision": None, "weight": 0.0}, "above 0"),
    ({"decision": None, "weight": 1.5}, "at most 1"),
    ({"decision": None, "weight": float("nan")}, "above 0"),
    ({"suppress_s": 0}, "suppress_s is"),
    ({"state": "asleep"}, "active, retired"),
]


@pytest.mark.parametrize(("wrong", "why"), BAD)
def test_what_cannot_be_judged_by_is_refused(wrong: dict[str, object], why: str) -> None:
    decision: Decision = "block"
    good: dict[str, object] = {"id": "a", "version": 1, "when": WHEN, "decision": decision}
    with pytest.raises(BadInput, match=why):
        Rule(**{**good, **wrong})  # type: ignore[arg-type]


def test_what_is_live_is_worked_out_once_for_many_versions() -> None:
    book = RuleBook()
    for version in range(1, 2_001):
        book.add(rule(f"a:{version}"), version * 10)
    assert (names(book, 15_000), len(book.edges(0, 30_000))) == (["a:1400"], 2_000)
    assert book.live_at(15_000) is book.live_at(15_009)
