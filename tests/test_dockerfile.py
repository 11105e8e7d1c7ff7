"""The Dockerfiles against our rules, each broken once; what the image would hold starts without the rest."""

from __future__ import annotations

import http.server
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from threading import Thread

import pytest

from cli.compose_images import (
    APP,
    EVERY_IMAGE,
    GRAFANA,
    OF_APP,
    OF_GRAFANA,
    broken_in_images,
    read_image,
)
from compose.healthy import main as healthy
from compose.image_packages import LEFT_OUT, entries, kept
from embedded.process import ROOT, free_port
from flows.registry import FLOWS

TEXT = (ROOT / APP).read_text()
LOCK = (ROOT / "requirements.lock").read_text()
SHA = "sha256:" + "0" * 64
BREAKS = [
    (
        "every_base_is_pinned",
        "FROM python:3.12.14-slim-trixie AS gamewax",
        "FROM python:3.12-slim AS gamewax",
    ),
    ("every_base_is_pinned", "FROM python:3.12.14-slim-trixie AS packages", "FROM python AS packages"),
    ("the_last_user", "USER 10001:10001", "USER root"),
    ("the_last_user", "USER 10001:10001\n", ""),
    ("the_last_user", "USER 10001:10001", "USER 0:10001"),
    ("nothing_comes_past", "COPY . .", "ADD https://127.0.0.1/a.tgz ."),
    ("nothing_comes_past", "RUN python -m compileall", "RUN curl -O a && python -m compileall"),
    ("packages_are_checked", "--require-hashes ", ""),
    ("packages_are_checked", "--only-binary :all: ", ""),
    ("packages_are_checked", "-m pip install", "-m uv sync"),
    ("the_last_stage_builds", "RUN python -m compileall", "RUN apt-get install gcc && python -m compileall"),
    ("it_says_how", "STOPSIGNAL SIGTERM\n", ""),
    ("it_says_how", 'ENTRYPOINT ["python", "-m", "cli"]', "ENTRYPOINT python -m cli"),
]
STARTS = """
import sys
LEFT_OUT = {left_out}
class Gone:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in LEFT_OUT:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Gone())
import importlib
for name in {modules}:
    importlib.import_module(name)
from cli.__main__ import main
sys.argv = ["gamewax", *{words}]
sys.exit(main())
"""
MODULES = [name.replace("-", "_") for name in LEFT_OUT]


def test_both_images_keep_our_rules() -> None:
    assert list(broken_in_images(ROOT)) == []


@pytest.mark.parametrize(("rule", "right", "wrong"), BREAKS)
def test_a_broken_copy_breaks_that_rule(rule: str, right: str, wrong: str) -> None:
    assert right in TEXT
    image = read_image(TEXT.replace(right, wrong))
    found = [each.__name__ for each in OF_APP if list(each(image))]
    assert [name for name in found if name.startswith(rule)] != []


def test_every_rule_is_broken_by_a_copy() -> None:
    rules = {each.__name__ for each in OF_APP}
    assert {name for name in rules if not any(name.startswith(rule) for rule, _, _ in BREAKS)} == set()


def test_a_digest_may_pin_a_base_too() -> None:
    image = read_image(TEXT.replace("slim-trixie AS", f"slim-trixie@{SHA} AS"))
    assert [what for rule in EVERY_IMAGE for what in rule(image)] == []


def test_an_image_of_one_stage_or_a_plugin_of_any_version_is_refused() -> None:
    one = read_image(TEXT[TEXT.index("FROM python:3.12.14-slim-trixie AS gamewax") :])
    assert "it has one stage only" in [what for rule in OF_APP for what in rule(one)]
    plugin = read_image((ROOT / GRAFANA).read_text().replace("datasource 4.20.0", "datasource"))
    assert [what for rule in OF_GRAFANA for what in rule(plugin)] == ["the ClickHouse plugin is not pinned"]


def test_the_images_lock_is_the_lock_without_what_is_left_out() -> None:
    whole, image = dict(entries(LOCK)), dict(entries(kept(LOCK)))
    assert image == {name: lines for name, lines in whole.items() if name not in LEFT_OUT}
    assert [name for name, lines in image.items() if "--hash=sha256:" not in lines] == []
    assert {"bytewax", "polars", "confluent-kafka", "clickhouse-connect", "chdb"} - set(image) == {"chdb"}


