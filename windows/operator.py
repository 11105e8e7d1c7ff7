"""The windows as Bytewax steps: takes in, rows out; what is kept between epochs is kept here.

Rules:
- Two stateful steps inside, `fold` (key: a slot of a shard) and `accounts` (key: a partition). Their ids
  are constants: a renamed step silently loses its state.
- An open window's changed rows go out every `upsert_every`; there is no visible close. The end of the
  input closes nothing: it only gives out what changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

import bytewax.operators as op
from bytewax.dataflow import Stream, operator
from bytewax.operators import KeyedStream, StatefulBatchLogic

from windows.accounting import Accounts, unpack_accounts
from windows.codec import pack_slot, unpack_slot
from windows.complete import complete_rows
from windows.ledger import dead_letter_rows, late_rows
from windows.plan import NO_WINDOW_S, SHARDS, Plan
from windows.rows import Rows
from windows.shelf import Shelf
from windows.slot import Folded, Share, Slot
from windows.take import LaneState, Take

Now = Callable[[], datetime]
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Clock:
    """When rows go out: the present, and how often a changed window is written."""

    now: Now
    upsert_every: timedelta = timedelta(seconds=1)


class SlotLogic(StatefulBatchLogic[Share, Rows | Folded, bytes]):
    """Runs one slot: folds shares at once, gives out changed rows now and then."""

    def __init__(self, plan: Plan, clock: Clock, shelf: Shelf, packed: bytes | None) -> None:
        self._plan, self._clock, self._shelf = plan, clock, shelf
        self._slot = None if packed is None else unpack_slot(plan, packed)
        dirty = self._slot is not None and self._slot.changed()  # restored after a crash: rows go out at once
        self._wrote = _LONG_AGO if dirty else clock.now()
        self._due = _LONG_AGO if dirty else None

    def on_batch(self, values: list[Share]) -> tuple[Iterable[Rows | Folded], bool]:
        """Fold, write what is due, free what is out of reach."""
        slot = self._slot = self._slot or Slot(self._plan, values[0].cell)
        receipts = [slot.fold(share) for share in values]
        out: list[Rows | Folded] = []
        if slot.cell.table == self._plan.counted:
            out.extend(receipt for receipt in receipts if receipt.events)
        gone = slot.out_of_reach()
        now = self._clock.now()
        if gone or slot.completes() or now - self._wrote >= self._clock.upsert_every:
            out.extend(self._changed_rows(now))
        elif slot.changed():
            self._due = self._wrote + self._clock.upsert_every
        slot.free(gone)
        return out, False

    def on_notify(self) -> tuple[Iterable[Rows | Folded], bool]:
        """Write what changed when no data came."""
        return self._changed_rows(self._clock.now()), False

    def on_eof(self) -> tuple[Iterable[Rows | Folded], bool]:
        """Write what changed; nothing is closed."""
        out = self._changed_rows(self._clock.now())
        if self._slot is not None:
            self._slot.written = True
        return out, False

    def notify_at(self) -> datetime | None:
        """Ask to be woken when changed rows are due."""
        return self._due

    def snapshot(self) -> bytes:
        """Write the slot's whole state."""
        assert self._slot is not None  # noqa: S101  a logic exists because of a share or a snapshot
        packed = pack_slot(self._slot)
        self._shelf.put(self._slot, self._clock.now())
        return packed

    @property
    def live_windows(self) -> int:
        """Count the windows held."""
        return 0 if self._slot is None else len(self._slot.windows)

    def _changed_rows(self, now: datetime) -> list[Rows | Folded]:
        """Give out what changed, and behind it which windows are complete."""
        self._wrote, self._due = now, None
        if self._slot is None:
            return []
        complete = [complete_rows(self._plan, of) for of in self._slot.complete()]
        rows = self._slot.rows()
        return [*complete] if rows is None else [rows, *complete]


