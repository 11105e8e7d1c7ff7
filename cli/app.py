"""All commands, in the order and groups in which `./gamewax --help` teaches them.

Rules: adding a command is one line here. A command's file imports at its top only what `--help`
needs (typer, settings, errors); engines and clients are imported inside the command's function, so
that help stays fast.
"""

from __future__ import annotations

import typer

from cli import (
    backfill,
    bench,
    compose,
    deadletters,
    demo,
    detect,
    doctor,
    fraud,
    imports,
    migrate,
    rebuild,
    recover,
    rules,
    run,
    servers,
    services,
    simulate,
    slos,
    status,
    tail,
    test,
    topics,
    verify,
    webhooks,
)

INTRODUCTION = """Turns game events from Kafka into live tables in ClickHouse, exact under fire.

[bold]First steps[/bold]

  ./gamewax demo                        see it all run, live, with made-up players

  ./gamewax services start --detach     Kafka and ClickHouse on this machine

  eval "$(./gamewax services env)"      point this shell at them

  ./gamewax topics list                 what comes in

  ./gamewax test                        prove that everything works here
"""
EPILOG = (
    "Settings come from GAMEWAX_… variables or a .env file. "
    "Exit codes: 0 done, 1 our fault, 2 usage or configuration, 3 an operator must decide."
)

app = typer.Typer(
    help=INTRODUCTION,
    epilog=EPILOG,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)

START, SERVICES = "Start here", "Services, topics and tables"
FLOWS, PROOF = "Flows and traffic", "Proof"

app.command("demo", rich_help_panel=START)(demo.demo)
app.command("doctor", rich_help_panel=START)(doctor.doctor)
app.command("status", rich_help_panel=START)(status.status)
app.add_typer(services.app, name="services", rich_help_panel=SERVICES)
app.add_typer(topics.app, name="topics", rich_help_panel=SERVICES)
app.add_typer(compose.app, name="compose", rich_help_panel=SERVICES)
app.command("migrate", rich_help_panel=SERVICES)(migrate.migrate)
app.command("run", rich_help_panel=FLOWS)(run.run)
app.command("rebuild", rich_help_panel=FLOWS)(rebuild.rebuild)
app.command("backfill", rich_help_panel=FLOWS)(backfill.backfill)
app.command("recover", rich_help_panel=FLOWS)(recover.recover)
app.add_typer(imports.app, name="import", rich_help_panel=FLOWS)
app.add_typer(deadletters.app, name="deadletters", rich_help_panel=FLOWS)
app.add_typer(webhooks.app, name="webhooks", rich_help_panel=FLOWS)
app.add_typer(rules.app, name="rules", rich_help_panel=FLOWS)
app.add_typer(fraud.app, name="fraud", rich_help_panel=FLOWS)
app.add_typer(servers.app, name="servers", rich_help_panel=FLOWS)
app.add_typer(slos.app, name="slos", rich_help_panel=FLOWS)
app.command("detect", rich_help_panel=FLOWS)(detect.detect)
app.command("tail", rich_help_panel=FLOWS)(tail.tail)
app.command("simulate", rich_help_panel=FLOWS)(simulate.simulate)
app.command("bench", rich_help_panel=PROOF)(bench.bench)
app.add_typer(verify.app, name="verify", rich_help_panel=PROOF)
app.command("test", context_settings=test.PASS_ON, rich_help_panel=PROOF)(test.run_tests)
