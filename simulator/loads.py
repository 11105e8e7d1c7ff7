"""What a server measures of itself.

Rules: loads are percent, latency and the length of a tick milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from simulator.plan import Floats

CPU, MEMORY, LATENCY, TICK = LOADS = ("cpu_load", "memory_usage", "latency", "tick_ms")
FULL = 100.0
Loads: TypeAlias = Mapping[str, Floats]  # by name, a value for each report
