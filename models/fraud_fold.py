"""The compiled fold of one group's purchases: counts, sums and distinct counts over sliding windows.

Rules:
- Rows (purchases) lie in a ring in the order in which they came; a reference is the low 32 bits of a row's
  number. Each *chain* links the rows of one entity (a player, a player's currency, a session …).
- A window is the newest part of a chain, from its tail on. A row that leaves takes itself away from the count,
  the sum and, unless a later row has the same value (its flag is set), from the distinct count.
- An entity of up to `SMALL` rows keeps nothing but its chain, and is counted by walking it; a larger one has a
  block (tails and running numbers by window) and its values' newest rows in the table of pairs. So a purchase
  costs O(1), however hot its item.
- Rows older than the horizon are nobody's, whether they are freed yet or not: no feature depends on when.
- Integers only until a number is given out. Tables are open addressing, linear, and close the hole when an
  entry goes: no tombstones.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from models.fraud_compiled import compiled

Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]
Halves = npt.NDArray[np.uint32]
Floats = npt.NDArray[np.float64]
U = np.uint64
H = np.uint32
I = np.int64

SMALL, SHRINK = 16, 6  # an entity gets a block above SMALL rows and loses it below SHRINK
WINDOWS, LAST = 6, 5
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
_LOW_HALF = I(0xFFFFFFFF)


class Store(NamedTuple):
    """The state of one group as arrays: `rows` and `links` are the same memory, so are `entities` and `ends`."""

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
    """Rows to fold, in order: event times (epoch ms), prices (10^-4), hashes by row, and features by feature."""

    times: Ints
    prices: Ints
    hashes: Words
    features: Floats


@compiled
def _mixed(left: np.uint64, right: np.uint64) -> np.uint64:
    """Hash two words to one that is not 0, by splitmix64's finisher."""
    word = left * U(0x9E3779B97F4A7C15) + ((right << U(32)) | (right >> U(32)))
    word = (word ^ (word >> U(30))) * U(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> U(27))) * U(0x94D049BB133111EB)
    word ^= word >> U(31)
    return word if word else U(1)


@compiled
def _entity_key(store: Store, chain: int, place: int) -> np.uint64:
    """Name a row's entity in a chain; 0 when it has none."""
    of = store.chains[chain]
    key = store.rows[place, HASHES + of[KEY]]
    if key == U(0):
        return key
    beside = store.rows[place, HASHES + of[BESIDE]] if of[BESIDE] >= 0 else U(0)
    return _mixed(_mixed(key, U(chain + 1)), beside)


@compiled
def _slot(table: Words, key: np.uint64) -> int:
    """Find a key's slot, or the free one where it belongs."""
    mask = len(table) - 1
    slot = I(key & U(mask))
    while table[slot, 0] != U(0) and table[slot, 0] != key:
        slot = (slot + 1) & mask
    return slot


@compiled
def _removed(table: Words, slot: int) -> None:
    """Free a slot and move up those behind it that this one kept from their place."""
    mask = len(table) - 1
    hole, behind = slot, (slot + 1) & mask
    while table[behind, 0] != U(0):
        home = I(table[behind, 0] & U(mask))
        if ((behind - home) & mask) >= ((behind - hole) & mask):
            table[hole] = table[behind]
            hole = behind
        behind = (behind + 1) & mask
    table[hole, 0] = U(0)


@compiled
def rehashed(old: Words, new: Words) -> None:
    """Put all entries into another table."""
    for slot in range(len(old)):
        if old[slot, 0] != U(0):
            new[_slot(new, old[slot, 0])] = old[slot]


@compiled
def moved(old: Words, new: Words, head: int, end: int) -> None:
    """Put all rows into another ring."""
    for row in range(head, end):
        new[row & (len(new) - 1)] = old[row & (len(old) - 1)]


@compiled
def _place(store: Store, ref: int) -> int:
    return ref & (len(store.rows) - 1)


@compiled
def _links_at(store: Store) -> int:
    """Give the column of the links: one for each chain, before the flags."""
    return store.links.shape[1] - 4


@compiled
def _flags_at(store: Store) -> int:
    return store.links.shape[1] - 1


