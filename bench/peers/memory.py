"""The most memory that a process has had so far."""

from __future__ import annotations

from pathlib import Path


def peak_mb(pid: int) -> float:
    """Give the peak of a process's resident memory in MB."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024
