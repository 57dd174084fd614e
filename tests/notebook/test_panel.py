"""The control panel without a browser: what it shows, what its buttons do, and that nothing of it is left behind."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.lab.operators import Operators
from voxlab import Lab
from voxlab.base.errors import LabClosed
from voxlab.notebook import panel as panel_module
from voxlab.notebook.panel import Panel
from voxlab.notebook.panel_view import PAGE

ALICE = "sip:alice@shop.acme.voxlab.test"
SECRET = "Never-shown-1!"


def everything_shown(panel: Panel) -> str:
    """Return every text that the panel's widgets hold, and its static forms."""
    texts = [repr(panel), str(panel._repr_mimebundle_()), repr(panel.overview)]
    waiting = [panel.widget]
    while waiting:
        widget = waiting.pop()
        texts.append(str(widget.get_state()))
        waiting += getattr(widget, "children", ())
    return "\n".join(texts)


def press(panel: Panel, section: str, label: str, index: int = 1) -> str:
    """Choose from a list and press one of its buttons; return what the panel says then."""
    chooser = panel._view.choosers[section]
    chooser.list.index = index
    chooser.buttons[label].click()
    return panel.news


def registered(operators: Operators) -> Any:
    line = operators.giga.line("acme-office", number="+4930555900")
    return operators.shop.sip_registration(
        "acme-office", proxy=line.proxy, password=line.password, rule="forward"
    ).wait()


# -- what it shows


def test_it_shows_users_trunks_registrations_and_calls_in_both_worlds(both: Operators) -> None:
    registered(both)
    both.shop.user("carol")
    call = both.oma.dial(ALICE).wait("connected")
    overview = both.account.overview()
    assert overview.summary == "1 of 2 users registered · 1 call now"
    text = repr(overview)
    for fact in ("alice@shop", "✓ registered", "carol@shop", "○ not registered", "gigafon", "✓ 1 network"):
        assert fact in text
    assert "acme-office" in text
    assert "✓ successful" in text
    assert "oma" in text or "+4930555001 → alice" in text
    call.hang_up()
    after = both.account.overview()
    assert [row.destination for row in after.recent] == ["alice"]
    assert after.calls == ()


def test_it_is_new_after_every_blocking_call(operators: Operators) -> None:
    panel = operators.account.panel()
    call = operators.oma.dial(ALICE)
    assert panel.overview.calls == ()
    call.wait("connected")
    operators.lab.run(1)
    assert [row.is_connected for row in panel.overview.calls] == [True]
    assert "+4930555001 → alice" in panel._view.tables["calls"].widget.value
    call.hang_up()
    assert panel.overview.calls == ()


def test_static_forms_are_the_same_whenever_the_same_happens() -> None:
    def told() -> tuple[str, str]:
        stage = Operators(seed=7)
        try:
            stage.oma.dial(ALICE).wait("connected").hang_up()
            overview = stage.account.overview()
            return repr(overview), overview._repr_html_()
        finally:
            stage.lab.close()

    assert told() == told()


def test_a_password_is_nowhere(operators: Operators) -> None:
    operators.shop.user("carol", password=SECRET)
    operators.account.trunk("gigafon", gateway=operators.giga.address, username="acme", password=SECRET)
    operators.shop.sip_registration("acme-office", proxy=operators.giga.address, password=SECRET).wait()
    panel = operators.account.panel()
    assert press(panel, "registrations", "Refresh").startswith("✗ acme-office")
    assert SECRET not in everything_shown(panel)


def test_what_a_stranger_wrote_is_no_markup(operators: Operators) -> None:
    operators.account.allow("203.0.113.7", "<script>alert(1)</script>\x1b[31m")
    panel = operators.account.panel()
    assert "<script>" not in panel._view.tables["whitelist"].widget.value
    assert "<script>" not in panel._repr_mimebundle_()["text/html"]
    assert "&lt;script&gt;" in panel.overview._repr_html_()
    assert "\x1b" not in repr(panel)


def test_an_empty_account_says_how_to_begin() -> None:
    with Lab() as lab:
        panel = lab.account("acme").panel()
        assert 'application.user("alice")' in repr(panel)
        assert all(chooser.widget.layout.display == "none" for chooser in panel._view.choosers.values())


def test_hundreds_of_users_come_in_pages_and_are_found_by_words() -> None:
    with Lab() as lab:
        shop = lab.account("acme").application("shop")
        for number in range(300):
            shop.user(f"user-{number:03}")
        shop.user("user-123").phone()
        users = lab.account("acme").panel()._view.users
        assert users.where.value == f"1 to {PAGE} of 300"
        users.next.click()
        assert f"user-{PAGE:03}@" in users._table.widget.value
        users.filter.value = "✓ registered"
        assert users.where.value == "1 to 1 of 1"
        assert "user-123@" in users._table.widget.value
        users.filter.value = "nobody at all"
        assert "nobody like that" in users._table.widget.value


# -- its buttons


def test_networks_are_added_and_removed(both: Operators) -> None:
    panel = both.account.panel()
    panel._view.network.value, panel._view.remark.value = "203.0.113.7/24", "the branch"
    panel._view.add.click()
    assert panel.news == "✓ calls from 203.0.113.0/24 need no password now"
    assert [str(item.network) for item in both.account.whitelist][-1] == "203.0.113.0/24"
    assert press(panel, "whitelist", "Remove network", index=2).startswith("✓ 203.0.113.0/24 is off")
    assert len(both.account.whitelist) == 1


