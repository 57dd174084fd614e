from __future__ import annotations

import pytest

from voxlab.base.errors import VoxlabError
from voxlab.platform.pattern import MAX_PATTERN, compiled

OWNER = "the pattern of rule 'out'"


@pytest.mark.parametrize("pattern", ["(+49", "[0-9", "a{2,1}", "(?P<n>a)(?P<n>b)", "\\"])
def test_a_mistake_in_a_pattern_is_shown_with_its_owner_and_the_pattern(pattern: str) -> None:
    with pytest.raises(VoxlabError, match=r"the pattern of rule 'out' is no regular expression, '") as raised:
        compiled(pattern, OWNER)
    assert raised.value.__cause__ is None


def test_the_commonest_mistake_gets_its_cure() -> None:
    with pytest.raises(VoxlabError, match=r"at character 1; \+ repeats what stands before it.*write \\\+"):
        compiled("+49.*", OWNER)


@pytest.mark.parametrize(
    "pattern",
    [
        r"(\d+)+",
        r"(\d*)*",
        r"(?:\d+-?)*",
        r"(?P<n>a+)+b",
        r"((\d+))+",
        r"(\d{1,3})+",
        r"(\d+){2,}",
        r"(\d+){0,40}",
        r"x([)]a+)*",
        r"(\d+)+?",
    ],
)
def test_a_repeated_repetition_is_refused_before_it_can_hang_the_lab(pattern: str) -> None:
    with pytest.raises(VoxlabError, match="repeats a repetition"):
        compiled(pattern, OWNER)


@pytest.mark.parametrize(
    "pattern",
    [
        ".*",
        r"\+49.*",
        r"\+?[1-9]\d{1,14}",
        r"(?:49|43)\d+",
        r"(\d[- ]?)+",
        r"(?:\d++,)*",
        r"(?>\d+,)*",
        r"(\d+)(\d+)",
        r"(\d{3}){2,}",
        r"(\d+){1,3}",
        r"([*+])+",
        r"(\(\+)*",
        r"(a\+)*",
        r"(\d+)++",
        r"sip:(alice|bob)",
    ],
)
def test_a_pattern_that_does_not_backtrack_without_end_is_taken(pattern: str) -> None:
    assert compiled(pattern, OWNER).pattern == pattern


def test_a_pattern_has_a_greatest_length() -> None:
    assert compiled("1" * MAX_PATTERN, OWNER)
    with pytest.raises(VoxlabError, match=f"at most {MAX_PATTERN} are allowed"):
        compiled("1" * (MAX_PATTERN + 1), OWNER)


@pytest.mark.parametrize("pattern", [None, 49, ["a"]])
def test_what_is_no_string_is_no_pattern(pattern: object) -> None:
    with pytest.raises(VoxlabError, match="is a string with a regular expression"):
        compiled(pattern, OWNER)  # type: ignore[arg-type]
