"""The peers' results as a Markdown table."""

from __future__ import annotations

from collections.abc import Sequence

from bench.peers.peer import Peer

HEAD = (
    "peer",
    "rows right",
    "events",
    "events/s",
    "CPU s per M",
    "peak RSS MB",
    "drain s",
    "wall s",
    "set how",
)


def peers_table(peers: Sequence[Peer]) -> str:
    """Write one line a peer, medians of its rounds; a peer without right rows has no figure but says why."""
    lines = [HEAD, ("---",) * len(HEAD), *(_cells(peer) for peer in peers)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _cells(peer: Peer) -> tuple[str, ...]:
    met = peer.figures
    if not met:
        said = f"not run: {peer.why_not}" if peer.why_not else "rows differ, so no figure counts"
        return (peer.name, "-" if peer.why_not else peer.rows, f"{peer.events:,}", *("-",) * 5, said)
    return (
        peer.name,
        peer.rows,
        f"{peer.events:,}",
        f"{met['rate']:,.0f}",
        f"{met['cpu_us']:.2f}",
        f"{met['rss_mb']:,.0f}",
        f"{met['drain_s']:.1f}",
        f"{met['wall_s']:.1f}",
        f"{peer.ran_on}: {peer.settings}",
    )
