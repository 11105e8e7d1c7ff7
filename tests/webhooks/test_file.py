"""The operator's file of endpoints: what it gives, what it refuses and where, and that a change is seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from sinks.webhook_endpoints import Endpoint, Wanted
from sinks.webhook_file import read_file
from sinks.webhook_signature import read_secret
from sinks.webhook_url import Reach, Target
from sinks.webhook_watch import WatchedFile
from topics.errors import BadInput

ONE, TWO = "whsec_" + "A" * 32, "whsec_" + "B" * 32
WHOLE = f"""
endpoints:
  fraud-team:
    url: https://hooks.example.com/gamewax?x=1
    secret: {ONE}
  demo:
    url: http://127.0.0.1:9999/
    secret_file: [new.secret, /dev/null/../old.secret]
    http: true
    loopback: true
    rules: [velocity, ring]
    least_score: 0.75
    decisions: block
    kinds: [fraud.*, server.incident]
    at_once: 2
    ca_file: ca.pem
"""
GOOD = f"    url: https://a.test/\n    secret: {ONE}\n"
PLAIN_A = "endpoints:\n  a:\n    url: https://a.test/\n"
SIGNED_A = f"endpoints:\n  a:\n    secret: {ONE}\n"
GOOD_A = f"endpoints:\n  a:\n{GOOD}"
WRONG = {
    "": None,
    "endpoints:\n": None,
    "[]": "line 1: endpoints: must be a mapping",
    "endpoints: [a]": "line 1: endpoints: must be a mapping",
    "endpoint: {}": "line 1: endpoints.endpoint: there is no such field; there are: endpoints",
    "{}": "line 1: endpoints: is missing",
    "endpoints:\n  A b: {}": "line 2: endpoints.A b: a name has small letters",
    "endpoints:\n  a: {}": "line 2: endpoints.a: url is missing",
    GOOD_A + "  a: {}": "line 5: endpoints: a stands here twice",
    GOOD_A + "    url: x": "line 5: endpoints.a.url: url stands here twice",
    GOOD_A + "    urll: x": "line 5: endpoints.a.urll: there is no such field; there are: url, ",
    "endpoints:\n  a:\n    url: http://a.test/\n": "line 3: endpoints.a",
    SIGNED_A + "    url: https://10.0.0.1/": "line 4: endpoints.a.url: 10.0.0.1 is at",
    SIGNED_A + "    url: [x]": "line 4: endpoints.a.url: must be a text",
    SIGNED_A + "    url:": "line 4: endpoints.a.url: must be a text",
    "endpoints:\n  a:\n    url: https://a.test/": "line 3: endpoints.a: needs secret or secret_file",
    PLAIN_A + "    secret: hunter2": "line 4: endpoints.a.secret: a secret begins",
    PLAIN_A + f"    secret: [{ONE}, {ONE}, {ONE}]": "line 4: endpoints.a.secret: needs",
    PLAIN_A + "    secret_file: no": "line 4: endpoints.a.secret_file: cannot be read",
    GOOD_A + "    least_score: high": "line 5: endpoints.a.least_score: must be a number from 0 to 1",
    GOOD_A + "    least_score: nan": "line 5: endpoints.a.least_score: must be a number from 0 to 1",
    GOOD_A + "    least_score: 1.1": "line 5: endpoints.a.least_score: must be a number from 0 to 1",
    GOOD_A + "    decisions: [block, deny]": "line 5: endpoints.a.decisions: there is no decision 'deny'",
    GOOD_A + "    kinds: [server.*, servers.*]": "line 5: endpoints.a.kinds: there is no kind 'servers.*'",
    GOOD_A
    + "    kinds: server": "line 5: endpoints.a.kinds: there is no kind 'server'; there are: fraud.*, ",
    GOOD_A + "    at_once: 0": "line 5: endpoints.a.at_once: must be a whole number from 1 to 64",
    GOOD_A + "    at_once: 1.5": "line 5: endpoints.a.at_once: must be a whole number from 1 to 64",
    GOOD_A + "    http: maybe": "line 5: endpoints.a.http: must be true or false",
    f"endpoints:\n  a: &x\n{GOOD}  b: *x": "line 5: aliases, ",
    "endpoints:\n  a: {": "line 2: this is no YAML",
    "endpoints: !!python/object/apply:os.system [id]": "line 1: endpoints: must be a mapping",
    "endpoints: {a: {url: !!python/name:os.system '', secret: x}}": "line 1: endpoints.a.",
    "\t": "line 1: this is no YAML",
    "\x00": "is no YAML",
    "[" * 100_000: "line 1: aliases, and lists in lists in lists",
    "#" * (1 << 21): "has 2,097,152 bytes",
}


def written(folder: Path, text: str) -> Path:
    file = folder / "webhooks.yaml"
    file.write_text(text)
    return file


def test_a_file_gives_its_endpoints(tmp_path: Path) -> None:
    for name, secret in (("new.secret", TWO), ("old.secret", ONE)):
        (tmp_path / name).write_text(f"{secret}\n")
    file = written(tmp_path, WHOLE.replace("/dev/null/../", ""))
    read = read_file(file, (8443,))
    first, second = read.endpoints
    ports = frozenset({8443})
    assert first == Endpoint(
        "fraud-team",
        Target(https=True, host="hooks.example.com", port=443, path="/gamewax?x=1"),
        (read_secret(ONE),),
        reach=Reach(ports=ports),
    )
    assert second == Endpoint(
        "demo",
        Target(https=False, host="127.0.0.1", port=9999, path="/"),
        (read_secret(TWO), read_secret(ONE)),
        Wanted(
            frozenset({"velocity", "ring"}),
            0.75,
            frozenset({"block"}),
            frozenset({"fraud.*", "server.incident"}),
        ),
        Reach(http=True, loopback=True, ports=ports),
        2,
        tmp_path / "ca.pem",
    )
    assert set(read.files) == {file, *(tmp_path / name for name in ("new.secret", "old.secret", "ca.pem"))}


@pytest.mark.parametrize("text", WRONG, ids=range(len(WRONG)))
def test_what_is_wrong_is_told_with_its_line_and_field(tmp_path: Path, text: str) -> None:
    file, told = written(tmp_path, text), WRONG[text]
    if told is None:
        assert read_file(file).endpoints == ()
        return
    with pytest.raises(BadInput) as refused:
        read_file(file)
    assert told in str(refused.value)
    assert str(refused.value).startswith(str(file))
    assert "hunter2" not in str(refused.value)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot read the webhook endpoints"):
        read_file(tmp_path / "webhooks.yaml")


def test_a_change_of_the_file_or_of_a_secret_is_seen_once(tmp_path: Path) -> None:
    secret = tmp_path / "a.secret"
    secret.write_text(ONE)
    file = written(tmp_path, PLAIN_A + "    secret_file: a.secret\n")
    watched = WatchedFile(file)
    (first,) = watched.look() or ()
    assert watched.look() is None
    secret.write_text(TWO + "\n")
    (second,) = watched.look() or ()
    assert (first.secrets, second.secrets) == ((read_secret(ONE),), (read_secret(TWO),))
    file.write_text("endpoints: [")
    with pytest.raises(BadInput):
        watched.look()
    assert watched.look() is None  # said once
    file.write_text("endpoints:\n")
    assert watched.look() == ()