class AccountsLogic(StatefulBatchLogic[LaneState | Folded, Rows, bytes]):
    """Keeps one partition's books and writes each epoch's cut in the next one, if it says anything new."""

    def __init__(self, plan: Plan, clock: Clock, packed: bytes | None) -> None:
        self._clock = clock
        self._accounts = Accounts(plan) if packed is None else unpack_accounts(plan, packed)
        self._told = self._accounts.rows() if self._accounts.written else None
        self._cut = self._news()
        self._entered = False

    def on_batch(self, values: list[LaneState | Folded]) -> tuple[Iterable[Rows], bool]:
        """Write the last cut, then enter the new counts."""
        out = self._take_cut()
        for entry in values:
            self._accounts.note(entry)
        self._entered = True
        return out, False

    def on_notify(self) -> tuple[Iterable[Rows], bool]:
        """Write the last cut when no data came."""
        return self._take_cut(), False

    def on_eof(self) -> tuple[Iterable[Rows], bool]:
        """Write the books as they stand: everything read has been folded."""
        self._cut, self._entered = self._news(), False
        self._accounts.written = True
        return self._take_cut(), False

    def notify_at(self) -> datetime | None:
        """Ask to be woken until the next cut is taken and written."""
        if self._entered or self._cut is not None:
            return self._clock.now() + self._clock.upsert_every
        return None

    def snapshot(self) -> bytes:
        """Take the cut if anything was entered since the last."""
        if self._entered:
            self._cut, self._entered = self._news(), False
        return self._accounts.pack()

    def _news(self) -> Rows | None:
        """Give the books as they stand, or None when that is what was last written."""
        rows = self._accounts.rows()
        known = rows is not None and self._told is not None and rows.frame.equals(self._told.frame)
        return None if known else rows

    def _take_cut(self) -> list[Rows]:
        cut, self._cut = self._cut, None
        if cut is None:
            return []
        self._told = cut
        return [cut]


@operator
def window(step_id: str, takes: Stream[Take], plan: Plan, clock: Clock) -> KeyedStream[Rows]:
    """Fold takes into window rows, and account for every message.

    Gives rows of the aggregates' tables, `accounting`, `dead_letters` and `late_events`, and of
    `complete_windows` where the plan tells them, keyed by shard.
    """
    del step_id  # bytewax names the steps inside by it
    shares = op.flat_map("shares", takes, _keyed_shares)
    folded = op.stateful_batch("fold", shares, partial(SlotLogic, plan, clock, Shelf()))
    return _accounted(takes, folded, plan, clock)


@operator
def keep(step_id: str, takes: Stream[Take], plan: Plan, clock: Clock) -> KeyedStream[Rows]:
    """Hand on the takes' own rows, and account for every message: for flows without windows.

    Gives rows of the takes' tables, `accounting` and `dead_letters`, keyed by shard.
    """
    del step_id
    return _accounted(takes, op.flat_map("handed", takes, _handed), plan, clock)


@operator
def account(
    step_id: str, takes: Stream[Take], rows_and_receipts: KeyedStream[Rows | Folded], plan: Plan, clock: Clock
) -> KeyedStream[Rows]:
    """Account for every message of takes, for flows that fold by themselves and give receipts.

    Gives the rows, and rows of `accounting`, `dead_letters` and `late_events`, keyed by shard.
    """
    del step_id
    return _accounted(takes, rows_and_receipts, plan, clock)


def _accounted(
    takes: Stream[Take], rows_and_receipts: KeyedStream[Rows | Folded], plan: Plan, clock: Clock
) -> KeyedStream[Rows]:
    """Part rows from receipts, and enter the receipts and the lanes' counts in the books."""
    rows = op.filter_map("rows", rows_and_receipts, _only_rows)
    receipts = op.filter_map("receipts", rows_and_receipts, _only_receipts)
    judged = op.map("judged", takes, _keyed_tally)
    entries = op.merge("entries", judged, receipts)
    accounts = op.stateful_batch("accounts", entries, partial(AccountsLogic, plan, clock))
    unfit = op.flat_map("unfit", takes, partial(_unfit, plan))
    return op.merge("out", rows, op.map("account_rows", accounts, _unkeyed), unfit)


def _handed(take: Take) -> Iterable[tuple[str, Rows | Folded]]:
    """Give a take's rows, and for each a receipt; the partitions share the sink's keys."""
    key = f"{take.after.partition % SHARDS:02d}"
    for rows in take.rows:
        yield key, rows
        yield key, Folded(take.after.partition, NO_WINDOW_S, rows.frame.height, take.after.log)


def _keyed_shares(take: Take) -> Iterable[tuple[str, Share]]:
    return [(share.cell.key, share) for share in take.shares]


def _keyed_tally(take: Take) -> tuple[str, LaneState | Folded]:
    return f"{take.after.partition:05d}", take.after


def _only_rows(keyed: tuple[str, Rows | Folded]) -> tuple[str, Rows] | None:
    key, value = keyed
    return (key[-2:], value) if isinstance(value, Rows) else None


def _only_receipts(keyed: tuple[str, Rows | Folded]) -> tuple[str, LaneState | Folded] | None:
    _, value = keyed
    return (f"{value.partition:05d}", value) if isinstance(value, Folded) else None


def _unkeyed(keyed: tuple[str, Rows]) -> tuple[str, Rows]:
    return "00", keyed[1]


def _unfit(plan: Plan, take: Take) -> list[tuple[str, Rows]]:
    late = [("00", late_rows(plan.flow, take, rows)) for rows in take.late]
    return [("00", dead_letter_rows(take.dead)), *late] if take.dead else late
