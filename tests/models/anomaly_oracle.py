"""The detector's formulas as `docs/anomalies.md` tells them, for one stream, in plain lists and dicts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

LEVELS = {"slow": 0.001, "recent": 0.1, "lasting": 0.03}
VIEWS = ("value", "recent", "lasting", "beyond", "still", "season")
HOUR_MS = 3_600_000


def log2(size: float) -> float:
    """Straight between powers of two."""
    power, rest = 0, 1 + size
    while rest >= 2:
        power, rest = power + 1, rest / 2
    return power + rest - 1


@dataclass
class Oracle:
    """Gives the strength (evidence by need) of each sample, without any alarm in between."""

    values: list[float] = field(default_factory=list)
    level: dict[str, float] = field(default_factory=dict)
    far: dict[str, float] = field(default_factory=dict)  # usual distances
    tails: dict[str, tuple[float, float]] = field(default_factory=dict)  # begin, length
    hours: dict[int, float] = field(default_factory=dict)
    late_step: float = 0.0
    evidence: float = 0.0
    harmonic: float = 0.0

    def strengths(self, samples: Iterable[tuple[int, float]], every_ms: int) -> Iterator[float]:
        for number, (time_ms, value) in enumerate(samples, 1):
            if number == 1:
                self.level = dict.fromkeys(LEVELS, value)
                self.values = [value]
                born_ms = time_ms
            surprises = self.surprises(time_ms, value)
            self.harmonic += 1 / number
            old = time_ms - born_ms >= 5 * 24 * HOUR_MS
            found = 0.0
            for view in VIEWS:
                rarity = self.rarity(view, log2(surprises[view]), number)
                found += rarity if view != "season" or old else 0.0
            share = min(max(every_ms / 90_000, 1 / 30), 1) if number > 1 else 1 / 30
            self.evidence += share * (found - self.evidence)
            yield self.evidence / (1.6 * (1 + 0.8 * max(self.harmonic - 7.485, 0)))
            self.learn(time_ms, value, number, every_ms if number > 1 else 0)

    @property
    def floor(self) -> float:
        seen = max(self.values) - min(self.values)
        return 0.005 * seen + 1e-9 * abs(self.level["slow"]) + 1e-9

    def distances(self, time_ms: int, value: float) -> dict[str, float]:
        slow = self.level["slow"]
        moved = {name: self.level[name] + LEVELS[name] * (value - self.level[name]) for name in LEVELS}
        return {
            "value": abs(value - slow),
            "recent": abs(moved["recent"] - slow),
            "lasting": abs(moved["lasting"] - slow),
            "season": abs(value - slow - self.hours.get(time_ms // HOUR_MS % 24, 0.0)),
            "step": abs(value - self.values[-1]),
        }

    def surprises(self, time_ms: int, value: float) -> dict[str, float]:
        far = self.distances(time_ms, value)
        found = {
            view: far[view] / (self.far.get(view, 0.0) + self.floor)
            for view in ("value", "recent", "lasting", "season")
        }
        low, high = min(self.values), max(self.values)
        found["beyond"] = max(value - high, low - value, 0.0) / (high - low + self.floor)
        late = self.late_step + 0.1 * (far["step"] - self.late_step)
        found["still"] = (self.far.get("step", 0.0) + self.floor) / (late + self.floor)
        return found

    def rarity(self, view: str, size: float, number: int) -> float:
        begin, length = self.tails.get(view, (0.0, 0.0))
        if number <= 30:
            length += (size - length) / number
            self.tails[view] = 2 * length, length
            return 0.0
        step = min(max(0.001, 1 / number) / 0.02, 1) * length
        if size <= begin:
            self.tails[view] = begin - step * 0.02, length
            return 0.0
        over, after = size - begin, begin + step * 0.98
        rate = max(0.02, 1 / (0.02 * number + 2))
        longer = length + rate * (min(over, 2 * length) - length)
        self.tails[view] = after, max(longer, 0.001 * after + 1e-9)
        return min(over / (length + 1e-9), 20.0)

    def learn(self, time_ms: int, value: float, number: int, every_ms: int) -> None:
        far, rate, floor = self.distances(time_ms, value), max(0.001, 1 / number), self.floor
        for name, size in far.items():
            usual = self.far.get(name, 0.0)
            most = 3 * (usual + floor) if number > 30 else size
            self.far[name] = usual + rate * (min(size, most) - usual)
        hour = time_ms // HOUR_MS % 24
        usual = self.hours.get(hour, 0.0)
        above = value - self.level["slow"]
        self.hours[hour] = usual + min(0.3 * every_ms / HOUR_MS, 0.5) * (above - usual)
        for name, own in LEVELS.items():
            self.level[name] += max(own, 1 / number) * (value - self.level[name])
        self.late_step += max(0.1, 1 / number) * (far["step"] - self.late_step)
        self.values.append(value)
