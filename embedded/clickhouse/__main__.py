"""`python -m embedded.clickhouse --data DIR --port N [--credentials FILE]`.

Rules: one process owns a data folder (a lock file says so before the engine is asked). SIGTERM and
Ctrl-C let running queries finish for a few seconds, then close the engine and exit 0. A port or folder
in use is one line and exit code 2.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import signal
import sys
import threading
from pathlib import Path

from embedded.clickhouse.gateway import Gateway
from embedded.clickhouse.users import read_users
from topics.errors import BadInput, GamewaxError

FINISH_S = 8.0


def main() -> int:
    """Serve until told to stop; give the exit code."""
    parser = argparse.ArgumentParser(prog="python -m embedded.clickhouse", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the store; made when absent")
    parser.add_argument("--port", type=int, default=0, help="on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--credentials", type=Path, help="JSON with writer and reader; none: user default")
    parser.add_argument("--stop-with-stdin", action="store_true", help="stop when stdin is closed")
    asked = parser.parse_args()
    try:
        serve(asked.data, asked.port, asked.credentials, stop_with_stdin=asked.stop_with_stdin)
    except GamewaxError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


def serve(data: Path, port: int, credentials: Path | None, *, stop_with_stdin: bool) -> None:
    """Open the folder, answer requests, close.

    Raises:
        BadInput: the folder or port is in use, or the credentials are unusable.

    """
    users = read_users(credentials)
    lock = locked(data)
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    try:
        gateway = Gateway(port, users)
    except (OSError, OverflowError) as error:
        raise BadInput(f"port {port} on 127.0.0.1 cannot be used: {error}; give another --port") from error
    from embedded.clickhouse.engine import Engine  # noqa: PLC0415 - 0.3 s and 280 MB: after all checks

    try:
        gateway.engine = Engine(data / "chdb")
    except RuntimeError as error:
        raise BadInput(f"ClickHouse cannot open {data}: {error}") from error
    threading.Thread(target=gateway.serve_forever, daemon=True).start()
    sys.stdout.write(f"ClickHouse answers at http://127.0.0.1:{gateway.server_port}\n")
    sys.stdout.flush()
    if stop_with_stdin:
        threading.Thread(target=stop_at_end_of_stdin, args=(stop,), daemon=True).start()
    stop.wait()
    closing = threading.Thread(target=gateway.finish, daemon=True)
    closing.start()
    closing.join(FINISH_S)
    os.close(lock)


def stop_at_end_of_stdin(stop: threading.Event) -> None:
    """Wait until the parent closes our stdin, which its end does too."""
    sys.stdin.buffer.read()
    stop.set()


def locked(data: Path) -> int:
    """Take the folder for this process; the lock goes with the process, also when it is killed.

    Raises:
        BadInput: another process has it, or it cannot be made.

    """
    try:
        data.mkdir(parents=True, exist_ok=True)
        lock = os.open(data / "clickhouse.lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise BadInput(
            f"{data} is in use by another ClickHouse process: stop it, or give another --data"
        ) from error
    except OSError as error:
        raise BadInput(f"data folder {data} cannot be used: {error}") from error
    return lock


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # daemon threads of clients must not meet the interpreter's end
