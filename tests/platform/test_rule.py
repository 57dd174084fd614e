from __future__ import annotations

import pytest

from voxlab.base.errors import VoxlabError
from voxlab.platform.pattern import MAX_DESTINATION
from voxlab.platform.rule import Rule
from voxlab.platform.scenario import Scenario

FORWARD = Scenario("forward", object(), 1)


def rule(pattern: str = ".*", exclude: str | None = None) -> Rule:
    return Rule("out", FORWARD, pattern, exclude)


def test_a_pattern_has_to_match_the_whole_destination() -> None:
    assert rule("123").matches("123")
    assert not rule("123").matches("123456")
    assert not rule("123").matches("0123")
    assert rule("123.+").matches("123456")


def test_an_alternative_cannot_escape_the_whole_match() -> None:
    assert not rule("alice|bob").matches("bobby")
    assert rule("alice|bob").matches("bob")


def test_what_is_excluded_does_not_match() -> None:
    out = rule(r"\+49.*", exclude=r"\+4930.*")
    assert out.matches("+498999100")
    assert not out.matches("+4930999100")


def test_the_exclude_pattern_has_to_match_the_whole_too() -> None:
    assert rule(".*", exclude="bob").matches("bobby")


def test_no_rule_is_tried_on_an_endless_destination() -> None:
    assert rule().matches("1" * MAX_DESTINATION)
    assert not rule().matches("1" * (MAX_DESTINATION + 1))
    assert str(MAX_DESTINATION) in rule().explain("1" * (MAX_DESTINATION + 1)).why


@pytest.mark.parametrize(
    ("pattern", "exclude", "destination", "text"),
    [
        (r"\+49.*", None, "+4930", r"✓ rule 'out': '+4930' matches \+49.*: scenario 'forward' runs"),
        (
            r"\+49.*",
            "bob",
            "+4930",
            r"✓ rule 'out': '+4930' matches \+49.* and is not excluded by bob: scenario 'forward' runs",
        ),
        (r"\+49.*", None, "+7495", r"✗ rule 'out': '+7495' does not match \+49.*"),
        (
            r"\+49",
            None,
            "+4930",
            r"✗ rule 'out': \+49 matches only a part of '+4930', namely '+49'; a pattern has to match the whole",
        ),
        (r"\+49.*", r"\+4930.*", "+4930", r"✗ rule 'out': '+4930' matches \+49.* but is excluded by \+4930.*"),
    ],
)
def test_a_rule_says_why_it_takes_a_destination_or_why_not(
    pattern: str, exclude: str | None, destination: str, text: str
) -> None:
    check = rule(pattern, exclude).explain(destination)
    assert str(check) == repr(check) == text
    assert check.matched is text.startswith("✓") is rule(pattern, exclude).matches(destination)


def test_what_is_no_string_is_no_destination() -> None:
    with pytest.raises(VoxlabError, match="a destination is a string"):
        rule().explain(4930)  # type: ignore[arg-type]


def test_a_rule_takes_both_patterns_or_neither() -> None:
    out = rule(r"\+49.*")
    with pytest.raises(VoxlabError, match="the exclude pattern of rule 'out'"):
        out.define("bob", "(")
    assert out.matches("+4930")
    assert not out.matches("bob")
    assert (out.pattern, out.exclude) == (r"\+49.*", None)
