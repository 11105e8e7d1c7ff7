"""Writes `docs/reference.md` from the code: `python -m docs.reference`; a test compares the two.

In: the commands (typer), the settings (pydantic), the topics (`topics.registry`) and the tables
(`sinks/ddl`). Rules: nothing is told here that the code does not say, so the page cannot grow stale.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from typer import Context
from typer._click.core import Command
from typer.core import TyperGroup
from typer.main import get_command

from cli.app import app
from docs.tables import tables
from flows.registry import FLOWS
from settings import Settings
from topics.fields import Kind, fields_of
from topics.registry import TOPICS
from topics.rejects import Reason

PAGE = Path(__file__).with_name("reference.md")
HEAD = """# Reference

Written by `python -m docs.reference` from the code itself; a test fails when the two differ.
"""
TAKES = {
    Kind.KEY: "string or integer, not empty",
    Kind.ID: "string or integer",
    Kind.TEXT: "string",
    Kind.WHOLE: "integer of 64 bits",
    Kind.NUMBER: "number below 10^12",
    Kind.MONEY: "number or string that holds one, from 0 to below 10^12, at most 4 decimals",
    Kind.TIME: "RFC 3339 text with an offset, or integer epoch milliseconds",
    Kind.FLAG: "`true` or `false`",
    Kind.ANY: "any JSON; what is no string is kept as written",
}


def page() -> str:
    """Give the whole page as Markdown."""
    parts = [HEAD, *commands(), *settings(), *topics(), *flows(), *columns()]
    return "\n".join(parts)


def commands() -> Iterator[str]:
    """Tell of every command with its arguments and options."""
    yield "## Commands\n"
    for words, command in walk("./gamewax", get_command(app)):
        yield f"### `{words}`\n\n{(command.help or '').strip()}\n"
        context = Context(command)
        records = [record for param in command.params if (record := param.get_help_record(context))]
        if records:
            yield "| argument or option | meaning |\n|---|---|"
            yield "\n".join(f"| `{name}` | {cell(meaning)} |" for name, meaning in records) + "\n"


def settings() -> Iterator[str]:
    """Tell of every setting: its variable, its default, its meaning."""
    yield "## Settings\n"
    yield (
        "Environment variables, or the same names in a file `.env` in the project's folder. A password may\n"
        "also be given as a file: the same name with `_FILE` at its end.\n"
    )
    yield "| variable | default | meaning |\n|---|---|---|"
    yield "\n".join(
        f"| `{name}` | {shown(field)} | {cell(field.description or '')} |" for name, field in variables()
    )
    yield (
        "\nTwo more are read by the launcher alone: `GAMEWAX_PYTHON` names the Python that makes `.venv`, "
        "and `GAMEWAX_CWD` is set by it for the program.\n"
    )


def topics() -> Iterator[str]:
    """Tell of every topic, and of the fields of those that are decoded."""
    yield "## Topics\n\nWhat each field means: [data dictionary](data-dictionary.md).\n"
    yield "| topic | key | time | kept | a message without a value |\n|---|---|---|---|---|"
    for topic in TOPICS.values():
        kept = "for ever" if topic.kept_for_ever else "as Kafka is told"
        kept = "the last of each key" if topic.compacted else kept
        empty = "deletes its key" if topic.tombstone_deletes or topic.compacted else "is a dead letter"
        yield f"| `{topic.name}` | {topic.key} | {topic.time or 'that of Kafka'} | {kept} | {empty} |"
    for topic in TOPICS.values():
        if topic.event is None:
            continue
        yield f"\n### Fields of `{topic.name}`\n\n| field | takes | must be there |\n|---|---|---|"
        needs = fields_of(topic.event).needs
        for field in fields_of(topic.event).all:
            some = needs is not None and field.name in needs.fields
            must = "yes" if field.required else "for some events" if some else ""
            yield f"| `{field.name}` | {TAKES[field.kind]} | {must} |"
    yield f"\nReasons of dead letters: {', '.join(f'`{reason}`' for reason in Reason)}.\n"


def flows() -> Iterator[str]:
    """Tell of every flow."""
    yield "## Flows\n"
    yield "\n".join(f"- `{name}`: {meaning}" for name, meaning in FLOWS.items()) + "\n"


def columns() -> Iterator[str]:
    """Tell of every table that readers see, and its columns."""
    yield "## Tables\n\nRead them with a plain `SELECT`; times are UTC.\n"
    for table in tables():
        yield f"### `{table.name}`\n\n{table.meaning}\n\n| column | type |\n|---|---|"
        yield "\n".join(f"| `{name}` | {kind} |" for name, kind in table.columns.items()) + "\n"


def walk(words: str, command: Command) -> Iterator[tuple[str, Command]]:
    """Give every command under a group with the words that call it."""
    if not isinstance(command, TyperGroup):
        yield words, command
        return
    for word, below in command.commands.items():
        yield from walk(f"{words} {word}", below)


def cell(text: str) -> str:
    """Make a text fit into one cell of a table."""
    return " ".join(text.split()).replace("\\[", "[").replace("|", "\\|")


def variables(model: type[BaseModel] = Settings, prefix: str = "GAMEWAX_") -> Iterator[tuple[str, FieldInfo]]:
    """Give every environment variable with the field that it sets."""
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from variables(inner, f"{prefix}{name.upper()}__")
        else:
            yield prefix + name.upper(), field


def shown(field: FieldInfo) -> str:
    """Give a default as one would write it; nothing for an empty one."""
    default = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(default, SecretStr):
        default = default.get_secret_value()
    if isinstance(default, bool):
        default = str(default).lower()
    return f"`{default}`" if default or default == 0 else ""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
