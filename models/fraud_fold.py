"""The compiled fold of one group's purchases: counts, sums and distinct counts over sliding windows.

Rules:
- Rows (purchases) lie in a ring in the order in which they came; a reference is the low 32 bits of a
  row's number. Each *chain* links the rows of one entity (a player, a player's currency, a session …).
- A window is the newest part of a chain, from its tail on. A row that leaves takes itself away from the
  count, the sum and, unless a later row has the same value (its flag is set), from the distinct count.
- An entity of up to `SMALL` rows keeps nothing but its chain, and is counted by walking it; a larger one has
  a block (tails and running numbers by window) and its values' newest rows in the table of pairs. So a
  purchase costs O(1), however hot its item.
- Rows older than the horizon are nobody's, whether they are freed yet or not: no feature depends on when.
- Integers only until a number is given out. Tables are open addressing, linear, and close the hole when an
  entry goes: no tombstones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, cast

import numpy as np
import numpy.typing as npt

from models.fraud_compiled import compiled, inlined

Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]
Halves = npt.NDArray[np.uint32]
Floats = npt.NDArray[np.float64]
U = np.uint64
H = np.uint32
whole = cast("Callable[[object], int]", np.int64)  # for mypy, whole numbers of arrays are int

SMALL, SHRINK = 16, 6  # an entity gets a block above SMALL rows and loses it below SHRINK
WINDOWS, LAST = 6, 5
LONG = 3  # from the window of a day on there are means
UNITS = 10_000.0  # of a price of 1
MS = 1000.0
SETS = 3  # most distinct counts of a chain
DAY_MS = 86_400_000
LIMITS = np.array([60_000, 600_000, 3_600_000, DAY_MS, 7 * DAY_MS, 30 * DAY_MS], np.int64)
KEPT_MS = 31 * DAY_MS  # the horizon lies this far behind the newest event time

# columns of a chain's description
(KEY, BESIDE, GAP, TIME, LEADS, FROM, COUNT, SUM, MEAN, RATIO, SINCE, MANY, SET, OUT, FLAG) = (
    *range(12),
    12,
    12 + SETS,
    12 + 2 * SETS,
)
CHAIN_COLUMNS = FLAG + 1

# words of a row: 0 the time of the first leading chain, 1 the price, then hashes; links and flags come last
AT, PRICE, HASHES = 0, 1, 2

# what the state keeps besides its tables
HEAD, NEXT, ENTITIES, PAIRS, BLOCKS, FREE_BLOCK, NEWEST, HORIZON = range(8)
META = 8

# words of a block, by window
TAIL, COUNTED, HIGH, LOW, DIFFERENT = (part * WINDOWS for part in range(5))
BLOCK_WORDS = DIFFERENT + SETS * WINDOWS

# halves of an entity (its first word is the key)
OLDEST, YOUNGEST, ROWS, BLOCK = 2, 3, 4, 5
ENTITY_WORDS = 3
HALF = 4294967296.0  # sums are kept in two halves of 32 bits, so that none overflows
_LOW_HALF = whole(0xFFFFFFFF)


class Store(NamedTuple):
    """The state of one group: `rows` and `links` are the same memory, so are `entities` and `ends`."""

    chains: Ints
    rows: Words
    links: Halves
    entities: Words
    ends: Halves
    pairs: Words
    blocks: Ints
    meta: Ints
    scratch: Ints


class Batch(NamedTuple):
    """Rows to fold, in order: event times (epoch ms), prices (10^-4), hashes; features come by feature."""

    times: Ints
    prices: Ints
    hashes: Words
    features: Floats


@inlined
def _mixed(left: np.uint64, right: np.uint64) -> np.uint64:
    """Hash two words to one that is not 0, by splitmix64's finisher."""
    word = left * U(0x9E3779B97F4A7C15) + ((right << U(32)) | (right >> U(32)))
    word = (word ^ (word >> U(30))) * U(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> U(27))) * U(0x94D049BB133111EB)
    word ^= word >> U(31)
    found: np.uint64 = word or U(1)
    return found


@inlined
def _entity_key(store: Store, chain: int, place: int) -> np.uint64:
    """Name a row's entity in a chain; 0 when it has none."""
    key: np.uint64 = store.rows[place, HASHES + store.chains[chain, KEY]]
    if key == U(0):
        return key
    beside = (
        store.rows[place, HASHES + store.chains[chain, BESIDE]] if store.chains[chain, BESIDE] >= 0 else U(0)
    )
    return _mixed(_mixed(key, U(chain + 1)), beside)


