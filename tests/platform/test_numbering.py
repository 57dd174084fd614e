from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxlab.base.errors import VoxlabError
from voxlab.platform.numbering import STYLES, Dialect, checked_number, is_global

GERMAN = "+4930555001"


@pytest.mark.parametrize(("style", "written"), STYLES.items())
def test_each_dialect_writes_a_number_in_its_way(style: str, written: str) -> None:
    assert Dialect(style, "49").write(GERMAN) == written
    assert Dialect(style, "49", "77#").write(GERMAN) == f"77#{written}"
    assert Dialect(style, "49", "77#").read(f"77#{written}") == GERMAN


def test_national_style_writes_foreign_numbers_with_00() -> None:
    national = Dialect("national", "49")
    assert national.write("+14155550100") == "0014155550100"
    assert national.read("0014155550100") == "+14155550100"


@given(st.sampled_from(sorted(STYLES)), st.integers(10**6, 10**14), st.sampled_from(["", "9", "*77"]))
def test_what_a_dialect_writes_it_can_read(style: str, digits: int, prefix: str) -> None:
    dialect, number = Dialect(style, "49", prefix), f"+{digits}"
    if style == "national" and number.startswith("+490"):
        return  # no subscriber's number in Germany begins with 0, which would read as the national prefix twice
    assert dialect.read(dialect.write(number)) == number


@pytest.mark.parametrize("text", ["alice", "", "110", "+", "0800GIGAFON", "+0301"])
def test_what_is_no_number_stays_as_it_is(text: str) -> None:
    assert Dialect().read(text) == text
    assert Dialect("national", "49").write(text) == text


def test_visual_separators_are_read_over() -> None:
    assert Dialect().read("+49 (30) 555-001") == GERMAN
    assert checked_number("+49 (30) 555.001", "it") == GERMAN


def test_a_number_without_its_plus_is_refused_with_the_number_that_may_be_meant() -> None:
    with pytest.raises(VoxlabError, match=r"not '004930555001'; did you mean '\+4930555001'"):
        checked_number("004930555001", "a number of shop")
    with pytest.raises(VoxlabError, match=r"not 'alice'$"):
        checked_number("alice", "a number of shop")
    assert not is_global("+1234567890123456")


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"style": "E164"}, "did you mean 'e164'"),
        ({"style": "national"}, "say which, country='49'"),
        ({"country": "+49"}, "one to three digits"),
        ({"prefix": "abc"}, "made of digits"),
    ],
)
def test_a_dialect_that_nobody_speaks_is_refused(wrong: dict[str, str], sentence: str) -> None:
    with pytest.raises(VoxlabError, match=sentence):
        Dialect(**wrong)
