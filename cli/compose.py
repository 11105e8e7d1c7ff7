"""`gamewax compose`: makes the secrets of docker-compose.yml, and checks the file against our rules.

In: the files of the repository. Out: `.env` and `.secrets/`, or a line for each rule that is broken.
Rules: it never talks to Docker.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from topics.errors import BadInput

app = typer.Typer(help="Prepare and check the full stack in containers.", rich_markup_mode="rich")

NEXT = """next:
  docker compose{given} up -d --build      Kafka, ClickHouse, Grafana and all flows
  docker compose{given} run --rm doctor    what is well and what is not
  Grafana: http://127.0.0.1:3000, user admin, password in {folder}/grafana_admin"""


@app.command()
def init(
    *,
    folder: Annotated[
        Path | None, typer.Option("--dir", metavar="DIR", help="Where to write \\[default: the project].")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Make new passwords where there are some.")] = False,
) -> None:
    """Write random passwords and .env for docker compose, once; says what to do next.

    What is there already is kept, unless --force is given. Lines of .env that are not ours always stay.
    """
    from cli.compose_secrets import Place, write, write_new
    from embedded.process import ROOT
    from settings import from_caller

    place = Place(from_caller(folder) if folder else ROOT, ROOT)
    (write if force else write_new)(place)
    print(f"wrote {place.env} and {place.secrets} (for your eyes only)")
    if force:
        print("Grafana keeps its old admin password: docs/compose.md says how to change it")
    given = "" if place.folder == ROOT else f" --env-file '{place.env}'"
    print(NEXT.format(given=given, folder=place.secrets))


@app.command()
def check() -> int:
    """Check docker-compose.yml, the Dockerfiles and what they mount against our rules, without Docker."""
    from cli.compose_images import broken_in_images
    from cli.compose_rules import RULES, broken
    from cli.compose_stack import read_stack
    from cli.compose_users import broken_in_users
    from embedded.process import ROOT

    stack = read_stack(ROOT)
    found = [*broken(stack), *broken_in_images(ROOT), *broken_in_users(ROOT)]
    for line in found:
        print(line)
    if found:
        print(f"FALLS SHORT {len(found)} rules are broken")
        return BadInput.exit_code
    print(f"OK {len(stack.services)} services keep {len(RULES)} rules; images and ClickHouse's users theirs")
    return 0
