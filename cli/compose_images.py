"""What must hold of our Dockerfiles: pinned, hash-checked, nothing fetched past the registries, not root.

In: their text. Out: the ways in which a rule is broken. Rules: instructions are read whole, with their
continued lines; `tests/test_dockerfile.py` breaks every rule once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

APP, GRAFANA = Path("Dockerfile"), Path("compose/grafana/Dockerfile")
PINNED = re.compile(r"[\w./-]+:\d+\.\d+\.\d+(-[\w.-]+)?(@sha256:[0-9a-f]{64})?")
NOT_ROOT = re.compile(r"[1-9]\d*(:\d+)?")
FETCHES = re.compile(r"\b(curl|wget|git clone)\b|https?://")
BUILDS = re.compile(r"\b(apt-get|apk|gcc|build-essential|pip)\b")
CHECKED = ("--require-hashes", "--no-deps", "--only-binary :all:")
PLUGIN = re.compile(r"plugins install grafana-clickhouse-datasource \d+\.\d+\.\d+\b")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction; `stage` counts from 0."""

    stage: int
    word: str
    text: str


Image = tuple[Instruction, ...]
ImageRule = Callable[[Image], Iterator[str]]


def read_image(text: str) -> Image:
    """Read a Dockerfile's instructions."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    whole = re.sub(r"\\\n\s*", "", "\n".join(lines))
    found, stage = [], -1
    for line in filter(None, map(str.strip, whole.splitlines())):
        word, _, rest = line.partition(" ")
        stage += word.upper() == "FROM"
        found.append(Instruction(stage, word.upper(), rest.strip()))
    return tuple(found)


def every_base_is_pinned(image: Image) -> Iterator[str]:
    """Each stage begins with an exact version, or with an earlier stage."""
    stages: set[str] = set()
    for base in (step.text for step in image if step.word == "FROM"):
        source, _, name = base.partition(" AS ")
        if source not in stages and not PINNED.fullmatch(source):
            yield f"FROM {base} is not pinned"
        stages.add(name)


def the_last_user_is_not_root(image: Image) -> Iterator[str]:
    """The process runs as a number that is not 0."""
    users = [step.text for step in image if step.word == "USER" and step.stage == last(image)]
    if not users or not NOT_ROOT.fullmatch(users[-1]):
        yield f"it runs as {users[-1] if users else 'root'}"


def nothing_comes_past_the_registries(image: Image) -> Iterator[str]:
    """No ADD, no download."""
    for step in image:
        if step.word == "ADD" or (step.word == "RUN" and FETCHES.search(step.text)):
            yield f"{step.word} {step.text}"


def packages_are_checked_by_their_hashes(image: Image) -> Iterator[str]:
    """Packages are wheels of the lock, each with its hash; installed in a stage before the last."""
    installs = [step for step in image if "pip install" in step.text]
    if not installs:
        yield "no packages are installed from the lock"
    for step in installs:
        missing = [
            word for word in ("--require-hashes", "--no-deps", "--only-binary :all:") if word not in step.text
        ]
        yield from (f"pip install without {word}" for word in missing)


def the_last_stage_builds_nothing(image: Image) -> Iterator[str]:
    """The image that runs has no compilers, package managers' work or earlier stages' leftovers."""
    if last(image) < 1:
        yield "it has one stage only"
    for step in image:
        if step.stage == last(image) and step.word == "RUN" and BUILDS.search(step.text):
            yield f"the last stage runs {step.text}"


def it_says_how_it_runs(image: Image) -> Iterator[str]:
    """Health check, stop signal, labels and a start without a shell are there."""
    there = {step.word: step.text for step in image if step.stage == last(image)}
    wanted = {"HEALTHCHECK", "STOPSIGNAL", "LABEL", "ENTRYPOINT"}
    yield from (f"it has no {word}" for word in sorted(wanted - there.keys()))
    if not there.get("ENTRYPOINT", "[").startswith("["):
        yield "its ENTRYPOINT is a shell's, which passes no signal on"


def the_plugin_is_pinned(image: Image) -> Iterator[str]:
    """The ClickHouse plugin is an exact version."""
    if not any(step.word == "RUN" and PLUGIN.search(step.text) for step in image):
        yield "the ClickHouse plugin is not pinned"


EVERY_IMAGE: tuple[ImageRule, ...] = (
    every_base_is_pinned,
    the_last_user_is_not_root,
    nothing_comes_past_the_registries,
)
OF_APP: tuple[ImageRule, ...] = (
    *EVERY_IMAGE,
    packages_are_checked_by_their_hashes,
    the_last_stage_builds_nothing,
    it_says_how_it_runs,
)
OF_GRAFANA: tuple[ImageRule, ...] = (*EVERY_IMAGE, the_plugin_is_pinned)


def broken_in_images(root: Path) -> Iterator[str]:
    """Give every way in which a Dockerfile breaks a rule, and what of the context should not be there."""
    for path, rules in ((APP, OF_APP), (GRAFANA, OF_GRAFANA)):
        image = read_image((root / path).read_text(encoding="utf-8"))
        yield from (f"{path}: {rule.__name__}: {what}" for rule in rules for what in rule(image))
    ignored = (root / ".dockerignore").read_text(encoding="utf-8").splitlines()
    if next((line for line in ignored if line and not line.startswith("#")), "") != "*":
        yield ".dockerignore: it must begin with * and name what the image needs"


def last(image: Image) -> int:
    """Give the number of the last stage."""
    return max((step.stage for step in image), default=0)
