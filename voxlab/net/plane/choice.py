"""Which plane the media ports of a live network are on: the media thread where it can be had, else the lab's own
thread.

``VOXLAB_PLANE=portable`` forces the latter. Must not know what ports carry.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from voxlab.base.errors import VoxlabError
from voxlab.net.loop import LiveLoop
from voxlab.net.plane import build

if TYPE_CHECKING:
    from voxlab.net.plane.thread import MediaThread

VARIABLE = "VOXLAB_PLANE"
CHOICES = ("auto", "portable")


def wanted() -> str:
    """Return what the environment asks for.

    Raises
    ------
    VoxlabError
        It asks for something that there is not.
    """
    given = os.environ.get(VARIABLE) or "auto"
    if given not in CHOICES:
        raise VoxlabError(f"{VARIABLE}={given!r} is no media plane; allowed: {', '.join(CHOICES)}")
    return given


class Plane:
    """The media thread of one live network, if and when there is one."""

    def __init__(self, loop: LiveLoop) -> None:
        self._loop = loop
        self._portable = wanted() == "portable"
        self._thread: MediaThread | None = None

    def thread(self) -> MediaThread | None:
        """Return the media thread; None while its code is being fetched, and where there can be none."""
        if self._thread is None and not self._portable:
            native = build.ready()
            if native is None:
                build.prepare()
            else:
                from voxlab.net.plane.thread import MediaThread

                self._thread = MediaThread(self._loop, native)
        return self._thread

    def close(self) -> None:
        """End the thread."""
        if self._thread is not None:
            self._thread.close()
            self._thread = None
