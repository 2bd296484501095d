"""The command line: one table of commands, and the only place that turns errors into exit codes.

0 right, 1 telemetry faults found, 2 wrong usage or settings, or a full disk, 3 broker unreachable or refused, 70 a fault of
ours, 130 interrupted before there was anything to say, 141 nobody reads our output any more.
"""

import difflib
import errno
import importlib
import os
import sys
from typing import Any

import rich_click as click
from click.exceptions import NoArgsIsHelpError

from floorsense import __version__
from floorsense.errors import FloorsenseError

DEBUG_VARIABLE = "FLOORSENSE_DEBUG"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)

# What one wants to do, as the README groups it: {name: (module, what it does)}
PANELS = {
    "To try and to check": {
        "bench": ("floorsense.commands.bench", "Run simulated boards at a local broker, and check them live."),
        "check": ("floorsense.commands.check", "Listen to telemetry at a broker, and say whether it is right."),
        "advise": ("floorsense.commands.advise", "Hold any MQTT device against the cases of the catalogue."),
        "simulate": ("floorsense.commands.simulate", "Run one simulated board at a broker of yours."),
        "virtual-board": ("floorsense.commands.virtual_board", "Have a serial port that a board of software answers at."),
        "vibration": ("floorsense.commands.vibration", "Say what a recording of acceleration tells of a machine."),
        "capture": ("floorsense.commands.capture", "Fetch a raw window of samples from a board, as WAV and NumPy."),
        "setup": ("floorsense.commands.setup", "Fetch and find what the bench needs."),
    },
    "With boards on the cable": {
        "boards": ("floorsense.commands.boards", "Show which boards are plugged in, and in which state."),
        "flash": ("floorsense.commands.flash", "Put MicroPython on boards, and prove that it is there."),
        "images": ("floorsense.commands.images", "List, pin and fetch MicroPython's image files."),
        "provision": ("floorsense.commands.provision", "Make a board what STATION.toml says, and see its first reading."),
        "monitor": ("floorsense.commands.monitor", "Show a board's log, and what its lines mean."),
        "broker": ("floorsense.commands.broker", "Make a Mosquitto that knows its boards."),
    },
    "In the factory": {
        "demo": ("floorsense.commands.demo", "Run boards, broker, storage, alerts and dashboard, and open a page."),
        "serve": ("floorsense.commands.serve", "Ingest, store and serve readings, in one process."),
        "ingest": ("floorsense.commands.ingest", "Take readings from a broker into the storage API."),
        "api": ("floorsense.commands.api", "Serve the storage API over a database."),
        "alerts": ("floorsense.commands.alerts", "See alarms, acknowledge them, run the rules."),
        "dashboard": ("floorsense.commands.dashboard", "Serve the page beside an ingestion and a database elsewhere."),
        "users": ("floorsense.commands.users", "Say who may open the dashboard, and who may act."),
    },
}
COMMANDS = {name: row for panel in PANELS.values() for name, row in panel.items()}


class _Named(click.RichCommand):
    """A command by its name and summary; what it does is imported when it is run."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> click.Context:
        real: click.Command = importlib.import_module(COMMANDS[str(self.name)][0]).command
        return real.make_context(info_name, args, parent, **extra)


class _Commands(click.RichGroup):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            alike = difflib.get_close_matches(cmd_name, COMMANDS, n=1)
            hint = f"did you mean '{alike[0]}'?" if alike else f"there are {', '.join(COMMANDS)}."
            ctx.fail(f"no command '{cmd_name}'; {hint}")
        return _Named(name=cmd_name, help=COMMANDS[cmd_name][1])


@click.command(cls=_Commands, help="Simulate, check and look after factory sensor boards.")
@click.version_option(__version__, prog_name="floorsense")
@click.rich_config({"command_groups": {"floorsense": [{"name": name, "commands": list(of)} for name, of in PANELS.items()]}})
def group() -> None:
    pass


def main(arguments: list[str] | None = None) -> None:
    """Run one command and exit with its code. What goes wrong is one line on stderr."""
    try:
        code = _run(arguments)
    except BrokenPipeError:
        _give_up_stdout()
        code = 141
    sys.exit(code)


def _run(arguments: list[str] | None) -> int:
    try:
        code = int(group.main(args=arguments, prog_name="floorsense", standalone_mode=False) or 0)
        sys.stdout.flush()
        return code
    except click.ClickException as error:
        if isinstance(error, NoArgsIsHelpError):
            error.show()
            return 2
        where = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "floorsense"
        return _fail(f"{' '.join(error.format_message().split())} See {where} --help.", 2)
    except FloorsenseError as error:
        return _fail(str(error), error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        return 130
    except BrokenPipeError:
        raise
    except Exception as error:
        if os.environ.get(DEBUG_VARIABLE):
            raise
        if isinstance(error, OSError) and error.errno in _FULL:
            try:
                sys.stdout.flush()
            except OSError:
                _give_up_stdout()
            where = error.filename or "where floorsense writes (what is temporary goes to TMPDIR)"
            return _fail(f"{where}: {os.strerror(error.errno).lower()}; make room there, or name another folder", 2)
        what = f"{type(error).__name__}: {error}"
        return _fail(f"a fault of floorsense's own ({what}); please report it with what {DEBUG_VARIABLE}=1 shows", 70)


def _give_up_stdout() -> None:
    """Nothing more can be written there; else the closing of stdout would complain once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(text: str, code: int) -> int:
    print("error: " + " ".join(text.splitlines()), file=sys.stderr)
    return code