@inlined
def _slot(table: Words, key: np.uint64) -> int:
    """Find a key's slot, or the free one where it belongs."""
    mask = len(table) - 1
    slot = whole(key & U(mask))
    while table[slot, 0] != U(0) and table[slot, 0] != key:
        slot = (slot + 1) & mask
    return slot


@compiled
def _removed(table: Words, slot: int) -> None:
    """Free a slot and move up those behind it that this one kept from their place."""
    mask = len(table) - 1
    hole, behind = slot, (slot + 1) & mask
    while table[behind, 0] != U(0):
        home = whole(table[behind, 0] & U(mask))
        if ((behind - home) & mask) >= ((behind - hole) & mask):
            for word in range(table.shape[1]):
                table[hole, word] = table[behind, word]
            hole = behind
        behind = (behind + 1) & mask
    table[hole, 0] = U(0)


@compiled
def rehashed(old: Words, new: Words) -> None:
    """Put all entries into another table."""
    for slot in range(len(old)):
        if old[slot, 0] != U(0):
            to = _slot(new, old[slot, 0])
            for word in range(old.shape[1]):
                new[to, word] = old[slot, word]


@compiled
def moved(old: Words, new: Words, head: int, end: int) -> None:
    """Put all rows into another ring."""
    for row in range(head, end):
        for word in range(old.shape[1]):
            new[row & (len(new) - 1), word] = old[row & (len(old) - 1), word]


@inlined
def _place(store: Store, ref: int) -> int:
    mask: int = len(store.rows) - 1
    return ref & mask


@inlined
def _links_at(store: Store) -> int:
    """Give the column of the links: one for each chain, before the flags."""
    width: int = store.links.shape[1]
    return width - 4


@inlined
def _flags_at(store: Store) -> int:
    width: int = store.links.shape[1]
    return width - 1


@inlined
def _has_later(store: Store, place: int, flag: int) -> bool:
    """Tell whether a later row of the entity has the same value (or the row has none)."""
    flags: np.uint32 = store.links[place, _flags_at(store)]
    return bool((flags >> H(flag)) & H(1))


@inlined
def _set_later(store: Store, place: int, flag: int) -> None:
    store.links[place, _flags_at(store)] |= H(1) << H(flag)


@inlined
def _pair_key(entity: np.uint64, which: int, value: np.uint64) -> np.uint64:
    return _mixed(_mixed(entity, U(which + 64)), value)


@compiled
def _forget_pairs(store: Store, chain: int, place: int, entity: np.uint64) -> None:
    """Take a row's values out of the table of pairs, those that no later row has."""
    for which in range(store.chains[chain, MANY]):
        if not _has_later(store, place, store.chains[chain, FLAG] + which):
            value = store.rows[place, HASHES + store.chains[chain, SET + which]]
            slot = _slot(store.pairs, _pair_key(entity, which, value))
            if store.pairs[slot, 0] != U(0):
                _removed(store.pairs, slot)
                store.meta[PAIRS] -= 1


@inlined
def _leave(store: Store, chain: int, block: int, window: int) -> None:
    """Move a window's tail past one row."""
    place = _place(store, store.blocks[block, TAIL + window])
    price = whole(store.rows[place, PRICE])
    store.blocks[block, COUNTED + window] -= 1
    store.blocks[block, HIGH + window] -= price >> 32
    store.blocks[block, LOW + window] -= price & _LOW_HALF
    for which in range(store.chains[chain, MANY]):
        if not _has_later(store, place, store.chains[chain, FLAG] + which):
            store.blocks[block, DIFFERENT + which * WINDOWS + window] -= 1
    store.blocks[block, TAIL + window] = whole(store.links[place, _links_at(store) + chain])


@inlined
def _block_of(store: Store) -> int:
    """Take a free block."""
    block: int = store.meta[FREE_BLOCK]
    store.meta[FREE_BLOCK] = store.blocks[block, 0]
    store.meta[BLOCKS] += 1
    return block


@inlined
def _give_back(store: Store, slot: int) -> None:
    """Free an entity's block."""
    block = whole(store.ends[slot, BLOCK]) - 1
    store.ends[slot, BLOCK] = H(0)
    store.blocks[block, 0] = store.meta[FREE_BLOCK]
    store.meta[FREE_BLOCK] = block
    store.meta[BLOCKS] -= 1


