"""The operator's file of webhook endpoints, as YAML: read, checked, told in which line and field it is wrong.

Rules: YAML's plain values only, no aliases, no name twice, no unknown field. Secrets stand in the file or in
files of their own; an error never repeats one. A path in the file is meant from the file's folder.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from sinks.webhook_endpoints import AT_ONCE, Endpoint, Wanted
from sinks.webhook_signature import Secret, read_secret
from sinks.webhook_url import Reach, read_url
from topics.errors import BadInput
from topics.message_kinds import KINDS, is_of

LONGEST = 1 << 20  # bytes of the file
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
DECISIONS = frozenset({"allow", "review", "block", "warning", "critical"})  # of alerts; of incidents
MOST_SECRETS = 2
DEEPEST = 8  # collections within each other
MOST_AT_ONCE = 64
FIELDS = (
    "url", "secret", "secret_file", "kinds", "rules", "least_score", "decisions", "at_once", "http",
    "loopback", "ca_file",
)  # fmt: skip
BOOLEANS = {"true": True, "false": False}
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Read:
    """The endpoints of a file, and all the files that they were read from."""

    endpoints: tuple[Endpoint, ...] = ()
    files: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the file we are: for errors."""

    file: Path
    node: Node
    field: str

    def wrong(self, what: str) -> BadInput:
        """Make the error that names the place."""
        return BadInput(f"{self.file}, line {self.node.start_mark.line + 1}: {self.field}: {what}")


def read_file(file: Path, ports: Iterable[int] = ()) -> Read:
    """Read the endpoints of a file; `ports` are allowed besides the usual ones.

    Raises:
        BadInput: it cannot be read, or something in it is wrong.

    """
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise BadInput(f"cannot read the webhook endpoints {file}: {error.strerror}") from error
    root = _parsed(raw, file)
    if root is None:
        return Read((), (file,))
    top = Place(file, root, "endpoints")
    named = [Place(file, node, "endpoints") for _, node in _fields(top, root, ("endpoints",))]
    if not named:
        raise top.wrong("is missing: the file begins with `endpoints:`")
    found = [_endpoint(place, frozenset(ports)) for place in _named(named[0])]
    used = dict.fromkeys([file, *(path for _, paths in found for path in paths)])
    return Read(tuple(endpoint for endpoint, _ in found), tuple(used))


