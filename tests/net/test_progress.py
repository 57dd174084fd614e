"""The bar of a long wait."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from voxlab.net import progress


def waits(*answers: bool) -> Callable[[float], bool]:
    left: Iterator[bool] = iter(answers)
    return lambda seconds: next(left)


@pytest.mark.parametrize(("said", "shown"), [("0", False), ("1", True)])
def test_the_environment_decides(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], said: str, shown: bool
) -> None:
    monkeypatch.setenv("VOXLAB_PROGRESS", said)
    progress.Bar(lambda: 1.5, 10.0).wait(waits(False, False, False, True))
    out, err = capfd.readouterr()
    assert out == ""
    assert ("lab time" in err) is shown
    assert not err or err.endswith("\r")


def test_a_short_wait_shows_nothing(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("VOXLAB_PROGRESS", "1")
    progress.Bar(lambda: 0.0, None).wait(waits(True))
    assert capfd.readouterr() == ("", "")


def test_without_a_terminal_or_a_notebook_nothing_is_shown(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("VOXLAB_PROGRESS", raising=False)
    progress.Bar(lambda: 0.0, None).wait(waits(False, False, True))
    assert capfd.readouterr() == ("", "")
