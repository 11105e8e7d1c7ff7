"""`gamewax doctor`, settings: every one with its value and where it comes from, secrets hidden.

Rules: what might be a secret is hidden: passwords, and of Kafka's options everything that is not
known to be harmless. A `GAMEWAX_…` variable that is no setting is told, since nobody else would.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping

from pydantic import BaseModel, SecretStr

import settings
from cli.doctor_lines import HIDDEN, Line, hide, ok, warn

LAUNCHERS = {"GAMEWAX_PYTHON", "GAMEWAX_CWD"}
SECRET_OPTION = re.compile(r"password|secret|token|passphrase|pem|jaas|assertion|credential")
HARMLESS_OPTION = re.compile(
    r"security\.protocol|sasl\.mechanisms?|sasl\.username|sasl\.kerberos\..*|client\.(id|rack)|debug"
    r"|.*\.location|broker\.address\.family|compression\..*|acks|isolation\.level|partitioner"
)


def look_at_settings(at: settings.Settings, given: Mapping[str, str]) -> Iterator[Line]:
    """Tell every setting; then the variables that are none."""
    known = dict(variables(at))
    for name, value in known.items():
        yield ok(name, f"{shown(name, value)}  ({origin(name, given)})")
    read = {*known, *(f"{name}_FILE" for name, value in known.items() if isinstance(value, SecretStr))}
    whole = {f"GAMEWAX_{group.upper()}" for group in type(at).model_fields}
    for name in sorted(given.keys() - read - whole - LAUNCHERS):
        if not name.startswith("GAMEWAX_KAFKA__OPTIONS__"):
            near = difflib.get_close_matches(name, known, 1, 0.8)
            meant = f"did you mean {near[0]}?" if near else "all settings: docs/reference.md"
            yield warn(name, f"is set ({given[name]}) and is no setting", meant)


def variables(model: BaseModel, prefix: str = "GAMEWAX_") -> Iterator[tuple[str, object]]:
    """Give the name of each environment variable with the value that holds."""
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            yield from variables(value, f"{prefix}{name.upper()}__")
        else:
            yield prefix + name.upper(), value


def shown(name: str, value: object) -> str:
    """Give a value as it may be seen."""
    if isinstance(value, SecretStr):
        return HIDDEN if value.get_secret_value() else "none"
    if name == "GAMEWAX_KAFKA__OPTIONS" and isinstance(value, dict):
        seen = {option: given if is_harmless(option, given) else HIDDEN for option, given in value.items()}
        return json.dumps(seen)
    if isinstance(value, bool):
        return str(value).lower()
    return hide((), str(value)) if value not in {None, ""} else "none"


def is_harmless(option: str, value: object) -> bool:
    """Tell whether the value of a librdkafka option may be seen: when in doubt it may not."""
    if SECRET_OPTION.search(option):
        return False
    return not isinstance(value, str) or HARMLESS_OPTION.fullmatch(option) is not None


def origin(name: str, given: Mapping[str, str]) -> str:
    """Say where a setting's value comes from."""
    if f"{name}_FILE" in given:
        return f"a file, by {given[f'{name}_FILE']}"
    whole = name.split("__", maxsplit=1)[0]
    inside = (place for set_name, place in given.items() if set_name.startswith(f"{name}__"))
    return given.get(name) or given.get(whole) or next(inside, "default")


def secrets_of(at: settings.Settings) -> Iterable[str]:
    """Give every text that must not be seen."""
    for _, value in variables(at):
        if isinstance(value, SecretStr):
            yield value.get_secret_value()
    for option, value in at.kafka.options.items():
        if not is_harmless(option, value):
            yield str(value)