def _parsed(raw: bytes, file: Path) -> Node | None:
    if len(raw) > LONGEST:
        raise BadInput(f"{file} has {len(raw):,} bytes; a file of endpoints has at most {LONGEST:,}")
    try:
        _screen(raw, file)
        return yaml.compose(raw, yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise BadInput(f"{file}, line {line}: this is no YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise BadInput(f"{file} is no YAML: {error.__class__.__name__}") from error


def _screen(raw: bytes, file: Path) -> None:
    """Look at the parts of the file before it is put together.

    Raises:
        BadInput: something stands for something else, or too much inside something else.

    """
    depth = 0
    for event in yaml.parse(raw, yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent) or depth > DEEPEST:
            line = event.start_mark.line + 1 if event.start_mark else 1
            raise BadInput(f"{file}, line {line}: aliases, and lists in lists in lists, are not allowed here")


def _named(endpoints: Place) -> Iterator[Place]:
    """Give each endpoint by name."""
    if isinstance(endpoints.node, ScalarNode) and endpoints.node.tag.endswith(":null"):
        return
    for name, node in _fields(endpoints, endpoints.node):
        place = Place(endpoints.file, node, f"endpoints.{name}")
        if not NAME.fullmatch(name):
            raise place.wrong("a name has small letters, digits, - and _, at most 63")
        yield place


def _fields(place: Place, node: Node, known: tuple[str, ...] = ()) -> Iterator[tuple[str, Node]]:
    """Give the fields of a mapping; `known` are all that it may have."""
    if not isinstance(node, MappingNode):
        raise place.wrong("must be a mapping (name: value)")
    seen = set[str]()
    for key, value in node.value:
        name = str(key.value) if isinstance(key, ScalarNode) else "?"
        at = Place(place.file, key, place.field if not known else f"{place.field}.{name}")
        if name in seen:
            raise at.wrong(f"{name} stands here twice")
        if known and name not in known:
            raise at.wrong(f"there is no such field; there are: {', '.join(known)}")
        seen.add(name)
        yield name, value


def _endpoint(place: Place, ports: frozenset[int]) -> tuple[Endpoint, tuple[Path, ...]]:
    """Read one endpoint, and tell which other files it names."""
    given = {
        name: Place(place.file, node, f"{place.field}.{name}")
        for name, node in _fields(place, place.node, FIELDS)
    }
    if "url" not in given:
        raise place.wrong("url is missing")
    reach = Reach(_flag(given.get("http")), _flag(given.get("loopback")), ports)
    secrets, files = _secrets(place, given.get("secret"), given.get("secret_file"))
    authorities = [_path(place.file, text) for text in _texts(given.get("ca_file"))[:1]]
    endpoint = Endpoint(
        name=place.field.removeprefix("endpoints."),
        target=_told(given["url"], lambda text: read_url(text, reach)),
        secrets=secrets,
        wanted=Wanted(
            frozenset(_texts(given.get("rules"))),
            _score(given.get("least_score")),
            _decisions(given.get("decisions")),
            _kinds(given.get("kinds")),
        ),
        reach=reach,
        at_once=_at_once(given.get("at_once")),
        ca_file=next(iter(authorities), None),
    )
    return endpoint, (*files, *authorities)


def _secrets(
    place: Place, inline: Place | None, in_files: Place | None
) -> tuple[tuple[Secret, ...], tuple[Path, ...]]:
    texts = _texts(inline)
    files = tuple(_path(place.file, text) for text in _texts(in_files))
    where = inline or in_files or place
    try:
        texts += [path.read_text(encoding="utf-8") for path in files]
        secrets = tuple(read_secret(text) for text in texts)
    except (OSError, UnicodeDecodeError) as error:
        raise where.wrong(f"cannot be read: {error}") from error
    except BadInput as error:
        raise where.wrong(str(error)) from error
    if not 1 <= len(secrets) <= MOST_SECRETS:
        raise where.wrong(f"needs secret or secret_file, one or (while it changes) {MOST_SECRETS}")
    return secrets, files


def _path(file: Path, text: str) -> Path:
    return file.parent / Path(text).expanduser()


def _told(place: Place, read: Callable[[str], Value]) -> Value:
    """Read a text; what is wrong with it is said with its place."""
    try:
        return read(_text(place))
    except BadInput as error:
        raise place.wrong(str(error)) from error


def _text(place: Place) -> str:
    if not isinstance(place.node, ScalarNode) or place.node.tag.endswith(":null"):
        raise place.wrong("must be a text")
    return str(place.node.value)


def _texts(place: Place | None) -> list[str]:
    """Read a text or a list of texts."""
    if place is None:
        return []
    nodes = place.node.value if isinstance(place.node, SequenceNode) else [place.node]
    return [_text(Place(place.file, node, place.field)) for node in nodes]


def _flag(place: Place | None) -> bool:
    if place is None:
        return False
    text = _text(place)
    if text not in BOOLEANS:
        raise place.wrong("must be true or false")
    return BOOLEANS[text]


def _score(place: Place | None) -> float:
    if place is None:
        return 0.0
    try:
        score = float(_text(place))
    except ValueError:
        score = float("nan")
    if not 0 <= score <= 1:
        raise place.wrong("must be a number from 0 to 1")
    return score


def _at_once(place: Place | None) -> int:
    text = _text(place) if place else str(AT_ONCE)
    if place and not (re.fullmatch(r"\d{1,3}", text, re.ASCII) and 1 <= int(text) <= MOST_AT_ONCE):
        raise place.wrong(f"must be a whole number from 1 to {MOST_AT_ONCE}")
    return int(text)


def _decisions(place: Place | None) -> frozenset[str]:
    named = frozenset(_texts(place))
    if place is not None and (wrong := named - DECISIONS):
        raise place.wrong(f"there is no decision {min(wrong)!r}; there are: {', '.join(sorted(DECISIONS))}")
    return named


def _kinds(place: Place | None) -> frozenset[str]:
    """Read kinds of messages, or what they begin with; each must be that of some message."""
    wanted = _texts(place)
    for name in wanted:
        if place is not None and not any(is_of(kind, name) for kind in KINDS):
            raise place.wrong(f"there is no kind {name!r}; there are: fraud.*, server.*, {', '.join(KINDS)}")
    return frozenset(wanted)
