"""Missed heartbeats, case by case: who is said to be silent, from when on, and who is not."""

from __future__ import annotations

from models.heartbeats import Beats
from tests.models.heartbeat_logs import T0, S, Sample, every, jittered, log, opened, resolved, said, ticks

MINUTE = 60
DAY = 86_400


def test_one_server_of_many_dies_and_the_others_samples_tell() -> None:
    others = [every(server, 1, server / 10, 30) for server in range(1, 5)]
    assert said(log(every(0, 1, 0, 20), *others)) == [opened(0, 19, 1)]


def test_it_is_said_after_three_missed_beats_and_not_before() -> None:
    before = log(every(0, 1, 0, 20), every(1, 1, 0.5, 22.5))
    beats = Beats()
    assert said(before, beats=beats) == []
    assert said(every(1, 1, 22.5, 23), beats=beats) == [opened(0, 19, 1)]
    assert said(every(1, 1, 23.5, 100), beats=beats) == []  # and once


def test_each_server_has_its_own_rhythm() -> None:
    fast, middle, slow = every(0, 1, 0, 600), every(1, 20, 3, 600), every(2, 60, 7, 600)
    whole = log(
        *(jittered(of, 300, seed) for seed, of in enumerate((fast, middle, slow))), every(3, 2, 0, 900)
    )
    found = said(whole)
    assert sorted(of.server for of in found) == [0, 1, 2]
    for of, interval_s in zip(sorted(found), (1, 20, 60), strict=True):
        assert abs(of.interval_ms - interval_s * S) <= 300
        assert of.opened_ms == of.since_ms + 3 * of.interval_ms


def test_one_that_returns_is_resolved_by_its_next_beat() -> None:
    whole = log(every(0, 1, 0, 20), every(0, 1, 50, 60), every(1, 1, 0.5, 60))
    assert said(whole) == [opened(0, 19, 1), resolved(0, 19, 1, 50)]


def test_a_server_without_a_rhythm_yet_is_not_waited_for() -> None:
    assert said(log(every(0, 1, 0, 4), every(1, 1, 0.5, 60))) == []


def test_copies_and_samples_out_of_order_are_no_signs_of_life() -> None:
    copies = [Sample(0, T0 + 19 * S, T0 + at * S) for at in range(20, 40)]
    old = [Sample(0, T0 + (17 - at % 2) * S, T0 + (30 + at) * S) for at in range(9)]
    assert said(log(every(0, 1, 0, 20), copies, old, every(1, 1, 0.5, 40))) == [opened(0, 19, 1)]


def test_disorder_and_copies_pages_nobody() -> None:
    swapped = [
        of._replace(kafka_ms=of.kafka_ms + (1_500 if at % 3 else 0))
        for at, of in enumerate(every(0, 1, 0, 300))
    ]
    assert said(log(swapped, swapped, every(1, 1, 0.5, 300))) == []


def test_the_whole_topic_falls_silent_and_ticks_tell() -> None:
    beats = Beats()
    lived = log(every(0, 1, 0.9, 100), every(1, 5, 0.9, 100), every(2, 20, 0.9, 100))
    assert said(lived, ticks(0, 3), beats=beats) == []
    assert said([*ticks(0, 4)], beats=beats) == [opened(0, 99.9, 1)]
    assert said([*ticks(0, 12)], beats=beats) == [opened(1, 95.9, 5)]
    assert said([*ticks(0, 70)], beats=beats) == [opened(2, 80.9, 20)]
    assert said([*ticks(0, 200)], beats=beats) == []


def test_time_that_ticks_told_is_not_counted_again() -> None:
    beats = Beats()
    assert said(every(0, 20, 0, 401), ticks(0, 50), beats=beats) == []
    assert said(every(1, 1, 451, 459), beats=beats) == []
    assert said(every(1, 1, 459, 463), beats=beats) == [opened(0, 400, 20)]


def test_an_outage_of_kafka_is_nobodys_silence() -> None:
    for server_s in (1, 5, 60):
        before = [every(server, server_s, server / 7, 1200) for server in range(5)]
        after = [every(server, server_s, 1800 + min(server * 3, 2.5 * server_s), 2400) for server in range(5)]
        assert said(log(*before, *after)) == []


def test_an_outage_of_seconds_after_which_some_come_back_later_pages_nobody() -> None:
    before = [every(server, 1, server / 50, 100) for server in range(50)]
    after = [every(server, 1, 102 + server / 25, 200) for server in range(50)]
    assert said(log(*before, *after)) == []


