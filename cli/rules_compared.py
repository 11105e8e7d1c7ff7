"""A backtest held against what the live flow logged, as people and programs read it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from models.fraud_compared import Compared

SHOWN = 3  # ids of alerts that differ


def comparison(compared: Sequence[Compared]) -> Iterator[str]:
    """Say how alerts that were logged live compare with those of the replay."""
    if not compared:
        return
    yield ""
    yield "compared with what the flow logged of the same versions while they were live:"
    for of in compared:
        began = f" ({of.began} more began before --from)" if of.began else ""
        counts = f"live logged {of.logged:,}, backtest {of.replayed:,}, in both {of.both:,}{began}"
        yield f"  {of.name}: {counts}: {verdict(of)}"
        yield from (f"    {line}" for line in _details(of))


def verdict(of: Compared) -> str:
    """Say in a word how it went."""
    if of.equal:
        return "equal"
    return "FALLS SHORT" if of.falls_short else "differs, as it may"


def comparison_json(of: Compared) -> dict[str, object]:
    """Give a comparison as JSON."""
    return {
        "rule": of.name,
        "verdict": verdict(of),
        "logged": of.logged,
        "replayed": of.replayed,
        "both": of.both,
        "began_before": of.began,
        "only_logged": of.only_logged,
        "only_replayed": of.only_replayed,
        "unlike": of.unlike,
        "why": of.why,
    }


def _details(of: Compared) -> Iterator[str]:
    for what, names in (
        ("only live", of.only_logged),
        ("only in the backtest", of.only_replayed),
        ("in both, but not alike", of.unlike),
    ):
        if names:
            more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
            yield f"{what}: {', '.join(names[:SHOWN])}{more}"
    if not of.equal:
        yield from of.why[:SHOWN]
        if len(of.why) > SHOWN:
            yield f"and {len(of.why) - SHOWN} more such reasons"