@compiled
def _has_later(store: Store, place: int, flag: int) -> bool:
    """Tell whether a later row of the entity has the same value (or the row has none)."""
    return (store.links[place, _flags_at(store)] >> H(flag)) & H(1) != H(0)


@compiled
def _set_later(store: Store, place: int, flag: int) -> None:
    store.links[place, _flags_at(store)] |= H(1) << H(flag)


@compiled
def _pair_key(entity: np.uint64, which: int, value: np.uint64) -> np.uint64:
    return _mixed(_mixed(entity, U(which + 64)), value)


@compiled
def _forget_pairs(store: Store, chain: int, place: int, entity: np.uint64) -> None:
    """Take a row's values out of the table of pairs, those that no later row has."""
    of = store.chains[chain]
    for which in range(of[MANY]):
        if not _has_later(store, place, of[FLAG] + which):
            value = store.rows[place, HASHES + of[SET + which]]
            slot = _slot(store.pairs, _pair_key(entity, which, value))
            if store.pairs[slot, 0] != U(0):
                _removed(store.pairs, slot)
                store.meta[PAIRS] -= 1


@compiled
def _leave(store: Store, chain: int, block: int, window: int) -> None:
    """Move a window's tail past one row."""
    of, kept = store.chains[chain], store.blocks[block]
    place = _place(store, kept[TAIL + window])
    price = I(store.rows[place, PRICE])
    kept[COUNTED + window] -= 1
    kept[HIGH + window] -= price >> 32
    kept[LOW + window] -= price & _LOW_HALF
    for which in range(of[MANY]):
        if not _has_later(store, place, of[FLAG] + which):
            kept[DIFFERENT + which * WINDOWS + window] -= 1
    kept[TAIL + window] = I(store.links[place, _links_at(store) + chain])


@compiled
def _block_of(store: Store) -> int:
    """Take a free block."""
    block = store.meta[FREE_BLOCK]
    store.meta[FREE_BLOCK] = store.blocks[block, 0]
    store.meta[BLOCKS] += 1
    return block


@compiled
def _give_back(store: Store, slot: int) -> None:
    """Free an entity's block."""
    block = I(store.ends[slot, BLOCK]) - 1
    store.ends[slot, BLOCK] = H(0)
    store.blocks[block, 0] = store.meta[FREE_BLOCK]
    store.meta[FREE_BLOCK] = block
    store.meta[BLOCKS] -= 1


@compiled
def _grow(store: Store, chain: int, slot: int, at: int) -> None:
    """Give an entity a block, with the numbers that walking it has just found (in scratch)."""
    of, block, entity = store.chains[chain], _block_of(store), store.entities[slot, 0]
    kept = store.blocks[block]
    for word in range(COUNTED, BLOCK_WORDS):
        kept[word] = store.scratch[word]
    ref, windows = I(store.ends[slot, OLDEST]), LAST
    for _ in range(I(store.ends[slot, ROWS])):
        place = _place(store, ref)
        time = I(store.rows[place, of[TIME]])
        while windows >= 0 and time >= store.scratch[windows]:
            kept[TAIL + windows] = ref
            windows -= 1
        for which in range(of[MANY]):
            if not _has_later(store, place, of[FLAG] + which):
                key = _pair_key(entity, which, store.rows[place, HASHES + of[SET + which]])
                pair = _slot(store.pairs, key)
                store.meta[PAIRS] += 1
                store.pairs[pair, 0], store.pairs[pair, 1] = key, U(ref)
        ref = I(store.links[place, _links_at(store) + chain])
    while windows >= 0:  # a row that came behind the horizon is alone in its windows
        kept[TAIL + windows] = I(store.ends[slot, YOUNGEST])
        windows -= 1
    store.ends[slot, BLOCK] = H(block + 1)


@compiled
def _shrink(store: Store, chain: int, slot: int) -> None:
    """Take an entity's block and pairs away: few rows are left."""
    ref, entity = I(store.ends[slot, OLDEST]), store.entities[slot, 0]
    for _ in range(I(store.ends[slot, ROWS])):
        place = _place(store, ref)
        _forget_pairs(store, chain, place, entity)
        ref = I(store.links[place, _links_at(store) + chain])
    _give_back(store, slot)


