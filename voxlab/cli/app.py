"""The commands with their switches; what each does stands in a module of its own, loaded when it is called.

Exit codes are 0 for success alone, 1 for trouble (a wrong switch, too), 2 for a SIP message that is refused, 130 after
Ctrl-C. Must not know how a command does its work.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated, cast

import typer

import voxlab
from voxlab.base.errors import VoxlabError

FAILED, INTERRUPTED = 1, 130
# Typer has its own copy of Click since 0.2x, the real one before: this reaches the base of a wrong switch in either.
_WrongUsage = cast("type[Exception]", typer.BadParameter.__mro__[1])

app = typer.Typer(
    name="voxlab",
    help="A cloud telephony platform in miniature: SIP and RTP, simulated and live.",
    epilog="Begin with: voxlab demo",
    add_completion=False,
    rich_markup_mode=None,  # plain help loads in half the time
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

AsJson = Annotated[bool, typer.Option("--json", help="Write JSON for scripts instead of text.")]
Ascii = Annotated[bool, typer.Option("--ascii", help="Draw with ASCII characters only.")]


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command that the arguments name and return its exit code; no traceback reaches the terminal."""
    command = typer.main.get_command(app)
    words = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    try:
        return int(command.main(words, prog_name="voxlab", standalone_mode=False) or 0)
    except _WrongUsage as wrong:
        wrong.show()  # type: ignore[attr-defined]
    except VoxlabError as error:
        print(f"voxlab: {error}", file=sys.stderr)
    except BrokenPipeError:  # the reader of a pipe has had enough; the interpreter's last flush must not complain
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the last line of defence: a sentence instead of a traceback
        _own_fault(error)
    return FAILED


def _own_fault(error: Exception) -> None:
    if os.environ.get("VOXLAB_TRACEBACK"):
        raise error
    name = type(error).__name__
    print(f"voxlab: {name}: {error}\nThis should not happen. VOXLAB_TRACEBACK=1 shows where it did.", file=sys.stderr)


def _do(module: str, *arguments: object) -> int:
    """Load the module of a command and run it."""
    return int(import_module(f"voxlab.cli.{module}").run(*arguments))


def _version(wanted: bool) -> None:
    if wanted:
        print(f"voxlab {voxlab.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which version this is.")
    ] = False,
) -> None:
    """A cloud telephony platform in miniature: SIP and RTP, simulated and live."""


@app.command()
def demo(
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write a ladder, a capture and a sound file there.")
    ] = None,
    as_json: AsJson = False,
    ascii: Ascii = False,  # noqa: A002 - the switch's name
) -> int:
    """The story in a terminal: registrations, a call, a busy phone; simulated, then live."""
    return _do("demo", out, as_json, ascii)


@app.command()
def serve(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A Python file that defines setup(lab).")],
    bind: Annotated[
        str, typer.Option(metavar="ADDR", help="The address to listen on; anything but loopback exposes it.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The SIP port for UDP and TCP; TLS has the next one.")] = 5060,
    advertise: Annotated[
        str | None, typer.Option(metavar="ADDR", help="The address to write into messages instead, behind a NAT.")
    ] = None,
    http_port: Annotated[
        int | None, typer.Option(metavar="N", help="Serve the management API over https on this port; 0 draws one.")
    ] = None,
    store: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Keep definitions, registrations and the call history in FILE.")
    ] = None,
    allow_remote_scenarios: Annotated[
        bool,
        typer.Option(help="Run scenarios that come over the management API: whoever has a key runs code here."),
    ] = False,
    as_json: AsJson = False,
    ascii: Ascii = False,  # noqa: A002
) -> int:
    """Run a live platform until Ctrl-C or SIGTERM: real phones can register."""
    from voxlab.cli.serve import Settings

    return _do("serve", file, Settings(bind, port, advertise, store, http_port, allow_remote_scenarios), as_json, ascii)


@app.command()
def message(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A file with one SIP message; - reads standard input.")],
    strict: Annotated[bool, typer.Option("--strict", help="Refuse whatever the grammar does not allow.")] = False,
    as_json: AsJson = False,
    ascii: Ascii = False,  # noqa: A002 - the switch's name
) -> int:
    """Explain one SIP message field by field, with RFC sections.

    The exit code is 0 when it is accepted, 2 when it is refused, 1 for any other trouble.
    """
    return _do("message", file, strict, as_json, ascii)


@app.command()
def doctor(
    wheelhouse: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Collect the course's wheels in DIR, for rooms without a network."),
    ] = None,
    as_json: AsJson = False,
    ascii: Ascii = False,  # noqa: A002
) -> int:
    """Say what is installed, what is missing, and the command that adds it."""
    return _do("doctor", wheelhouse, as_json, ascii)


@app.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
def course(context: typer.Context, as_json: AsJson = False) -> int:
    """Open JupyterLab on the course.

    Any other switch goes on to JupyterLab: --no-browser, --port=8889, --ip=...
    """
    return _do("course", context.args, as_json)
