"""`./gamewax run FLOW --from-files`: what the options must be, and the flow that they make."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from cli.supervise import Flow
from topics.errors import BadInput


def files_flow(flows: Sequence[str], globs: Sequence[str], as_of: str, topic: str) -> Flow:
    """Give the one flow that reads files, with its settings.

    Raises:
        BadInput: an option is wrong, or a pattern finds nothing that can be read.

    """
    from flows.from_files import check_topic
    from settings import from_caller
    from sources.file_set import find

    if len(flows) != 1:
        raise BadInput("--from-files is for one flow at a time")
    find([str(from_caller(pattern)) for pattern in globs])
    check_topic(flows[0], topic)
    given = {"GLOBS": json.dumps([str(from_caller(pattern)) for pattern in globs]), "TOPIC": topic}
    if as_of:
        given["AS_OF"] = moment(as_of).isoformat()
    return Flow(
        flows[0],
        1,
        drain=True,
        once=True,
        settings={f"GAMEWAX_FILES__{name}": of for name, of in given.items()},
    )


def moment(text: str) -> datetime:
    """Read what `--as-of` says.

    Raises:
        BadInput: it is no time with an offset.

    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInput(f"--as-of must be a time like 2026-01-01T00:00:00Z, not {text!r}") from error
    if moment.tzinfo is None:
        raise BadInput(f"--as-of {text!r} needs an offset: add Z for UTC")
    return moment