@compiled
def _grow(store: Store, chain: int, slot: int) -> None:
    """Give an entity a block, with the numbers that walking it has just found (in scratch)."""
    block, entity = _block_of(store), store.entities[slot, 0]
    for word in range(COUNTED, BLOCK_WORDS):
        store.blocks[block, word] = store.scratch[word]
    ref, windows = whole(store.ends[slot, OLDEST]), LAST
    for _ in range(whole(store.ends[slot, ROWS])):
        place = _place(store, ref)
        time = whole(store.rows[place, store.chains[chain, TIME]])
        while windows >= 0 and time >= store.scratch[windows]:
            store.blocks[block, TAIL + windows] = ref
            windows -= 1
        for which in range(store.chains[chain, MANY]):
            if not _has_later(store, place, store.chains[chain, FLAG] + which):
                key = _pair_key(entity, which, store.rows[place, HASHES + store.chains[chain, SET + which]])
                pair = _slot(store.pairs, key)
                store.meta[PAIRS] += 1
                store.pairs[pair, 0], store.pairs[pair, 1] = key, U(ref)
        ref = whole(store.links[place, _links_at(store) + chain])
    while windows >= 0:  # a row that came behind the horizon is alone in its windows
        store.blocks[block, TAIL + windows] = whole(store.ends[slot, YOUNGEST])
        windows -= 1
    store.ends[slot, BLOCK] = H(block + 1)


@compiled
def _shrink(store: Store, chain: int, slot: int) -> None:
    """Take an entity's block and pairs away: few rows are left."""
    ref, entity = whole(store.ends[slot, OLDEST]), store.entities[slot, 0]
    for _ in range(whole(store.ends[slot, ROWS])):
        place = _place(store, ref)
        _forget_pairs(store, chain, place, entity)
        ref = whole(store.links[place, _links_at(store) + chain])
    _give_back(store, slot)


@compiled
def _walk(store: Store, chain: int, slot: int, new: int) -> None:
    """Count a small entity's rows into scratch by window, and mark those whose value the new row has."""
    found = store.scratch
    top = DIFFERENT + store.chains[chain, MANY] * WINDOWS
    for word in range(COUNTED, top):
        found[word] = 0
    ref, count, window = whole(store.ends[slot, OLDEST]), whole(store.ends[slot, ROWS]), LAST
    newest = _place(store, new)
    for step in range(count):
        place = _place(store, ref)
        time = whole(store.rows[place, store.chains[chain, TIME]])
        if step == count - 1:
            window = 0
        while window > 0 and time >= found[window - 1]:
            window -= 1
        price = whole(store.rows[place, PRICE])
        found[COUNTED + window] += 1
        found[HIGH + window] += price >> 32
        found[LOW + window] += price & _LOW_HALF
        for which in range(store.chains[chain, MANY]):
            if _has_later(store, place, store.chains[chain, FLAG] + which):
                continue
            word = HASHES + store.chains[chain, SET + which]
            if place != newest and store.rows[place, word] == store.rows[newest, word]:
                _set_later(store, place, store.chains[chain, FLAG] + which)
            else:
                found[DIFFERENT + which * WINDOWS + window] += 1
        ref = whole(store.links[place, _links_at(store) + chain])
    for part in range(COUNTED, top, WINDOWS):
        for wider in range(part + 1, part + WINDOWS):
            found[wider] += found[wider - 1]


@compiled
def _slide(store: Store, chain: int, slot: int, new: int) -> None:
    """Move a large entity's tails up to the new row's windows, and add that row."""
    block, entity = whole(store.ends[slot, BLOCK]) - 1, store.entities[slot, 0]
    newest = _place(store, new)
    for window in range(WINDOWS):
        while store.blocks[block, TAIL + window] != new:
            tail = _place(store, store.blocks[block, TAIL + window])
            if whole(store.rows[tail, store.chains[chain, TIME]]) >= store.scratch[window]:
                break
            _leave(store, chain, block, window)
            if window == LAST:
                _forget_pairs(store, chain, tail, entity)
    store.ends[slot, OLDEST] = H(store.blocks[block, TAIL + LAST])
    store.ends[slot, ROWS] = H(store.blocks[block, COUNTED + LAST] + 1)
    price = whole(store.rows[newest, PRICE])
    for window in range(WINDOWS):
        store.blocks[block, COUNTED + window] += 1
        store.blocks[block, HIGH + window] += price >> 32
        store.blocks[block, LOW + window] += price & _LOW_HALF
    for which in range(store.chains[chain, MANY]):
        if not _has_later(store, newest, store.chains[chain, FLAG] + which):
            _add_value(store, chain, which, (entity, block, new))


