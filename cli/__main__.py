"""`python -m cli`: runs one command; the one place where an error becomes a line and an exit code.

Rules: a person sees `gamewax: …` on stderr, never a traceback; that is for what we did not foresee.
"""

from __future__ import annotations

import sys

from typer import Abort, TyperException

from cli.app import app
from topics.errors import GamewaxError

CTRL_C = 130  # what a shell reports for a program ended by SIGINT


def main() -> int:
    """Run the command line's command and give its exit code."""
    try:
        code = app(sys.argv[1:] or ["--help"], prog_name="gamewax", standalone_mode=False)
    except GamewaxError as error:
        return complain(str(error), error.exit_code)
    except TyperException as error:
        context = getattr(error, "ctx", None)  # a usage error knows its command
        hint = f" (see ./{context.command_path} --help)" if context else ""
        return complain(error.format_message() + hint, error.exit_code)
    except (Abort, KeyboardInterrupt):
        return CTRL_C
    return code if isinstance(code, int) else 0


def complain(text: str, exit_code: int) -> int:
    """Say what is wrong in one line."""
    sys.stderr.write(f"gamewax: {' '.join(text.split())}\n")
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
