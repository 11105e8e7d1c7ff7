"""The scale model says what its few costs imply; a result shows each prediction beside the measurement."""

from __future__ import annotations

import socket
from dataclasses import replace

import pytest

from bench.check import Checked
from bench.exchanged import Pickles, Sockets
from bench.scale import added, median_costs
from bench.scale_model import Costs, away, error, first_at, hosts_for, limits, predict, together
from bench.scale_result import Scaled

COSTS = Costs(
    rate=500_000.0,
    cpu_us=2.0,
    keyed_bytes=30.0,
    snapshot_bytes=10.0,
    pickle_us=0.4,
    fold_us=0.5,
    rows=0.1,
    wire_bytes=40.0,
    broker_us=0.2,
    clickhouse_us=0.3,
    store_mb_s=200.0,
)
TWO = {"rate": 800_000.0, "cpu_us": 2.2, "sent": 20.0, "rss_mb": 600.0, "cpu_us_0": 1.0, "cpu_us_1": 1.2}


def scaled(*checked: Checked) -> Scaled:
    return Scaled("SCALE-ENG", COSTS, [TWO], checked or (Checked(5, 5),), cores=2)


def test_one_host_exchanges_nothing_and_does_what_was_measured() -> None:
    one = predict(COSTS, 1)
    assert (one.events_per_s, one.cpu_us, one.bytes, one.host_mb_s) == (500_000, 2.0, 0.0, 0.0)


def test_two_hosts_send_half_of_what_is_keyed_and_pay_for_it() -> None:
    two = predict(COSTS, 2)
    assert two.bytes == 20.0
    assert two.cpu_us == pytest.approx(2.2)
    assert two.events_per_s == pytest.approx(1_000_000 * 2.0 / 2.2)


def test_what_is_exchanged_approaches_everything_and_never_passes_it() -> None:
    assert [away(hosts) for hosts in (1, 2, 4)] == [0, 0.5, 0.75]
    assert 39.9 < predict(COSTS, 1_000).bytes < 40


def test_processes_that_share_cores_with_the_services_are_bound_by_all_their_cpu() -> None:
    assert together(COSTS, 2, cores=2) == pytest.approx(2e6 / (2.2 + 0.2 + 0.3))
    assert together(COSTS, 2, cores=64) == predict(COSTS, 2).events_per_s


@pytest.mark.parametrize("rate", [1, 500_000, 500_001, 10_000_000])
def test_as_many_hosts_as_needed_and_none_more(rate: int) -> None:
    hosts = hosts_for(COSTS, rate)
    assert predict(COSTS, hosts).events_per_s >= rate
    assert hosts == 1 or predict(COSTS, hosts - 1).events_per_s < rate


def test_limits_are_told_with_the_tightest_first() -> None:
    used = {limit.name: limit.used for limit in limits(COSTS, 10_000_000)}
    assert list(used.values()) == sorted(used.values(), reverse=True)
    assert used["fetch: one broker's network"] == pytest.approx(400 / 1150)
    assert used["recovery: one store"] == pytest.approx(100 / 200)
    assert used["fold: the 16 shards of a window"] == pytest.approx(5 / 16)


def test_what_breaks_first_is_what_there_is_least_of() -> None:
    name, rate = first_at(replace(COSTS, store_mb_s=1.0))
    assert name == "recovery: one store"
    assert rate == pytest.approx(100_000, rel=0.06) or rate == 500_000


def test_an_error_is_a_share_of_what_was_measured() -> None:
    assert [error(110, 100), error(90, 100), error(1, 0)] == [pytest.approx(0.1), pytest.approx(-0.1), 0.0]


def test_a_result_compares_each_prediction_with_two_processes() -> None:
    met = scaled().figures
    assert met["speedup_cpu"] == pytest.approx(2 * 2.0 / 2.2)
    assert met["bytes_error"] == 0.0
    assert met["cpu_error"] == pytest.approx(0.0)
    assert "| CPU us/event | 2.00 | 2.20 | 2.20 (1.00 + 1.20) | +0% |" in scaled().report()
    assert scaled().reached


def test_wrong_rows_give_no_figure() -> None:
    wrong = scaled(Checked(5, 5), Checked(4, 5))
    assert (wrong.reached, wrong.figures) == (False, {})
    assert str(wrong) == wrong.report() == "SCALE-ENG rows differ from the truth, so no figure counts"


def test_figures_of_processes_are_added_and_divided_by_the_events() -> None:
    part = {"began": 10.0, "ended": 12.0, "cpu_s": 3.0, "sent_bytes": 500}
    run = added([part, {**part, "began": 10.5, "ended": 14.0}], {"broker": 1.0}, 1_000_000)
    assert (run["rate"], run["cpu_us"], run["sent"], run["broker_us"]) == (250_000, 6.0, 0.001, 1.0)


def test_costs_of_several_rounds_are_their_medians() -> None:
    assert median_costs([replace(COSTS, cpu_us=of) for of in (1.0, 9.0, 2.0)]).cpu_us == 2.0


def test_bytes_on_the_connections_of_a_cluster_are_counted_and_no_others() -> None:
    with socket.create_server(("127.0.0.1", 0)) as ours, socket.create_server(("127.0.0.1", 0)) as other:
        clients = [socket.create_connection(of.getsockname()) for of in (ours, other)]
        servers = [of.accept()[0] for of in (ours, other)]
        looking = Sockets([f"127.0.0.1:{ours.getsockname()[1]}"])
        for client, server in zip(clients, servers, strict=True):
            client.sendall(b"x" * 4_000)
            assert len(server.recv(4_000, socket.MSG_WAITALL)) == 4_000
        looking.look()
        sent = looking.sent()
        for one in (*clients, *servers):
            one.close()
    assert 4_000 <= sent <= 4_002  # the kernel counts an opening as a byte


def test_what_is_handed_on_is_pickled_and_counted_unless_it_is_nothing() -> None:
    pickles = Pickles()
    twice = pickles.counted("step", lambda value: [value, value])
    nothing = pickles.counted("other", lambda _: None)
    assert (twice(("a", 1)), nothing(0)) == ([("a", 1), ("a", 1)], None)
    assert list(pickles.by_step) == ["step"]
    assert pickles.keyed_bytes == pickles.by_step["step"] > 0
