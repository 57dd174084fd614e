from __future__ import annotations

import pytest

from voxlab.base.errors import VoxlabError, did_you_mean
from voxlab.platform.names import ACCOUNT, APPLICATION, USER, checked, checked_title


@pytest.mark.parametrize("name", ["alice", "bob", "oma", "4930555001", "0-0", "a_b-c", "a" * 50])
def test_a_user_may_have_the_names_that_the_management_api_allows(name: str) -> None:
    assert checked(name, USER) == name


@pytest.mark.parametrize("name", ["al", "", "Alice", "-bob", "_bob", "b.b.b", "a" * 51, "al ice", "bob\n", "ålice"])
def test_a_user_may_have_no_other_name(name: str) -> None:
    with pytest.raises(VoxlabError, match="cannot name a user: 3 to 50 lower-case letters"):
        checked(name, USER)


@pytest.mark.parametrize("name", ["shop", "a1", "call-center-2", "a" * 63])
def test_an_application_may_be_called_what_can_be_a_label_of_a_domain(name: str) -> None:
    assert checked(name, APPLICATION) == checked(name, ACCOUNT) == name


@pytest.mark.parametrize("name", ["s", "1shop", "shop-", "-shop", "Shop", "my_shop", "a" * 64, "shop.eu"])
def test_an_application_may_not_be_called_what_breaks_a_domain(name: str) -> None:
    with pytest.raises(VoxlabError, match="cannot name an application"):
        checked(name, APPLICATION)


@pytest.mark.parametrize(
    ("given", "meant"),
    [("Alice", "alice"), (" bob ", "bob"), ("al ice", "al-ice"), ("a.smith", "a-smith"), ("_bob", "bob")],
)
def test_a_wrong_name_gets_the_name_that_would_do(given: str, meant: str) -> None:
    with pytest.raises(VoxlabError, match=f"did you mean '{meant}'\\?"):
        checked(given, USER)


def test_an_underscore_becomes_a_hyphen_where_the_name_is_a_domain_label() -> None:
    with pytest.raises(VoxlabError, match=r"did you mean 'my-shop'\?"):
        checked("my_shop", APPLICATION)


def test_a_name_that_nothing_can_be_made_of_gets_an_example() -> None:
    with pytest.raises(VoxlabError, match="such as 'alice'"):
        checked("!!", USER)


def test_what_is_no_string_is_no_name() -> None:
    with pytest.raises(VoxlabError, match="is a string such as 'alice', not 7"):
        checked(7, USER)


@pytest.mark.parametrize("name", ["", "   ", "x" * 30, "two\nlines", 3])
def test_a_title_is_one_printable_line_of_limited_length(name: object) -> None:
    with pytest.raises(VoxlabError, match="a scenario"):
        checked_title(name, "a scenario", 29)


def test_did_you_mean_names_the_closest_or_what_there_is() -> None:
    assert did_you_mean("bobb", ["alice", "bob"]) == "; did you mean 'bob'?"
    assert did_you_mean("zzz", ["alice", "bob"]) == "; there is alice, bob"
    assert did_you_mean("zzz", []) == "; there is none yet"
    assert did_you_mean("zzz", [f"user-{n}" for n in range(10, 30)]).endswith("user-17, ...")