def test_a_call_is_hung_up(both: Operators) -> None:
    call = both.oma.dial(ALICE).wait("connected")
    panel = both.account.panel()
    assert press(panel, "calls", "Hang up").startswith("✓ call 1 is over")
    assert call.wait("ended").state == "ended"
    assert panel.overview.calls == ()


def test_a_trunk_is_probed_and_a_registration_refreshed_and_removed(both: Operators) -> None:
    both.account.trunk("gigafon", gateway=both.giga.address)
    registration = registered(both)
    panel = both.account.panel()
    assert "403 Forbidden to OPTIONS" in press(panel, "trunks", "Probe")
    assert panel.overview.troubles == (f"✗ trunk gigafon: {both.giga.address} 403 Forbidden",)
    assert press(panel, "registrations", "Refresh").startswith("✓ acme-office")
    press(panel, "registrations", "Remove registration")
    assert registration.state == "successful"  # once is not enough for what cannot be undone
    assert press(panel, "registrations", "Remove registration").endswith("is removed")
    assert registration.state == "deactivated"
    assert panel.overview.registrations == ()


def test_when_the_chosen_call_ends_no_other_is_chosen(operators: Operators) -> None:
    carol = operators.shop.user("carol").phone(answer_after=0.1)
    other = operators.giga.phone("+4930555002", name="opa")
    first = operators.oma.dial(ALICE).wait("connected")
    panel = operators.account.panel()
    calls = panel._view.choosers["calls"]
    assert calls.buttons["Hang up"].disabled
    calls.list.index = 1
    assert not calls.buttons["Hang up"].disabled
    other.dial("sip:carol@shop.acme.voxlab.test").wait("connected")
    assert calls.list.index == 1
    first.hang_up()
    assert (calls.list.value, calls.buttons["Hang up"].disabled) == (None, True)
    assert carol.state == "talking"


def test_an_error_is_a_sentence(operators: Operators, capfd: pytest.CaptureFixture[str]) -> None:
    panel = operators.account.panel()
    panel._view.network.value = "not an address"
    panel._view.add.click()
    assert panel.news.startswith("✗ 'not an address' is no network")
    assert "is no network" in panel._view.news.value
    operators.account.disallow(1)
    panel._view.add.disabled = False
    panel._act(panel._view.choosers["whitelist"].choice.deeds[0], 1)  # pressed before the list was new
    assert panel.news.startswith("✗ there is no network with number 1")
    assert capfd.readouterr().err == ""


# -- its end


def test_running_the_cell_again_closes_the_panel_before(operators: Operators) -> None:
    from ipywidgets.widgets.widget import _instances

    before = len(_instances)
    first = operators.account.panel()
    there = len(_instances)
    for _ in range(3):
        last = operators.account.panel()
    assert first.is_closed
    assert (len(_instances), len(operators.lab.watchers)) == (there, 1)
    last.widget.close()  # as whoever holds the widget alone may do
    last.close()
    assert (last.is_closed, len(operators.lab.watchers)) == (True, 0)
    assert len(_instances) == before


def test_a_closed_lab_is_said_and_asks_for_nothing_more(both: Operators) -> None:
    panel = both.account.panel()
    both.lab.close()
    assert "the lab is closed" in panel._view.news.value
    assert panel._view.add.disabled
    assert len(both.lab.watchers) == 0
    panel._view.add.click()
    with pytest.raises(LabClosed):
        both.account.panel()


# -- between cells: the kernel's loop


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(panel_module, "EVERY_S", 0.01)
    return


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event of its own
            await asyncio.sleep(0.01)


@pytest.mark.usefixtures("quick")
def test_a_live_panel_follows_what_happens_while_no_cell_runs(make_operators: Any) -> None:
    stage = make_operators(live=True)

    async def story() -> None:
        panel = stage.account.panel()
        assert panel._repr_mimebundle_()["application/vnd.jupyter.widget-view+json"]
        call = await stage.oma.aio.dial(ALICE)
        await until(lambda: [row.is_connected for row in panel.overview.calls] == [True])
        chooser = panel._view.choosers["calls"]
        chooser.list.index = 1
        chooser.buttons["Hang up"].click()  # comes back at once: the deed is a task of the loop
        await until(lambda: panel.news.startswith("✓ call 1 is over"))
        assert call.state == "ended" or await call.aio.wait("ended")
        await asyncio.to_thread(stage.lab.close)
        await until(lambda: "the lab is closed" in panel._view.news.value)
        assert panel._following is None

    asyncio.run(story())


@pytest.mark.usefixtures("quick")
def test_widgets_are_touched_in_the_kernels_thread_alone(make_operators: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = make_operators(live=True)
    threads: set[int] = set()

    async def story() -> None:
        panel = stage.account.panel()
        show = panel._view.show
        monkeypatch.setattr(panel._view, "show", lambda overview: (threads.add(threading.get_ident()), show(overview)))
        assert panel.widget is not None
        await asyncio.to_thread(lambda: stage.oma.dial(ALICE).wait("connected"))
        await until(lambda: bool(panel.overview.calls))
        panel.close()

    asyncio.run(story())
    assert threads == {threading.get_ident()}
