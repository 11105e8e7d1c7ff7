"""The health check of a container that runs a flow: exit code 0 when the flow's `/healthz` says so.

Rules: only the standard library, since it starts every few seconds; it says what it was told, which
`docker inspect` shows. A flow that waits for an operator does not answer, so it is unhealthy.
"""

from __future__ import annotations

import os
import sys
import urllib.error
import urllib.request

PORT = "GAMEWAX_HEALTH__PORT"
ANSWER_WITHIN_S = 3.0


def main(port: str) -> int:
    """Ask the flow of this container; gives the exit code."""
    address = f"http://127.0.0.1:{port}/healthz"
    try:
        with urllib.request.urlopen(address, timeout=ANSWER_WITHIN_S) as answer:
            sys.stdout.write(answer.read().decode(errors="replace"))
            return 0
    except urllib.error.HTTPError as error:
        sys.stdout.write(error.read().decode(errors="replace"))
    except OSError as error:
        sys.stdout.write(f"{address} does not answer: {error}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(os.environ.get(PORT, "0")))  # noqa: TID251  it runs without the application
