"""The launcher on small projects of its own: real Python, real pip, a real wheel, no network."""

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

LAUNCHER = Path(__file__).parents[1] / "gamewax"
PYTHON = str(Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}")
SAYS = "import os, sys, tiny; print(tiny.WORD, os.environ['GAMEWAX_CWD'], os.getcwd(), *sys.argv[1:])"
TOOLS = ["sh", "dirname", "readlink", "sha256sum", "cut", "grep", "tail", "tee", "cat", "rm", "awk"]
WITHOUT_PYTHON = (
    "needs Python 3.11 or 3.12, which was not found; "
    "install one, or name it: GAMEWAX_PYTHON=/path/to/python3.12"
)
pytestmark = pytest.mark.slow


class Project:
    """A project folder whose lock pins one wheel, `tiny`, which lies beside it."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "project with space"
        (self.root / "cli").mkdir(parents=True)
        (self.root / "cli" / "__main__.py").write_text(SAYS)
        self.launcher = Path(shutil.copy(LAUNCHER, self.root))
        self.wheels = folder / "wheels"
        self.wheels.mkdir()
        digest = hashlib.sha256(make_wheel(self.wheels).read_bytes()).hexdigest()
        self.lock(digest)

    def lock(self, digest: str, comment: str = "") -> None:
        (self.root / "requirements.lock").write_text(f"{comment}\ntiny==1.0 --hash=sha256:{digest}\n")

    def start(
        self, *words: str, launcher: Path | None = None, env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.wheels), "GAMEWAX_PYTHON": PYTHON}
        return subprocess.Popen(
            [str(launcher or self.launcher), *words],
            cwd=self.wheels,
            env=os.environ | offline | dict(env or {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(
        self, *words: str, launcher: Path | None = None, env: Mapping[str, str] | None = None
    ) -> tuple[int, str, str]:
        with self.start(*words, launcher=launcher, env=env) as process:
            out, err = process.communicate(timeout=240)
        return process.returncode, out, err

    def answer(self, *words: str) -> str:
        return " ".join(["ready", str(self.wheels), str(self.root), *words]) + "\n"


def make_wheel(folder: Path) -> Path:
    wheel = folder / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as files:
        files.writestr("tiny.py", "WORD = 'ready'\n")
        files.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        files.writestr(
            "tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        files.writestr("tiny-1.0.dist-info/RECORD", "")
    return wheel


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_the_first_run_installs_and_the_next_ones_do_not(project: Project, tmp_path: Path) -> None:
    code, out, err = project.run("a b", "c")
    assert (code, out) == (0, project.answer("a b", "c"))
    assert err.startswith("gamewax: first run with this requirements.lock: installing")
    link = tmp_path / "linked"
    link.symlink_to(project.launcher)
    assert project.run(launcher=link) == (0, project.answer(), "")


def test_a_changed_lock_installs_again(project: Project) -> None:
    project.run()
    lock = project.root / "requirements.lock"
    lock.write_text("# changed\n" + lock.read_text())
    assert "installing" in project.run()[2]


def test_an_interrupted_install_is_done_again(project: Project) -> None:
    project.run()
    (stamp,) = (project.root / ".venv").glob(".gamewax-*")
    stamp.unlink()
    shutil.rmtree(next((project.root / ".venv" / "lib").iterdir()))
    code, out, err = project.run()
    assert (code, out, "installing" in err) == (0, project.answer(), True)


def test_two_first_runs_at_once_install_once(project: Project) -> None:
    both = [project.start("one"), project.start("two")]
    told = [process.communicate(timeout=240) for process in both]
    assert [out for out, _ in told] == [project.answer("one"), project.answer("two")]
    assert sorted("installing" in err for _, err in told) == [False, True]


def test_a_package_with_other_bytes_is_refused(project: Project) -> None:
    project.lock("0" * 64)
    code, out, err = project.run()
    assert (code, out) == (1, "")
    assert "not the one that requirements.lock pins" in err.splitlines()[-1]


def test_without_network_the_line_says_that_it_is_needed(project: Project) -> None:
    away = {
        "PIP_NO_INDEX": "0",
        "PIP_FIND_LINKS": "",
        "PIP_INDEX_URL": "http://127.0.0.1:9/",
        "PIP_RETRIES": "0",
    }
    code, out, err = project.run(env=away)
    assert (code, out) == (1, "")
    assert "the first run needs the network" in err.splitlines()[-1]


def test_without_a_right_python_the_line_says_which(project: Project, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in TOOLS:
        (tools / name).symlink_to(str(shutil.which(name)))
    (tools / "python3.12").write_text("#!/bin/sh\nexit 127\n")
    (tools / "python3.12").chmod(0o755)
    assert project.run(env={"GAMEWAX_PYTHON": "", "PATH": str(tools)}) == (
        2,
        "",
        f"gamewax: {WITHOUT_PYTHON}\n",
    )


def test_a_python_without_venv_names_debians_package(project: Project, tmp_path: Path) -> None:
    (tmp_path / "ensurepip.py").write_text("raise ImportError\n")
    code, out, err = project.run(env={"PYTHONPATH": str(tmp_path)})
    assert (code, out) == (2, "")
    assert "has no venv module; on Debian or Ubuntu: apt-get install" in err