def context(ignored: str) -> Iterator[Path]:
    """Give the files that .dockerignore lets into the image (only the forms that ours uses)."""
    lines = [line for line in ignored.splitlines() if line and not line.startswith("#")]
    named = [line.removeprefix("!") for line in lines if line.startswith("!")]
    never = [line.removeprefix("**/") for line in lines if line.startswith("**/")]
    assert len(named) + len(never) + 1 == len(lines)
    for name in named:
        path = ROOT / name
        assert path.exists(), name
        for file in path.rglob("*") if path.is_dir() else [path]:
            parts = file.relative_to(ROOT).parts
            if file.is_file() and not any(fnmatch(part, mask) for part in parts for mask in never):
                yield file


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The image's /app, as `COPY . .` makes it."""
    app = tmp_path_factory.mktemp("app")
    for file in context((ROOT / ".dockerignore").read_text()):
        place = app / file.relative_to(ROOT)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(file.read_bytes())
    return app


def test_the_context_holds_no_secret_no_test_and_no_history(image: Path) -> None:
    there = {path.name for path in image.iterdir()}
    assert there & {".env", ".secrets", ".git", ".venv", "tests", "docs", "bench", ".gamewax"} == set()


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [["--help"], ["migrate"], ["simulate", "--print", "--events", "9"], ["doctor"]],
)
def test_commands_and_flows_start_with_what_the_image_holds(words: list[str], image: Path) -> None:
    away = f"127.0.0.1:{free_port()}"
    where = {"GAMEWAX_KAFKA__BOOTSTRAP_SERVERS": away, "GAMEWAX_CLICKHOUSE__URL": f"http://{away}"}
    modules = [f"flows.{name}" for name in FLOWS] if words == ["--help"] else []
    ended = subprocess.run(
        [sys.executable, "-c", STARTS.format(left_out=set(MODULES), modules=modules, words=words)],
        cwd=image,
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", **where},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == (0 if words[0] in {"--help", "simulate"} else 2), ended.stderr
    assert "ModuleNotFoundError" not in ended.stdout + ended.stderr


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)])
def test_the_health_check_is_what_healthz_says(
    status: int, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    class Flow(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(f"{self.path} {status}\n".encode())

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    with http.server.HTTPServer(("127.0.0.1", 0), Flow) as server:
        thread = Thread(target=server.handle_request)
        thread.start()
        assert healthy(str(server.server_port)) == code
        thread.join()
    assert capsys.readouterr().out == f"/healthz {status}\n"
    assert healthy(str(free_port())) == 1


def parked(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "compose/park.py", *words], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )


def test_an_end_that_is_nobodys_turn_is_passed_on() -> None:
    with parked("run", "nobody") as ended:
        assert ended.wait(60) == 2
        assert ended.stderr
        assert re.match("gamewax: there is no flow 'nobody'", ended.stderr.read())


def test_exit_code_3_waits_for_an_operator_until_it_is_stopped(tmp_path: Path) -> None:
    script = (ROOT / "compose/park.py").read_text()
    refused = tmp_path / "park.py"
    refused.write_text(script.replace('"-m", "cli"', '"-c", "raise SystemExit(3)"'))
    with subprocess.Popen([sys.executable, str(refused)], stderr=subprocess.PIPE, text=True) as waiting:
        assert waiting.stderr
        assert waiting.stderr.readline() == "gamewax: waiting for an operator: the line above says why\n"
        assert waiting.poll() is None
        waiting.send_signal(signal.SIGTERM)
        assert waiting.wait(30) == 3


def test_a_signal_goes_on_to_the_program_and_its_end_is_passed_on(tmp_path: Path) -> None:
    script = (ROOT / "compose/park.py").read_text()
    hears = "s.signal(15, lambda *_: os._exit(7))"
    program = f"import os, signal as s; {hears}; os.write(2, bytes([10])); s.pause()"
    child = tmp_path / "park.py"
    child.write_text(script.replace('"-m", "cli"', f'"-c", "{program}"'))
    with subprocess.Popen([sys.executable, str(child)], stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr
        assert running.stderr.readline() == "\n"
        running.send_signal(signal.SIGTERM)
        assert running.wait(30) == 7
