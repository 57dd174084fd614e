"""The widgets of a control panel: tables that are replaced when they change, lists to choose from, buttons.

All of ipywidgets' own, so that keys, screen readers and themes work as everywhere in the notebook, and so that a table
that changes takes the focus from nobody. Must not know the lab: it shows an overview and tells what was pressed.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from voxlab.display.tables import framed, remark_html, section_html
from voxlab.notebook.deeds import CHOICES, Choice, Deed, Key

if TYPE_CHECKING:
    from voxlab.display.tables import Section
    from voxlab.lab.overview import Overview, UserRow

PAGE = 15
"""So many devices stand on a page of the users."""

_WIDE = {"width": "100%"}
_DESCRIPTION = {"description_width": "6.5em"}


class Table:
    """One section; the page gets a table only when it has changed."""

    def __init__(self) -> None:
        self.widget = widgets.HTML(layout=_WIDE)

    def show(self, section: Section) -> None:
        """Show a section."""
        self.widget.value = framed(section_html(section), bare=True)


class Users:
    """The users: a table of a page, a filter over every word of a row, and two buttons to turn pages."""

    def __init__(self) -> None:
        self._table = Table()
        self._overview: Overview | None = None
        self._page = 0
        self.filter = widgets.Text(
            description="filter",
            placeholder="name, contact, not registered ...",
            continuous_update=True,
            style=_DESCRIPTION,
        )
        self.previous = widgets.Button(description="Previous", tooltip="the page of users before")
        self.next = widgets.Button(description="Next", tooltip="the next page of users")
        self.where = widgets.Label()
        self.filter.observe(self._filtered, "value")
        self.previous.on_click(lambda _button: self._turn(-1))
        self.next.on_click(lambda _button: self._turn(+1))
        self.turning = widgets.HBox([self.previous, self.next, self.where])
        self.tools = widgets.HBox([self.filter, self.turning], layout={"flex_flow": "row wrap"})
        self.widget = widgets.VBox([self._table.widget, self.tools])

    def show(self, overview: Overview) -> None:
        """Show the page in hand of what the filter lets through."""
        self._overview = overview
        found = self._found(overview)
        self._page = min(self._page, max(0, len(found) - 1) // PAGE)
        first = self._page * PAGE
        shown = found[first : first + PAGE]
        self._table.show(overview.users_section(shown if self.filter.value.strip() else shown or None))
        self.where.value = f"{first + 1} to {first + len(shown)} of {len(found)}" if found else ""
        self.previous.disabled, self.next.disabled = first == 0, first + PAGE >= len(found)
        self.turning.layout.display = "flex" if len(found) > PAGE else "none"
        self.tools.layout.display = "flex" if len(overview.users) > PAGE or self.filter.value else "none"

    def _found(self, overview: Overview) -> tuple[UserRow, ...]:
        words = self.filter.value.lower().strip()
        return tuple([row for row in overview.users if words in " ".join(row.cells).lower()])

    def _filtered(self, _change: object) -> None:
        self._page = 0
        self._again()

    def _turn(self, pages: int) -> None:
        self._page = max(0, self._page + pages)
        self._again()

    def _again(self) -> None:
        if self._overview is not None:
            self.show(self._overview)


class Chooser:
    """A list to choose from and its buttons; without anything to choose it is not there.

    Nothing is chosen that nobody chose: when the chosen call ends, its button must not end the next one.
    """

    def __init__(self, choice: Choice, act: Callable[[Deed, Key], None]) -> None:
        self.choice = choice
        self._act = act
        self._armed: Deed | None = None
        self._is_enabled = True
        self._nothing: tuple[str, Key | None] = (f"choose a {choice.label} ...", None)
        self.list = widgets.Dropdown(description=choice.label, options=(self._nothing,), style=_DESCRIPTION)
        self.buttons = {deed.label: _button(deed.label, deed.tooltip) for deed in choice.deeds}
        for deed in choice.deeds:
            self.buttons[deed.label].on_click(lambda _button, deed=deed: self._pressed(deed))
        self.list.observe(lambda _change: self._chosen(), "value")
        self.widget = widgets.HBox([self.list, *self.buttons.values()], layout={"flex_flow": "row wrap"})
        self._chosen()

    def show(self, overview: Overview) -> None:
        """Offer what there is now; what was chosen stays chosen while it is there."""
        known = self.choice.options(overview)
        options = (self._nothing, *known)
        if options != self.list.options:
            chosen = self.list.value
            self.list.options = options
            self.list.value = chosen if chosen in {key for _, key in known} else None
        self.widget.layout.display = "flex" if known else "none"

    def enable(self, is_enabled: bool) -> None:
        """Let the buttons be pressed, or not."""
        self._is_enabled = is_enabled
        for button in self.buttons.values():
            button.disabled = not is_enabled or self.list.value is None

    def _chosen(self) -> None:
        self._disarm()
        self.enable(self._is_enabled)

    def _pressed(self, deed: Deed) -> None:
        if deed.is_final and self._armed is not deed:
            self._disarm()
            self._armed = deed
            self.buttons[deed.label].description = "Press again to remove"
            self.buttons[deed.label].button_style = "warning"
            return
        self._disarm()
        if self.list.value is not None:
            self._act(deed, self.list.value)

    def _disarm(self) -> None:
        if self._armed is not None:
            self.buttons[self._armed.label].description = self._armed.label
            self.buttons[self._armed.label].button_style = ""
        self._armed = None


class View:
    """All widgets of a panel.

    Parameters
    ----------
    act : callable
        Told of a deed and of what it is to be done to.
    allow : callable
        Told of a network and a remark.
    """

    def __init__(self, act: Callable[[Deed, Key], None], allow: Callable[[str, str], None]) -> None:
        self._allow = allow
        self.head = widgets.HTML(layout=_WIDE)
        self.news = widgets.HTML(layout=_WIDE)
        self.users = Users()
        self.tables = {name: Table() for name in ("calls", "trunks", "whitelist", "registrations", "recent")}
        self.choosers = {choice.section: Chooser(choice, act) for choice in CHOICES}
        self.network = widgets.Text(description="new network", placeholder="198.51.100.0/24", style=_DESCRIPTION)
        self.remark = widgets.Text(description="remark", placeholder="whose it is", style=_DESCRIPTION)
        self.add = _button("Allow", "let calls from this network in without a password")
        self.add.on_click(lambda _button: self._allow(self.network.value, self.remark.value))
        adding = widgets.HBox([self.network, self.remark, self.add], layout={"flex_flow": "row wrap"})
        self.widget = widgets.VBox(
            [
                self.head,
                self.news,
                *self._part("calls"),
                self.users.widget,
                *self._part("trunks"),
                *self._part("whitelist"),
                adding,
                *self._part("registrations"),
                *self._part("recent"),
            ],
            layout={"width": "100%", "max_width": "60em"},
        )

    def _part(self, name: str) -> list[Any]:
        chooser = self.choosers.get(name)
        return [self.tables[name].widget, *([chooser.widget] if chooser is not None else [])]

    def show(self, overview: Overview) -> None:
        """Show an account as it is."""
        title = f"<h3>account {escape(overview.account)} · {escape(overview.world)}</h3>"  # no time: it never stays
        self.head.value = framed(title + "".join(map(remark_html, overview.remarks)))
        self.users.show(overview)
        for name, table in self.tables.items():
            table.show(getattr(overview, f"{name}_section"))
        for chooser in self.choosers.values():
            chooser.show(overview)

    def say(self, text: str) -> None:
        """Show what came of a button; a screen reader says it without being asked."""
        lines = "".join(map(remark_html, text.splitlines()))
        self.news.value = framed(f'<div role="status" aria-live="polite">{lines}</div>', bare=True) if text else ""

    def enable(self, is_enabled: bool) -> None:
        """Let buttons be pressed, or not."""
        self.add.disabled = not is_enabled
        for chooser in self.choosers.values():
            chooser.enable(is_enabled)

    def close(self) -> None:
        """Close every widget, those inside too."""
        _close(self.widget)


def _button(label: str, tooltip: str) -> Any:
    return widgets.Button(description=label, tooltip=tooltip, layout={"width": "auto"})


def _close(widget: Any) -> None:
    for inner in (*getattr(widget, "children", ()), widget.layout, getattr(widget, "style", None)):
        if inner is not None and hasattr(inner, "layout"):
            _close(inner)
        elif inner is not None:
            inner.close()
    widget.close()
