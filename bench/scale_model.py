"""What a flow costs on N hosts, told from what one process costs.

Rules:
- Pure: costs in, predictions out. All costs are of one event and were measured with one process.
- Messages, decoding and partial aggregates stay where their partition is read. What is keyed (partials,
  rows, receipts) goes to the process that owns the key: of N processes (N - 1) / N is sent away. So does what
  a snapshot holds: one process writes the recovery store for all.
- Hosts are as fast as the measured one, with a core for each thread that is busy: N of them do N times what
  one does, less what exchanging costs.
"""

from __future__ import annotations

from dataclasses import dataclass

from windows.plan import SHARDS

MB = 1_000_000
NETWORK_MB_S = 1_150  # assumed: what 10 Gbit/s carry
SERVER_CORES = 16  # assumed: of a broker's host and of ClickHouse's


@dataclass(frozen=True, slots=True)
class Costs:
    """What one event costs; CPU in microseconds, sizes in bytes.

    `rate`: events/s of one process. `keyed_bytes`: pickled, of what goes on by key. `pickle_us`: to pickle it
    and to read it again. `fold_us`: of a window's owner, part of `cpu_us`. `wire_bytes`: of a message in
    Kafka's log. `store_mb_s`: what one recovery store takes.
    """

    rate: float
    cpu_us: float
    keyed_bytes: float
    snapshot_bytes: float
    pickle_us: float
    fold_us: float
    rows: float
    wire_bytes: float
    broker_us: float
    clickhouse_us: float
    store_mb_s: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """What N hosts do; `bytes` are exchanged by all for one event."""

    hosts: int
    events_per_s: float
    cpu_us: float
    bytes: float

    @property
    def host_mb_s(self) -> float:
        """Give what each host sends a second."""
        return self.events_per_s * self.bytes / self.hosts / MB


def away(hosts: int) -> float:
    """Give the share of keyed things that another process owns."""
    return (hosts - 1) / hosts


def predict(costs: Costs, hosts: int) -> Prediction:
    """Tell what N hosts do."""
    cpu_us = costs.cpu_us + costs.pickle_us * away(hosts)
    rate = costs.rate * hosts * costs.cpu_us / cpu_us
    return Prediction(hosts, rate, cpu_us, (costs.keyed_bytes + costs.snapshot_bytes) * away(hosts))


def together(costs: Costs, processes: int, cores: float) -> float:
    """Tell the events/s of N processes that share these cores with the broker and ClickHouse."""
    of = predict(costs, processes)
    return min(of.events_per_s, cores * 1e6 / (of.cpu_us + costs.broker_us + costs.clickhouse_us))


def hosts_for(costs: Costs, rate: float) -> int:
    """Give the least number of hosts that do this rate by their CPU."""
    hosts = 1
    while predict(costs, hosts).events_per_s < rate:
        hosts += 1
    return hosts


@dataclass(frozen=True, slots=True)
class Limit:
    """One thing that a rate needs, and what there is of it."""

    name: str
    needs: float
    has: float
    unit: str

    @property
    def used(self) -> float:
        """Give the share that is used; above 1 it does not work."""
        return self.needs / self.has


def limits(costs: Costs, rate: float) -> list[Limit]:
    """Tell what a rate needs of everything that does not grow with the hosts, the tightest first.

    Partitions are not among them: a topic can have as many as there are hosts. A window has so many shards,
    and a shard one thread.
    """
    hosts = hosts_for(costs, rate)
    of = predict(costs, hosts)
    found = [
        Limit(f"fold: the {SHARDS} shards of a window", rate * costs.fold_us / 1e6, SHARDS, "cores"),
        Limit("fetch: one broker's network", rate * costs.wire_bytes / MB, NETWORK_MB_S, "MB/s"),
        Limit("fetch: one broker's CPU", rate * costs.broker_us / 1e6, SERVER_CORES, "cores"),
        Limit("exchange: one host's network", rate * of.bytes / hosts / MB, NETWORK_MB_S, "MB/s"),
        Limit("rows: one ClickHouse's CPU", rate * costs.clickhouse_us / 1e6, SERVER_CORES, "cores"),
        Limit("recovery: one store", rate * costs.snapshot_bytes / MB, costs.store_mb_s, "MB/s"),
    ]
    return sorted(found, key=lambda limit: limit.used, reverse=True)


def first_at(costs: Costs) -> tuple[str, float]:
    """Tell what breaks first as the rate grows, and at how many events/s (nearly)."""
    rate = costs.rate
    while limits(costs, rate)[0].used <= 1:
        rate *= 1.05
    return limits(costs, rate)[0].name, rate


def error(predicted: float, measured: float) -> float:
    """Give how far a prediction is off, as a share of what was measured."""
    return predicted / measured - 1 if measured else 0.0