def test_who_does_not_come_back_after_the_outage_is_missed() -> None:
    before = [every(server, 1, server / 7, 120) for server in range(4)]
    after = [every(server, 1, 720 + server / 7, 780) for server in range(3)]
    assert [of.server for of in said(log(*before, *after))] == [3]


def test_what_producers_kept_during_an_outage_comes_server_by_server_and_pages_nobody() -> None:
    lived = [every(server, 1, server / 7, 120) for server in range(4)]
    kept = [
        [
            of._replace(kafka_ms=T0 + 720 * S + 4 * S * server + at)
            for at, of in enumerate(every(server, 1, 120, 720))
        ]
        for server in range(4)
    ]
    after = [every(server, 1, 740 + server / 7, 800) for server in range(4)]
    assert said(log(*lived, *kept, *after)) == []


def test_our_own_downtime_is_nobodys_silence_whatever_we_read_first() -> None:
    whole = log(*(every(server, 1, server / 7, 800) for server in range(4)))
    beats = Beats()
    assert said([of for of in whole if of.kafka_ms < T0 + 100 * S], beats=beats) == []
    beats = Beats.unpacked(beats.pack())
    assert said([of for of in whole if of.kafka_ms >= T0 + 100 * S], ticks(0, 2), beats=beats) == []


def test_a_restart_while_a_server_is_dead_neither_hides_nor_doubles_its_alarm() -> None:
    lived = log(every(0, 10, 0, 200))
    for before_s in (0, 9, 29):
        beats = Beats()
        assert said(lived, ticks(0, before_s), beats=beats) == []
        beats = Beats.unpacked(beats.pack())
        assert said([*ticks(5_000, 5_031)], beats=beats) == [opened(0, 190, 10)]
        beats = Beats.unpacked(beats.pack())
        assert said([*ticks(90, 500)], beats=beats) == []
        assert said(every(0, 10, 900, 1000), beats=beats) == [resolved(0, 190, 10, 900)]


def test_one_that_says_it_leaves_is_not_missed() -> None:
    leaves = every(0, 1, 0, 20)
    leaves[-1] = leaves[-1]._replace(leaving=True)
    again = every(0, 1, 200, 220)
    whole = log(leaves, again, every(1, 1, 0.5, 300))
    assert said(whole) == [opened(0, 219, 1)]  # it came back in between, and was waited for again


def test_a_copy_may_say_that_its_server_leaves_an_older_sample_may_not() -> None:
    last, other = every(0, 1, 0, 20), every(1, 1, 0.5, 60)
    copy = [last[-1]._replace(leaving=True, kafka_ms=T0 + 20 * S)]
    older = [last[-2]._replace(leaving=True, kafka_ms=T0 + 20 * S)]
    assert said(log(last, copy, other)) == []
    assert said(log(last, older, other)) == [opened(0, 19, 1)]


def test_a_rhythm_that_slows_down_pages_at_most_once() -> None:
    for slower_s in (2, 5, 10, 60, 600):
        found = said(log(every(0, 1, 0, 100), every(0, slower_s, 100, 9_000), every(1, 1, 0.5, 9_000)))
        assert len(found) == (0 if slower_s == 2 else 2), (slower_s, found)
    slower = log(every(0, 1, 0, 100), every(0, 10, 100, 300), every(1, 1, 0.5, 400))
    assert said(slower)[-1] == opened(0, 290, 10)


def test_a_rhythm_that_quickens_is_learnt() -> None:
    whole = log(every(0, 10, 0, 200), every(0, 1, 200, 230), every(1, 1, 0.5, 300))
    assert said(whole) == [opened(0, 229, 1)]


def test_after_an_outage_of_its_own_a_server_has_its_old_rhythm() -> None:
    whole = log(every(0, 1, 0, 100), every(0, 1, 700, 702), every(1, 1, 0.5, 800))
    assert said(whole) == [opened(0, 99, 1), resolved(0, 99, 1, 700), opened(0, 701, 1)]


def test_silent_for_a_day_it_is_forgotten_and_resolved() -> None:
    beats = Beats()
    found = said(log(every(0, 10, 0, 200), every(1, 10, 5, DAY + 400)), beats=beats)
    assert found == [opened(0, 190, 10), resolved(0, 190, 10, 190 + DAY)]
    assert beats.alive().tolist() == [1]
    assert said(every(0, 10, DAY + 400, DAY + 430), every(1, 10, DAY + 405, DAY + 900), beats=beats) == []


def test_a_topic_that_stays_silent_for_a_day_forgets_by_its_ticks() -> None:
    found = said([*every(0, 10, 0, 200), *ticks(0, DAY + 10)])
    assert found == [opened(0, 190, 10), resolved(0, 190, 10, 190 + DAY)]