@inlined
def _add_value(store: Store, chain: int, which: int, to: tuple[np.uint64, int, int]) -> None:
    """Count the new row's value in the windows that had none such."""
    entity, block, new = to
    key = _pair_key(entity, which, store.rows[_place(store, new), HASHES + store.chains[chain, SET + which]])
    pair = _slot(store.pairs, key)
    narrower = WINDOWS
    if store.pairs[pair, 0] == U(0):
        store.meta[PAIRS] += 1
        store.pairs[pair, 0] = key
    else:
        before = _place(store, whole(store.pairs[pair, 1]))
        _set_later(store, before, store.chains[chain, FLAG] + which)
        time, narrower = whole(store.rows[before, store.chains[chain, TIME]]), 0
        while narrower < LAST and time < store.scratch[narrower]:
            narrower += 1
    store.pairs[pair, 1] = U(new)
    for window in range(narrower):
        store.blocks[block, DIFFERENT + which * WINDOWS + window] += 1


@compiled
def _free_head(store: Store) -> None:
    """Free the oldest row, and the entities that have no other."""
    ref = whole(H(store.meta[HEAD]))
    place = _place(store, ref)
    for chain in range(len(store.chains)):
        key = _entity_key(store, chain, place)
        slot = _slot(store.entities, key) if key else whole(0)
        if key == U(0) or store.entities[slot, 0] != key or whole(store.ends[slot, OLDEST]) != ref:
            continue
        if store.ends[slot, BLOCK]:
            block = whole(store.ends[slot, BLOCK]) - 1
            for window in range(WINDOWS):
                if store.blocks[block, TAIL + window] == ref:
                    _leave(store, chain, block, window)
            _forget_pairs(store, chain, place, key)
        store.ends[slot, ROWS] -= H(1)
        store.ends[slot, OLDEST] = store.links[place, _links_at(store) + chain]
        if store.ends[slot, BLOCK] and store.ends[slot, ROWS] < SHRINK:
            _shrink(store, chain, slot)
        if store.ends[slot, ROWS] == H(0):
            _removed(store.entities, slot)
            store.meta[ENTITIES] -= 1
    store.meta[HEAD] += 1


@compiled
def free_old(store: Store) -> None:
    """Free rows from the oldest on, up to the first that the horizon has not passed."""
    while store.meta[HEAD] < store.meta[NEXT]:
        place = store.meta[HEAD] & (len(store.rows) - 1)
        for chain in range(len(store.chains)):
            if whole(store.rows[place, store.chains[chain, TIME]]) >= store.meta[HORIZON]:
                return
        _free_head(store)


@compiled
def _enter(store: Store, chain: int, new: int, row: int, batch: Batch) -> None:
    """Add the new row to its entity in a chain, and give the chain's features."""
    place, key = _place(store, new), _entity_key(store, chain, _place(store, new))
    event_time, scratch = batch.times[row], store.scratch
    if key == U(0):
        if store.chains[chain, LEADS]:
            store.rows[place, store.chains[chain, TIME]] = U(event_time)
        return
    slot = _slot(store.entities, key)
    alone, before = True, whole(0)
    if store.entities[slot, 0] == U(0):
        store.entities[slot, 0] = key
        store.ends[slot, ROWS] = store.ends[slot, BLOCK] = H(0)
        store.meta[ENTITIES] += 1
    else:
        last = _place(store, whole(store.ends[slot, YOUNGEST]))
        store.links[last, _links_at(store) + chain] = H(new)
        before = whole(store.rows[last, store.chains[chain, TIME]])
        alone = before < store.meta[HORIZON]
    if store.chains[chain, LEADS]:
        store.rows[place, store.chains[chain, TIME]] = U(event_time if alone else max(event_time, before))
    at = whole(store.rows[place, store.chains[chain, TIME]])
    parted = (
        store.chains[chain, GAP] > 0
        and store.rows[place, HASHES + store.chains[chain, BESIDE]] == U(0)
        and at - before >= store.chains[chain, GAP]
    )
    for window in range(WINDOWS):
        opens = max(at - LIMITS[window] + 1, store.meta[HORIZON])
        scratch[window] = at + 1 if parted else opens
    if store.chains[chain, SINCE] >= 0 and not alone and before >= scratch[LAST]:
        batch.features[store.chains[chain, SINCE], row] = (at - before) / MS
    store.ends[slot, YOUNGEST] = H(new)
    _count(store, chain, slot, new)
    _give(store, chain, row, batch)


