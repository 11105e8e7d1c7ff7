"""A rate spreads messages over time, and none is no rate."""

from __future__ import annotations

from sources.paced import Rate


def test_a_rate_makes_wait_as_long_as_its_messages_take() -> None:
    now_s = [100.0]
    rate = Rate(50, lambda: now_s[0])
    waits = [rate.wait_s]
    for took, passes_s in ((100, 0.5), (100, 3.0), (0, 2.0), (25, 0.0)):
        rate.took(took)
        now_s[0] += passes_s
        waits.append(rate.wait_s)
    assert waits == [0.0, 1.5, 0.5, 0.0, 0.5]


def test_without_a_rate_nothing_waits() -> None:
    rate = Rate(0, lambda: 100.0)
    rate.took(10**9)
    assert rate.wait_s == 0
