"""The receiver that README shows is run: it takes what is signed, once, and nothing else."""

from __future__ import annotations

import asyncio
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

from embedded.process import free_port
from sinks.webhook_endpoints import Endpoint
from sinks.webhook_exchange import Answer, Exchange
from sinks.webhook_resolve import resolve
from sinks.webhook_signature import headers, read_secret
from sinks.webhook_url import Reach, read_url
from tests.flow_fixture import ROOT, until

OURS, THEIRS = "whsec_" + "A" * 32, "whsec_" + "B" * 32
BODY = b'{"type":"fraud.alert","data":{"alert_id":"a1"}}'


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_the_receiver_of_the_readme_takes_each_alert_once(tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(from http.server.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert len([line for line in code.splitlines() if line]) == 10
    port = free_port()
    (tmp_path / "fraud-team.secret").write_text(OURS + "\n")
    (tmp_path / "receiver.py").write_text(code.replace("8088", str(port)))
    reach = Reach(http=True, loopback=True)
    to = Endpoint("e", read_url(f"http://127.0.0.1:{port}/", reach), (read_secret(OURS),), reach=reach)

    async def post(message_id: str, *secrets: str) -> Answer:
        signed = headers(message_id, int(time.time()), BODY, [read_secret(secret) for secret in secrets])
        return await Exchange(resolve).post(to, signed, BODY)

    with (tmp_path / "out").open("w") as out:
        receiver = subprocess.Popen(
            [sys.executable, "receiver.py"], cwd=tmp_path, stdout=out, stderr=subprocess.DEVNULL
        )
    try:
        until(lambda: answers(port))
        assert [asyncio.run(post("a1", THEIRS, OURS)).delivered for _ in range(2)] == [True, True]
        assert asyncio.run(post("a2", THEIRS)).delivered is False
        assert (tmp_path / "out").read_text() == "fraud.alert {'alert_id': 'a1'}\n"
    finally:
        receiver.kill()
        receiver.wait()