@inlined
def _count(store: Store, chain: int, slot: int, new: int) -> None:
    """Let the old rows leave, add the new one, and count; a small entity's numbers are in scratch."""
    if store.ends[slot, BLOCK]:
        _slide(store, chain, slot, new)
        block = whole(store.ends[slot, BLOCK]) - 1
        for word in range(COUNTED, BLOCK_WORDS):
            store.scratch[word] = store.blocks[block, word]
        if store.ends[slot, ROWS] < SHRINK:
            _shrink(store, chain, slot)
        return
    ref, rows = whole(store.ends[slot, OLDEST]), whole(store.ends[slot, ROWS])
    while rows:
        place = _place(store, ref)
        if whole(store.rows[place, store.chains[chain, TIME]]) >= store.scratch[LAST]:
            break
        ref, rows = whole(store.links[place, _links_at(store) + chain]), rows - 1
    store.ends[slot, OLDEST] = H(ref if rows else new)
    store.ends[slot, ROWS] = H(rows + 1)
    _walk(store, chain, slot, new)
    if rows + 1 > SMALL:
        _grow(store, chain, slot)


@inlined
def _give(store: Store, chain: int, row: int, batch: Batch) -> None:
    """Write a chain's features of one row."""
    features = batch.features
    numbers, price = store.scratch, batch.prices[row]
    for window in range(store.chains[chain, FROM], WINDOWS):
        step = window - store.chains[chain, FROM]
        high, low, count = numbers[HIGH + window], numbers[LOW + window], numbers[COUNTED + window]
        if store.chains[chain, COUNT] >= 0:
            features[store.chains[chain, COUNT] + step, row] = count
        if store.chains[chain, SUM] >= 0:
            features[store.chains[chain, SUM] + step, row] = (high * HALF + low) / UNITS
        for which in range(store.chains[chain, MANY]):
            features[store.chains[chain, OUT + which] + step, row] = numbers[
                DIFFERENT + which * WINDOWS + window
            ]
        if store.chains[chain, MEAN] >= 0 and window >= LONG and count > 1:
            earlier = (high - (price >> 32)) * HALF + (low - (price & _LOW_HALF))
            mean = earlier / UNITS / (count - 1)
            features[store.chains[chain, MEAN] + window - LONG, row] = mean
            if mean > 0:
                features[store.chains[chain, RATIO] + window - LONG, row] = price / UNITS / mean


@inlined
def _room(store: Store) -> bool:
    """Tell whether there is room for what one row may need."""
    meta, chains = store.meta, len(store.chains)
    return bool(
        meta[NEXT] - meta[HEAD] < len(store.rows)
        and (meta[ENTITIES] + chains) * 4 <= len(store.entities) * 3
        and (meta[PAIRS] + chains * SETS * (SMALL + 1)) * 4 <= len(store.pairs) * 3
        and meta[BLOCKS] + chains <= len(store.blocks)
    )


@compiled
def fold_rows(store: Store, batch: Batch, start: int) -> int:
    """Fold rows from `start` on; gives how far it came: less than all when a table is full."""
    meta, of_hashes = store.meta, batch.hashes.shape[1]
    for row in range(start, len(batch.times)):
        if batch.hashes[row, 0] == U(0):  # nobody's: there is no device, no transaction id
            continue
        if not _room(store):
            return row
        meta[NEWEST] = max(meta[NEWEST], batch.times[row])
        meta[HORIZON] = max(meta[HORIZON], meta[NEWEST] - KEPT_MS)
        new = whole(H(meta[NEXT]))
        place = _place(store, new)
        for word in range(store.rows.shape[1]):
            store.rows[place, word] = U(0)
        store.rows[place, PRICE] = U(batch.prices[row])
        for word in range(of_hashes):
            store.rows[place, HASHES + word] = batch.hashes[row, word]
        for chain in range(len(store.chains)):
            for which in range(store.chains[chain, MANY]):
                if batch.hashes[row, store.chains[chain, SET + which]] == U(0):
                    _set_later(store, place, store.chains[chain, FLAG] + which)
        meta[NEXT] += 1
        for chain in range(len(store.chains)):
            _enter(store, chain, new, row, batch)
    free_old(store)
    return len(batch.times)
