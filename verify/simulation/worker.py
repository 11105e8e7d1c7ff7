"""One process of the simulated cluster: its dataflow, what waits before its stations, and how far each is."""

from __future__ import annotations

from dataclasses import dataclass, field

from verify.simulation.graph import Graph
from verify.simulation.stations import Inbox, Output, Reader, Redistribute, Stateful

Station = Stateful | Output | Redistribute


@dataclass(slots=True)
class Worker:
    """One process of the cluster, with a dataflow of its own."""

    number: int
    graph: Graph
    readers: list[Reader] = field(default_factory=list)
    stations: dict[str, Station] = field(default_factory=dict)
    inboxes: dict[str, Inbox] = field(default_factory=dict)
    closed: dict[str, int] = field(default_factory=dict)  # the last epoch that a station has closed
    dead: bool = False

    def has_read(self, epoch: int) -> bool:
        """Tell whether its source partitions have finished an epoch."""
        return all(of.ended or of.epoch > epoch for reader in self.readers for of in reader.parts.values())

    def has_closed(self, name: str, epoch: int) -> bool:
        """Tell whether one of its stations has finished an epoch."""
        for reader in self.readers:
            if reader.step.step_id == name:
                return all(of.ended or of.epoch > epoch for of in reader.parts.values())
        return self.closed[name] >= epoch
