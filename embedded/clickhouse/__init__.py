"""The embedded ClickHouse: one process that owns chDB and serves ClickHouse's HTTP protocol.

`python -m embedded.clickhouse --data DIR --port N [--credentials FILE]` is that process;
`EmbeddedClickHouse` starts one as a child. All else is an ordinary ClickHouse client of its address.
"""

from embedded.clickhouse.child import EmbeddedClickHouse

__all__ = ["EmbeddedClickHouse"]
