"""`tse`: the commands, and what becomes of whatever goes wrong in them.

Rule 1: standard output is for programs: JSON and nothing else. People read standard error.
Rule 2: a mistake of the person is one line and exit code 2. Never a trace, never 1 or 3, which are verdicts.
"""

import shlex
import sys
import traceback
from collections.abc import Sequence

import typer

from trading_ecosystem import __version__
from trading_ecosystem.cli.doctor import doctor
from trading_ecosystem.cli.exits import Exit, Interrupted
from trading_ecosystem.cli.run import run
from trading_ecosystem.cli.scenarios import scenarios, schema, validate
from trading_ecosystem.cli.suite import suite
from trading_ecosystem.cli.verify import verify
from trading_ecosystem.configuration.document import Problem

app = typer.Typer(
    name="tse",
    help="Run a scenario against the trading ecosystem, judge it, and explain it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (run, suite, scenarios, validate, verify, schema, doctor):
    app.command()(command)


@app.callback(invoke_without_command=True)
def common(version: bool = typer.Option(False, "--version", help="Print the version and leave.")) -> None:
    if version:
        sys.stderr.write(f"tse {__version__}\n")
        raise typer.Exit(Exit.PASS)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        app(args=given, prog_name="tse")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else Exit.PASS
    except Problem as problem:
        return say(str(problem), Exit.BAD_INPUT)
    except Interrupted as interrupted:
        return say(f"interrupted; {interrupted}", Exit.INTERRUPTED)
    except KeyboardInterrupt:
        return say("interrupted; nothing was kept", Exit.INTERRUPTED)
    except Exception:
        return say(f"{traceback.format_exc()}this is an error of tse; it was: tse {shlex.join(given)}", Exit.BROKEN)
    return Exit.PASS


def say(words: str, code: Exit) -> int:
    try:
        sys.stderr.write(f"{words}\n")
        sys.stderr.flush()
    except BrokenPipeError:
        sys.stderr = None
    return code


if __name__ == "__main__":
    sys.exit(main())