@compiled
def _walk(store: Store, chain: int, slot: int, new: int) -> None:
    """Count a small entity's rows into scratch by window, and mark those whose value the new row has."""
    of, found = store.chains[chain], store.scratch
    found[COUNTED:BLOCK_WORDS] = 0
    ref, count, window = I(store.ends[slot, OLDEST]), I(store.ends[slot, ROWS]), LAST
    newest = _place(store, new)
    for step in range(count):
        place = _place(store, ref)
        time = I(store.rows[place, of[TIME]])
        if step == count - 1:
            window = 0
        while window > 0 and time >= found[window - 1]:
            window -= 1
        price = I(store.rows[place, PRICE])
        found[COUNTED + window] += 1
        found[HIGH + window] += price >> 32
        found[LOW + window] += price & _LOW_HALF
        for which in range(of[MANY]):
            if _has_later(store, place, of[FLAG] + which):
                continue
            word = HASHES + of[SET + which]
            if place != newest and store.rows[place, word] == store.rows[newest, word]:
                _set_later(store, place, of[FLAG] + which)
            else:
                found[DIFFERENT + which * WINDOWS + window] += 1
        ref = I(store.links[place, _links_at(store) + chain])
    for part in range(COUNTED, BLOCK_WORDS, WINDOWS):
        for wider in range(part + 1, part + WINDOWS):
            found[wider] += found[wider - 1]


@compiled
def _slide(store: Store, chain: int, slot: int, new: int) -> None:
    """Move a large entity's tails up to the new row's windows, and add that row."""
    of, block, entity = store.chains[chain], I(store.ends[slot, BLOCK]) - 1, store.entities[slot, 0]
    kept, newest = store.blocks[block], _place(store, new)
    for window in range(WINDOWS):
        while kept[TAIL + window] != new:
            tail = _place(store, kept[TAIL + window])
            if I(store.rows[tail, of[TIME]]) >= store.scratch[window]:
                break
            _leave(store, chain, block, window)
            if window == LAST:
                _forget_pairs(store, chain, tail, entity)
    store.ends[slot, OLDEST] = H(kept[TAIL + LAST])
    store.ends[slot, ROWS] = H(kept[COUNTED + LAST] + 1)
    price = I(store.rows[newest, PRICE])
    for window in range(WINDOWS):
        kept[COUNTED + window] += 1
        kept[HIGH + window] += price >> 32
        kept[LOW + window] += price & _LOW_HALF
    for which in range(of[MANY]):
        if not _has_later(store, newest, of[FLAG] + which):
            _add_value(store, chain, which, (entity, block, new))


@compiled
def _add_value(store: Store, chain: int, which: int, to: tuple[np.uint64, int, int]) -> None:
    """Count the new row's value in the windows that had none such."""
    of, (entity, block, new) = store.chains[chain], to
    kept = store.blocks[block]
    key = _pair_key(entity, which, store.rows[_place(store, new), HASHES + of[SET + which]])
    pair = _slot(store.pairs, key)
    narrower = WINDOWS
    if store.pairs[pair, 0] == U(0):
        store.meta[PAIRS] += 1
        store.pairs[pair, 0] = key
    else:
        before = _place(store, I(store.pairs[pair, 1]))
        _set_later(store, before, of[FLAG] + which)
        time, narrower = I(store.rows[before, of[TIME]]), 0
        while narrower < LAST and time < store.scratch[narrower]:
            narrower += 1
    store.pairs[pair, 1] = U(new)
    for window in range(narrower):
        kept[DIFFERENT + which * WINDOWS + window] += 1


@compiled
def _free_head(store: Store) -> None:
    """Free the oldest row, and the entities that have no other."""
    ref = I(H(store.meta[HEAD]))
    place = _place(store, ref)
    for chain in range(len(store.chains)):
        key = _entity_key(store, chain, place)
        slot = _slot(store.entities, key) if key else I(0)
        if key == U(0) or store.entities[slot, 0] != key or I(store.ends[slot, OLDEST]) != ref:
            continue
        if store.ends[slot, BLOCK]:
            block = I(store.ends[slot, BLOCK]) - 1
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
            if I(store.rows[place, store.chains[chain, TIME]]) >= store.meta[HORIZON]:
                return
        _free_head(store)