def test_beats_that_come_many_at_a_time_are_not_missed_in_between() -> None:
    """A collector sends every 10 s what each server said every second; in between the log is silent.

    At first nobody proves that, as those who write may not have found the broker yet.
    """
    beats = Beats()
    for cycle in range(30):
        sent = [
            of._replace(kafka_ms=T0 + (10 * cycle + 10) * S + of.server)
            for server in range(3)
            for of in every(server, 1, 10 * cycle + server / 5, 10 * cycle + 10)
        ]
        assert said(sent, ticks(10 * cycle, 10 * cycle + 9 if cycle > 2 else 0), beats=beats) == []
    assert {of.server for of in said([*ticks(1_000, 1_014)], beats=beats)} == {0, 1, 2}


def test_a_past_that_is_loaded_in_a_moment_tells_who_was_silent() -> None:
    past = log(every(0, 10, 0, 600), every(0, 10, 1200, 3600), every(1, 10, 3, 3600), every(2, 10, 7, 3600))
    moment = [of._replace(kafka_ms=T0 + 5_000_000 + at // 10) for at, of in enumerate(past)]
    assert said(moment) == [opened(0, 590, 10), resolved(0, 590, 10, 1200)]


def test_when_a_past_that_was_loaded_ends_nobody_has_died() -> None:
    past = log(every(0, 10, 0, 600), every(1, 10, 3, 600))
    for age_s, missed in ((30, 2), (300, 2), (900, 0), (100 * DAY, 0)):
        moment = [of._replace(kafka_ms=T0 + (600 + age_s) * S + at // 10) for at, of in enumerate(past)]
        assert len(said(moment, ticks(0, 120))) == missed, age_s


def test_servers_that_move_to_new_partitions_are_not_missed_in_their_old_one() -> None:
    others, beats = [every(server, 1, server / 7, 100) for server in (1, 2)], Beats()
    beats.spread(4, T0)
    assert said(log(every(0, 1, 0, 100), *others), beats=beats) == []
    beats.spread(4, T0 + 100 * S)
    beats = Beats.unpacked(beats.pack())
    beats.spread(8, T0 + 100 * S)
    moved = log(every(0, 1, 100, 300), every(1, 1, 100.5, 690), every(2, 1, 100.7, 800))
    assert said(moved, beats=beats) == []
    assert beats.alive().tolist() == [2]
    dies = log(every(1, 1, 800.5, 900), every(2, 1, 800.7, 1000))
    assert said(dies, beats=beats) == [opened(1, 899.5, 1)]


def test_an_event_time_far_ahead_pages_nobody() -> None:
    whole = log(*(every(server, 1, server / 5, 600) for server in range(4)))
    for ahead_s in (30, 299):
        wrong = [
            of._replace(time_ms=of.time_ms + ahead_s * S) if at == 500 else of for at, of in enumerate(whole)
        ]
        assert said(wrong) == []
        past = [of._replace(kafka_ms=T0 + 50_000 * S) for of in wrong]
        assert said(past) == []


def test_clocks_of_servers_that_are_wrong_page_nobody_and_hide_nobody() -> None:
    ahead = [of._replace(time_ms=of.time_ms + 120 * S) for of in every(0, 1, 0, 300)]
    behind = [of._replace(time_ms=of.time_ms - 50 * S) for of in every(1, 1, 0.3, 300)]
    assert said(log(ahead, behind, every(2, 1, 0.6, 300))) == []
    dead = log(ahead[:100], behind, every(2, 1, 0.6, 300))
    assert [(of.server, of.since_ms) for of in said(dead)] == [(0, ahead[99].kafka_ms)]
    dead = log(ahead, behind[:100], every(2, 1, 0.6, 300))
    assert [(of.server, of.since_ms) for of in said(dead)] == [(1, behind[99].time_ms)]


def test_a_clock_that_is_set_back_pages_nobody() -> None:
    for back_s in (2, 3, 5, 3600):
        after = [of._replace(time_ms=of.time_ms - back_s * S) for of in every(0, 1, 100, 300)]
        assert said(log(every(0, 1, 0, 100), after, every(1, 1, 0.5, 300))) == []


def test_the_newest_heard_are_the_last_of_those_alive() -> None:
    beats = Beats(4)
    said(log(every(2, 1, 0, 5), every(0, 1, 0, 9), every(3, 1, 0, 7)), beats=beats)
    assert beats.alive().tolist() == [2, 3, 0]
