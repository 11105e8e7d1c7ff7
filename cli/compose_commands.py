"""Rules of docker-compose.yml about what its services run: commands of ours, and every flow."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from cli.compose_stack import Stack
from flows.registry import FLOWS

OUR_PROGRAM = ["python", "-m", "cli"]
PARKED = ["python", "compose/park.py"]  # hands its words on to the program
SETS_SHELL = ["/bin/sh", "-euc"]


def commands_exist(stack: Stack) -> Iterator[str]:
    """Every command of our image is one of our command line, with options that it has."""
    for name, service in stack.services.items():
        if service.is_ours:
            for words in commands_of(service.entrypoint, service.command):
                wrong = what_is_wrong(words)
                if wrong:
                    yield f"{name} runs {' '.join(words)}: {wrong}"


def commands_of(entrypoint: Sequence[str], command: Sequence[str]) -> Iterator[list[str]]:
    """Give the words after `./gamewax` of all that a service runs."""
    if not entrypoint or list(entrypoint) == PARKED:
        yield list(command)
    elif list(entrypoint) == SETS_SHELL and len(command) == 1:
        for line in command[0].split(";"):
            words = shlex.split(line.strip().removeprefix("exec "))
            yield words[len(OUR_PROGRAM) :] if words[: len(OUR_PROGRAM)] == OUR_PROGRAM else words
    else:
        yield list(entrypoint)


def what_is_wrong(words: Sequence[str]) -> str:
    """Say why a command line would be refused; empty when it would not."""
    from typer.core import TyperGroup
    from typer.main import get_command

    from cli.app import app

    command, rest = get_command(app), list(words)
    while isinstance(command, TyperGroup):
        if not rest or rest[0] not in command.commands:
            return f"there is no command {rest[0] if rest else ''!r}"
        command = command.commands[rest.pop(0)]
    known = {spelling for param in command.params for spelling in param.opts}
    unknown = [word for word in rest if word.startswith("--") and word not in known]
    if unknown:
        return f"there is no option {unknown[0]}"
    return "" if words[0] != "run" else _not_flows([word for word in rest if not word.startswith("--")])


def _not_flows(names: Sequence[str]) -> str:
    strange = [name for name in names if name not in FLOWS]
    return f"there is no flow {strange[0]}" if strange else "" if names else "which flow?"


def every_flow_has_a_service(stack: Stack) -> Iterator[str]:
    """Every flow of the registry runs, each in a service of its name."""
    for flow in FLOWS:
        service = stack.services.get(flow)
        if service is None or service.command[:2] != ["run", flow]:
            yield f"flow {flow} has no service: add `{flow}: {{<<: *flow, command: [run, {flow}]}}`"
