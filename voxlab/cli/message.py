"""``voxlab message``: one SIP message explained, or refused with the reason."""

from __future__ import annotations

import sys
from pathlib import Path

from voxlab.base.errors import SipSyntaxError, VoxlabError
from voxlab.cli.terminal import Terminal
from voxlab.display.characters import clean
from voxlab.display.reading import read
from voxlab.sip.parser import DEFAULT_LIMITS, Request, Response, parse
from voxlab.sip.validation import Problem

REFUSED = 2


def run(file: str, strict: bool, as_json: bool, ascii: bool) -> int:  # noqa: A002 - the switch's name
    """Explain the message in ``file`` and return 0, or say why it is refused and return 2.

    Raises
    ------
    VoxlabError
        When there is nothing to read.
    """
    terminal = Terminal(ascii=ascii)
    data = _content(file)
    try:
        message = parse(data, strict=strict)
    except SipSyntaxError as error:
        if as_json:
            terminal.json(_refusal(error))
        else:
            _show_refusal(terminal, error, data)
        return REFUSED
    if as_json:
        terminal.json(_acceptance(message))
    else:
        terminal.say(read(message).text(terminal.width, ascii=terminal.ascii))
    return 0


def _content(file: str) -> bytes:
    """Return the bytes of a file, or of standard input: not many more than the parser is willing to read."""
    most = DEFAULT_LIMITS.message_bytes + 1
    try:
        if file == "-":
            return sys.stdin.buffer.read(most)
        with Path(file).open("rb") as opened:
            return opened.read(most)
    except OSError as error:
        raise VoxlabError(f"cannot read {file}: {error.strerror or error}") from None


def _acceptance(message: Request | Response) -> dict[str, object]:
    is_request = isinstance(message, Request)
    return {
        "accepted": True,
        "kind": "request" if is_request else "response",
        "method": message.method if isinstance(message, Request) else None,
        "status": None if isinstance(message, Request) else message.status,
        "headers": [[name, value] for name, value in message.headers.items()],
        "problems": [_problem(problem) for problem in read(message).problems],
    }


def _problem(problem: Problem) -> dict[str, object]:
    return {"header": problem.header, "offset": problem.offset, "reason": problem.reason, "rfc": problem.rfc}


def _refusal(error: SipSyntaxError) -> dict[str, object]:
    where = {"header": error.header, "offset": error.offset, "rfc": error.rfc}
    return {"accepted": False, "status": error.status, "reason": error.reason, **where}


def _show_refusal(terminal: Terminal, error: SipSyntaxError, data: bytes) -> None:
    terminal.wrap(f"✗ refused with {error.status}: {error.reason}", rest="  ")
    if error.header is not None:
        terminal.wrap(f"header  {error.header}", first="  ", rest="          ")
    if error.offset is not None:
        terminal.wrap(f"offset  byte {error.offset}: {_around(data, error.offset)}", first="  ", rest="          ")
    terminal.wrap(f"rule    {error.rfc}", first="  ", rest="          ")
    if error.header == "Content-Length" and b"\n" in data and b"\r\n" not in data:
        hint = "every line of this file ends with LF alone; if an editor dropped the CRs, the body became shorter"
        terminal.wrap(f"hint    {hint}", first="  ", rest="          ")


def _around(data: bytes, offset: int) -> str:
    """Return the line from a byte on, safe to show."""
    line = data[offset : offset + 40].decode("utf-8", "replace").splitlines()
    return repr(clean(line[0])) if line else "the end"
