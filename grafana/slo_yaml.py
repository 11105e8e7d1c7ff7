"""Objectives as people write them: a YAML file each in `grafana/slos`.

Rules: the text is only parsed, no tag makes an object. What is wrong is told with file and line, for all
files at once. A field that is not known, or stands twice, is wrong: a misspelt guard must not have no effect.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
import yaml
from yaml.nodes import MappingNode, Node

from grafana.slo import BURNS, Slo, unreachable
from topics.errors import BadInput

FOLDER = Path(__file__).parent / "slos"
PLACE = re.compile(r" - at `\$\.?(.*)`$")
BEGIN = "one objective as a mapping, such as `id: server_latency`; see docs/slos.md"


class _Wrong(ValueError):
    """What is wrong at a line of a text (from 1)."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(f"line {line}: {message}")


def read_slos() -> list[Slo]:
    """Read this project's objectives, in the order of their files' names.

    Raises:
        BadInput: a file cannot be read, or something in it is wrong.

    """
    slos, faults = read_all(own_files())
    if faults:
        raise BadInput("; ".join(faults))
    return slos


def own_files() -> list[Path]:
    """Give the files of this project's objectives."""
    return sorted(FOLDER.glob("*.yaml"))


def read_all(files: Iterable[Path]) -> tuple[list[Slo], list[str]]:
    """Give what files hold, and what is wrong in them."""
    slos: list[Slo] = []
    faults: list[str] = []
    for file in files:
        try:
            slo = parse(file.read_text(encoding="utf-8"))
        except OSError as error:
            faults.append(f"{file}: cannot be read: {error.strerror}")
        except ValueError as error:
            faults.append(f"{file}: {error}")
        else:
            faults += [f"{file}: another file has the id {slo.id}" for of in slos if of.id == slo.id]
            slos.append(slo)
    return slos, faults


def parse(text: str) -> Slo:
    """Read one objective.

    Raises:
        ValueError: what is wrong, and in which line.

    """
    root, content = _loaded(text)
    for node, name in twice(root):
        raise _Wrong(node.start_mark.line + 1, f"`{name}` stands twice")
    try:
        slo = msgspec.convert(content, Slo)
    except msgspec.ValidationError as error:
        raise _refused(str(error), root) from error
    if too_low := unreachable(slo):
        least = 100 - 100 / float(BURNS[0].rate)
        names = " and ".join(burn.name for burn in too_low)
        told = f"too low: {names} could not fire if all were bad; more than {least:.1f} is needed"
        raise _Wrong(_line(root, ["objective"]), f"`objective`: {told}")
    return slo


def _loaded(text: str) -> tuple[Node | None, object]:
    """Parse YAML: with its places, and as plain values."""
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader), yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        told = f"this is no YAML: {error.problem or error.context}"
        raise _Wrong(mark.line + 1 if mark else 1, told) from error
    except yaml.YAMLError as error:
        raise _Wrong(1, "this is no YAML: it has a character that no text has") from error


def _refused(said: str, root: Node | None) -> _Wrong:
    """Place what msgspec says."""
    place = PLACE.search(said)
    if place is None or not place[1]:
        return _Wrong(1, f"{PLACE.sub('', said)}; a file holds {BEGIN}")
    return _Wrong(_line(root, place[1].split(".")), f"`{place[1]}`: {PLACE.sub('', said)}")


def twice(node: Node | None) -> Iterator[tuple[Node, str]]:
    """Give the keys that stand twice in one mapping."""
    if isinstance(node, MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                yield key, key.value
            seen.add(str(key.value))
            yield from twice(value)


def _line(node: Node | None, names: list[str]) -> int:
    """Give the line (from 1) of what has these names, as deep as they are there."""
    line = 1
    for name in names:
        found = (
            [pair for pair in node.value if pair[0].value == name] if isinstance(node, MappingNode) else []
        )
        if not found:
            break
        line, node = found[0][0].start_mark.line + 1, found[0][1]
    return line
