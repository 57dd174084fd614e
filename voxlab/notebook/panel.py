"""The control panel of an account: the overview in a notebook, live, with buttons that act.

Widgets are touched in the kernel's thread alone. Whoever ends a blocking method there tells the panel; between cells a
task of the kernel's own loop asks the lab's thread once a second, and an answer that changes nothing is not sent.
What goes wrong is a sentence in the panel. Must not know how facts are found, nor what the deeds do.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from voxlab.base.errors import LabClosed, VoxlabError
from voxlab.display.tables import remark_html
from voxlab.notebook.deeds import Deed, Key, allow
from voxlab.notebook.panel_view import View

if TYPE_CHECKING:
    from voxlab.lab.account import Account
    from voxlab.lab.overview import Overview

EVERY_S = 1.0
_AT_MOST_EVERY_S = 0.2  # while one cell makes many calls
_PATIENCE_S = 10.0  # a lab's thread that computes longer is asked again
_CLOSED = "○ the lab is closed: this is how it was last"

_panels: WeakKeyDictionary[Account, Panel] = WeakKeyDictionary()


def panel(account: Account) -> Panel:
    """Return a new panel of an account, and close the one before."""
    before = _panels.pop(account, None)
    if before is not None:
        before.close()
    made = _panels[account] = Panel(account)
    return made


class Panel:
    """A live overview with buttons; ``widget`` is what shows.

    Attributes
    ----------
    overview : Overview
        What is shown, as values.
    news : str
        What the last button did, or why it could not.
    """

    def __init__(self, account: Account) -> None:
        self.overview: Overview = account.overview()
        self.news = ""
        self.is_closed = False
        self._account: Account | None = account
        self._lab = account.lab
        self._thread = threading.get_ident()
        self._loop = _running_loop()
        self._following: asyncio.Task[None] | None = None
        self._deeds: set[asyncio.Task[None]] = set()
        self._shown_at = 0.0
        self._view = View(self._act, self._allow)
        self._view.show(self.overview)
        self._view.widget.observe(lambda _change: self.close(), "comm")
        self._lab.watchers.add(self._told)

    @property
    def widget(self) -> Any:
        """The widget, to be placed among others."""
        self._follow()
        return self._view.widget

    # -- what is new

    def refresh(self) -> None:
        """Show what there is now."""
        if self._account is None:
            return
        try:
            self._show(self._account.overview())
        except LabClosed:
            self._end()

    def _show(self, overview: Overview) -> None:
        if not self.is_closed:
            self.overview, self._shown_at = overview, time.monotonic()
            self._view.show(overview)

    def _told(self) -> None:
        """Take the news that a blocking method has ended, in whatever thread it ran."""
        if self._loop is None or self._lab.world.closed:
            self.refresh()
        elif threading.get_ident() != self._thread:
            with suppress(RuntimeError):  # the kernel's loop has ended
                self._loop.call_soon_threadsafe(self.refresh)
        elif time.monotonic() - self._shown_at >= _AT_MOST_EVERY_S:
            self.refresh()  # otherwise the task shows it when the cell is through

    def _follow(self) -> None:
        """Begin to ask the lab, once, where there is a loop to do so."""
        self._loop = self._loop or _running_loop()
        if self._loop is not None and self._following is None and not self.is_closed:
            self._following = self._loop.create_task(self._ask_again_and_again())

    async def _ask_again_and_again(self) -> None:
        from voxlab.lab.overview import take

        while self._account is not None:
            await asyncio.sleep(EVERY_S)
            try:
                asked = self._lab.world.hand_over(take, self._lab, self._account.record)
                self._show(await asyncio.wait_for(asyncio.wrap_future(asked), _PATIENCE_S))
            except LabClosed:
                self._end()
            except TimeoutError:
                continue

    # -- what the buttons do

    def _act(self, deed: Deed, key: Key) -> None:
        account = self._account
        if account is not None:
            self._carry_out(lambda: deed.act(account, key), f"… {deed.label.lower()}")

    def _allow(self, network: str, remark: str) -> None:
        account = self._account
        if account is not None:
            self._carry_out(lambda: allow(account, network, remark), "… allow")

    def _carry_out(self, work: Callable[[], Awaitable[str]], meanwhile: str) -> None:
        loop = _running_loop()
        if loop is None:
            asyncio.run(self._done(work, meanwhile))
            return
        task = loop.create_task(self._done(work, meanwhile))
        self._deeds.add(task)
        task.add_done_callback(self._deeds.discard)

    async def _done(self, work: Callable[[], Awaitable[str]], meanwhile: str) -> None:
        """Do it, one thing at a time, and say what came of it."""
        self._view.say(meanwhile)
        self._view.enable(False)
        try:
            self.news = await work()
        except VoxlabError as error:
            self.news = f"✗ {error}"
        except Exception as error:  # noqa: BLE001 - a button has no caller who could take it
            self.news = f"✗ {type(error).__name__}: {error}"
        if not self.is_closed:
            self._view.enable(True)
            self._view.say(self.news)
            self.refresh()

    # -- its end

    def _end(self) -> None:
        """Stay as it was last: nothing comes any more."""
        self._view.enable(False)
        self._view.say(_CLOSED)
        self._let_go()

    def close(self) -> None:
        """Take it from the screen, and ask no more; may be called twice."""
        if not self.is_closed:
            self.is_closed = True
            self._let_go()
            self._view.close()

    def _let_go(self) -> None:
        self._lab.watchers.remove(self._told)
        self._account = None
        following, self._following = self._following, None
        if following is not None and following is not _current_task():
            self._cancel(following)

    def _cancel(self, task: asyncio.Task[None]) -> None:
        assert self._loop is not None
        if threading.get_ident() == self._thread:
            task.cancel()
        else:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(task.cancel)

    # -- how it is shown

    def _repr_mimebundle_(self, **_options: Any) -> dict[str, Any]:
        shown = {"text/plain": repr(self), "text/html": self.overview._repr_html_()}
        if self.is_closed:
            return {**shown, "text/html": remark_html("○ this panel is closed: account.panel() makes another")}
        return {**self.widget._repr_mimebundle_(), **shown}

    def __repr__(self) -> str:
        return repr(self.overview)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _current_task() -> asyncio.Task[Any] | None:
    return None if _running_loop() is None else asyncio.current_task()
