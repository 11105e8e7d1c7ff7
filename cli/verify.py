"""`./gamewax verify`: proofs that anyone can run, each with an oracle that shares no code with the flows.

Rules: one command a file (`cli/verify_NAME.py`); a seed makes a run repeatable as far as it can be; the last
line of stdout is `OK …` or `FALLS SHORT …` with the figures, and the exit code says the same.
"""

from __future__ import annotations

import typer

from cli import verify_chaos, verify_outage, verify_poison, verify_simulate, verify_soak

app = typer.Typer(help="Prove it: kill, tear, flood and lie to the flows, and compare every number.")


@app.callback()
def verify() -> None:
    """Prove it: kill, tear, flood and lie to the flows, and compare every number."""


app.command("outage")(verify_outage.outage)
app.command("chaos")(verify_chaos.chaos)
app.command("soak")(verify_soak.soak)
app.command("poison")(verify_poison.poison)
app.command("simulate")(verify_simulate.simulate)
