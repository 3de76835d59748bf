"""`tse`: the commands, and what becomes of whatever goes wrong in them.

Rule 1: standard output is for programs: JSON, and the lines of logs. People read standard error.
Rule 2: a mistake of the person is one line and exit code 2. Never a trace, never 1 or 3, which are verdicts.
"""

import shlex
import sys
import traceback
from collections.abc import Callable, Sequence

import typer

from trading_ecosystem import __version__
from trading_ecosystem.cli import deploy
from trading_ecosystem.cli.doctor import doctor
from trading_ecosystem.cli.down import down
from trading_ecosystem.cli.equivalence import equivalence
from trading_ecosystem.cli.exits import Exit, Interrupted
from trading_ecosystem.cli.impact import impact
from trading_ecosystem.cli.live_status import status
from trading_ecosystem.cli.logs import logs
from trading_ecosystem.cli.performance import performance
from trading_ecosystem.cli.run import run
from trading_ecosystem.cli.scenarios import scenarios, schema, validate
from trading_ecosystem.cli.similarity import similarity
from trading_ecosystem.cli.suite import suite
from trading_ecosystem.cli.timeline import timeline
from trading_ecosystem.cli.up import up
from trading_ecosystem.cli.verify import verify
from trading_ecosystem.configuration.document import Problem

# What typer raises for a wrong command, option or argument; its own name is not public.
USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[1]

app = typer.Typer(
    name="tse",
    help="Run a scenario against the trading ecosystem, judge it, and explain it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    run,
    suite,
    scenarios,
    validate,
    verify,
    performance,
    timeline,
    schema,
    similarity,
    impact,
    up,
    status,
    logs,
    down,
    equivalence,
    doctor,
):
    app.command()(command)
app.add_typer(deploy.app, name="deploy")


@app.callback(invoke_without_command=True)
def common(version: bool = typer.Option(False, "--version", help="Print the version and leave.")) -> None:
    if version:
        sys.stderr.write(f"tse {__version__}\n")
        raise typer.Exit(Exit.PASS)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = app(args=given or ["--help"], prog_name="tse", standalone_mode=False)
    except SystemExit as ended:
        code = ended.code
    except USAGE_ERROR as error:
        return say(usage(error), Exit.BAD_INPUT)
    except Problem as problem:
        return say(str(problem), Exit.BAD_INPUT)
    except Interrupted as interrupted:
        return say(f"interrupted; {interrupted}", Exit.INTERRUPTED)
    except (KeyboardInterrupt, typer.Abort):
        code = Exit.INTERRUPTED
    except Exception:
        return say(f"{traceback.format_exc()}this is an error of tse; it was: tse {shlex.join(given)}", Exit.BROKEN)
    if code == Exit.INTERRUPTED:
        return say("interrupted; nothing was kept", Exit.INTERRUPTED)
    if not given:
        return Exit.BAD_INPUT
    return code if isinstance(code, int) else Exit.PASS


def usage(error: Exception) -> str:
    """One line for a command or option that is not as it should be."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "tse"
    said: Callable[[], str] = getattr(error, "format_message", error.__str__)
    return f"{command}: {' '.join(said().split()).rstrip('.')}; see {command} --help"


def say(words: str, code: Exit) -> int:
    try:
        sys.stderr.write(f"{words}\n")
        sys.stderr.flush()
    except BrokenPipeError:
        sys.stderr = None
    return code


if __name__ == "__main__":
    sys.exit(main())
