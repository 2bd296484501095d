"""The command line: one table of commands, and the only place that turns errors into exit codes.

0 right, 1 telemetry faults found, 2 wrong usage or settings, 3 broker unreachable or refused, 70 a fault of ours,
130 interrupted before there was anything to say.
"""

import importlib
import os
import sys
from typing import Any

import rich_click as click
from click.exceptions import Exit

from floorsense import __version__
from floorsense.errors import FloorsenseError

# name: (module, what it does)
COMMANDS = {
    "bench": ("floorsense.commands.bench", "A broker and simulated boards, checked live, with a verdict."),
    "check": ("floorsense.commands.check", "Listen to telemetry at a broker and say whether it is right."),
    "setup": ("floorsense.commands.setup", "Fetch and find what the bench needs."),
}


class _Commands(click.RichGroup):
    """Imports a command when it is asked for: `floorsense --help` loads none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        found: click.Command = importlib.import_module(COMMANDS[cmd_name][0]).command
        return found


@click.command(cls=_Commands, help="Simulate, check and look after factory sensor boards.")
@click.version_option(__version__, prog_name="floorsense")
def group() -> None:
    pass


def main(arguments: list[str] | None = None) -> Any:
    """Run one command and exit with its code."""
    try:
        sys.exit(group.main(args=arguments, prog_name="floorsense", standalone_mode=False) or 0)
    except Exit as done:
        sys.exit(done.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except FloorsenseError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read our output has left; so do we, without a second error from the closing of stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except Exception as error:
        if os.environ.get("FLOORSENSE_DEBUG"):
            raise
        text = f"{type(error).__name__}: {error}"
        print(f"error: a fault of floorsense's own ({text}); FLOORSENSE_DEBUG=1 shows where", file=sys.stderr)
        sys.exit(70)