@compiled
def _enter(store: Store, chain: int, new: int, row: int, batch: Batch) -> None:
    """Add the new row to its entity in a chain, and give the chain's features."""
    of, place, key = store.chains[chain], _place(store, new), _entity_key(store, chain, _place(store, new))
    event_time, scratch = batch.times[row], store.scratch
    if key == U(0):
        if of[LEADS]:
            store.rows[place, of[TIME]] = U(event_time)
        return
    slot = _slot(store.entities, key)
    alone, before = True, I(0)
    if store.entities[slot, 0] == U(0):
        store.entities[slot, 0] = key
        store.ends[slot, ROWS] = store.ends[slot, BLOCK] = H(0)
        store.meta[ENTITIES] += 1
    else:
        last = _place(store, I(store.ends[slot, YOUNGEST]))
        store.links[last, _links_at(store) + chain] = H(new)
        before = I(store.rows[last, of[TIME]])
        alone = before < store.meta[HORIZON]
    if of[LEADS]:
        store.rows[place, of[TIME]] = U(event_time if alone else max(event_time, before))
    at = I(store.rows[place, of[TIME]])
    parted = of[GAP] > 0 and store.rows[place, HASHES + of[BESIDE]] == U(0) and at - before >= of[GAP]
    for window in range(WINDOWS):
        opens = max(at - LIMITS[window] + 1, store.meta[HORIZON])
        scratch[window] = at + 1 if parted else opens
    if of[SINCE] >= 0 and not alone and before >= scratch[LAST]:
        batch.features[of[SINCE], row] = (at - before) / 1000.0
    store.ends[slot, YOUNGEST] = H(new)
    _count(store, chain, slot, new)
    numbers = store.scratch
    if store.ends[slot, BLOCK]:
        numbers = store.blocks[I(store.ends[slot, BLOCK]) - 1]
    _give(store, chain, numbers, row, batch)


@compiled
def _count(store: Store, chain: int, slot: int, new: int) -> None:
    """Let the old rows leave, add the new one, and count; a small entity's numbers are in scratch."""
    if store.ends[slot, BLOCK]:
        _slide(store, chain, slot, new)
        if store.ends[slot, ROWS] < SHRINK:
            block = I(store.ends[slot, BLOCK]) - 1
            store.scratch[COUNTED:] = store.blocks[block, COUNTED:]
            _shrink(store, chain, slot)
        return
    of, ref, rows = store.chains[chain], I(store.ends[slot, OLDEST]), I(store.ends[slot, ROWS])
    while rows:
        place = _place(store, ref)
        if I(store.rows[place, of[TIME]]) >= store.scratch[LAST]:
            break
        ref, rows = I(store.links[place, _links_at(store) + chain]), rows - 1
    store.ends[slot, OLDEST] = H(ref if rows else new)
    store.ends[slot, ROWS] = H(rows + 1)
    _walk(store, chain, slot, new)
    if rows + 1 > SMALL:
        _grow(store, chain, slot, new)


@compiled
def _give(store: Store, chain: int, numbers: Ints, row: int, batch: Batch) -> None:
    """Write a chain's features of one row."""
    of, features = store.chains[chain], batch.features
    price = batch.prices[row]
    for window in range(of[FROM], WINDOWS):
        step = window - of[FROM]
        high, low, count = numbers[HIGH + window], numbers[LOW + window], numbers[COUNTED + window]
        if of[COUNT] >= 0:
            features[of[COUNT] + step, row] = count
        if of[SUM] >= 0:
            features[of[SUM] + step, row] = (high * 4294967296.0 + low) / 10000.0
        for which in range(of[MANY]):
            features[of[OUT + which] + step, row] = numbers[DIFFERENT + which * WINDOWS + window]
        if of[MEAN] >= 0 and window >= 3 and count > 1:
            earlier = (high - (price >> 32)) * 4294967296.0 + (low - (price & _LOW_HALF))
            mean = earlier / 10000.0 / (count - 1)
            features[of[MEAN] + window - 3, row] = mean
            if mean > 0:
                features[of[RATIO] + window - 3, row] = price / 10000.0 / mean


@compiled
def _room(store: Store) -> bool:
    """Tell whether there is room for what one row may need."""
    meta, chains = store.meta, len(store.chains)
    return (
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
        new = I(H(meta[NEXT]))
        place = _place(store, new)
        store.rows[place] = U(0)
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
