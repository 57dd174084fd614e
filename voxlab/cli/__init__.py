"""The command line ``voxlab``: a thin shell around rooms that can do without it; importing it loads none of them."""

from __future__ import annotations

from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0 for success alone, 1 for trouble, 2 for a SIP message that is refused.

    Parameters
    ----------
    arguments : sequence of str, optional
        Those of the process without the program's name, if absent.
    """
    from voxlab.cli.app import run

    return run(arguments)
