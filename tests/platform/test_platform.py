from __future__ import annotations

import copy
import pickle
import re

import pytest

from voxlab.base.errors import VoxlabError
from voxlab.base.ids import Ids
from voxlab.platform.application import Application
from voxlab.platform.platform import Platform
from voxlab.platform.secret import Secret


@pytest.fixture
def platform() -> Platform:
    return Platform(Ids.seeded(7))


@pytest.fixture
def shop(platform: Platform) -> Application:
    return platform.account("acme").application("shop")


def forward() -> str:
    return "forwarded"


def refuse() -> str:
    return "refused"


def test_an_application_has_a_domain_of_its_own(platform: Platform, shop: Application) -> None:
    assert shop.domain == "shop.acme.voxlab.test"
    assert platform.application_at("Shop.ACME.voxlab.test") is shop
    assert platform.application_at("shop.acme.voxlab.test.") is shop


@pytest.mark.parametrize(
    "host",
    [
        "acme.voxlab.test",
        "voxlab.test",
        "shop.bikes.voxlab.test",
        "shop.acme.example",
        "",
        "192.0.2.1",
        "a.shop.acme.voxlab.test",
    ],
)
def test_no_other_domain_leads_to_the_application(platform: Platform, shop: Application, host: str) -> None:
    assert platform.application_at(host) is None


def test_the_platform_may_have_another_domain() -> None:
    shop = Platform(Ids.seeded(1), "pbx.example").account("acme").application("shop")
    assert (shop.domain, shop.realm) == ("shop.acme.pbx.example", "pbx.example")


@pytest.mark.parametrize("domain", ["", "-a.test", "Voxlab.test", "a..b", "a_b.test", "x" * 64])
def test_a_platform_needs_a_domain_that_can_be_one(domain: str) -> None:
    with pytest.raises(VoxlabError, match="is no domain for a platform"):
        Platform(Ids.seeded(1), domain)


def test_a_domain_that_would_be_too_long_is_refused() -> None:
    account = Platform(Ids.seeded(1), ".".join(["a" * 62] * 3)).account("b" * 40)
    with pytest.raises(VoxlabError, match="a domain has at most 253"):
        account.application("c" * 40)


def test_definitions_made_twice_are_the_same_objects(platform: Platform) -> None:
    def cell() -> tuple[object, ...]:
        account = platform.account("acme")
        shop = account.application("shop")
        scenario = shop.scenario("forward", forward)
        return account, shop, shop.user("alice"), scenario, shop.rules[0]

    first, second = cell(), cell()
    assert all(one is other for one, other in zip(first, second, strict=True))
    assert len(platform.account("acme").application("shop").rules) == 1


def test_a_second_definition_updates_what_is_given_and_keeps_the_rest(shop: Application) -> None:
    alice = shop.user("alice", display_name="Alice", password="in wonderland")
    shop.user("alice")
    assert (alice.display_name, alice.password.reveal()) == ("Alice", "in wonderland")
    shop.user("alice", password="through the glass")
    assert (alice.display_name, alice.password.reveal()) == ("Alice", "through the glass")
    assert alice.ha1("alice", "MD5") != shop.user("bob").ha1("bob", "MD5")


def test_a_wrong_name_makes_nothing(platform: Platform, shop: Application) -> None:
    for wrong in (
        lambda: platform.account("A"),
        lambda: platform.account("acme").application("-"),
        lambda: shop.user("al"),
    ):
        with pytest.raises(VoxlabError, match="cannot name"):
            wrong()
    assert list(platform.accounts) == ["acme"]
    assert list(platform.account("acme").applications) == ["shop"]
    assert shop.users == {}


def test_an_unknown_user_is_named_with_the_closest_there_is(shop: Application) -> None:
    shop.user("alice")
    bob = shop.user("bob")
    assert shop.find_user("bob") is bob
    with pytest.raises(VoxlabError, match=r"unknown user 'bobb' in shop\.acme\.voxlab\.test; did you mean 'bob'\?"):
        shop.find_user("bobb")


def test_users_of_two_applications_are_strangers(platform: Platform, shop: Application) -> None:
    help_desk = platform.account("acme").application("help")
    here, there = shop.user("alice"), help_desk.user("alice")
    assert here is not there
    assert here.password != there.password
    assert platform.user_at("alice", "help.acme.voxlab.test") is there


def test_a_user_authenticates_by_the_name_alone_or_in_full(platform: Platform, shop: Application) -> None:
    alice = shop.user("alice")
    assert platform.user_named("alice", shop.domain) is alice
    assert platform.user_named("alice@shop.acme.voxlab.test", "anywhere.example") is alice
    assert platform.user_named("alice", "anywhere.example") is None
    assert platform.user_named("alice@anywhere.example", shop.domain) is None
    assert platform.user_named("bob", shop.domain) is None


def test_ha1_is_kept_for_both_names_and_both_algorithms(platform: Platform, shop: Application) -> None:
    alice = shop.user("alice", password="Circle Of Life")
    # from: printf '%s' 'alice:voxlab.test:Circle Of Life' | md5sum, sha256sum
    assert alice.ha1("alice", "MD5") == "0c5d26ea1b165baf29b4fecd5e787ab8"
    assert alice.ha1("alice", "sha-256") == "d0bcff257207cb192680ade9cb0aa12d2b45d46140ec41e672651b3488af3e11"
    assert alice.ha1("alice@shop.acme.voxlab.test", "MD5") == "08c4e652d18ae851684ae6c5b206c091"
    assert (
        alice.ha1("alice@shop.acme.voxlab.test", "SHA-256")
        == "c577b301cc5c3fb076716d7d776256aceab9c0881dce77d912d966e4736fc1df"
    )
    assert alice.ha1("alice", "SHA-512-256") is None
    assert alice.ha1("bob", "MD5") is None


def test_a_generated_password_is_what_the_management_api_asks_for(shop: Application) -> None:
    word = shop.user("alice").password.reveal()
    assert len(word) >= 8
    assert all(re.search(kind, word) for kind in ("[a-z]", "[A-Z]", "[0-9]", "[^a-zA-Z0-9]"))


def test_one_seed_gives_one_password_whatever_else_is_defined() -> None:
    alone = Platform(Ids.seeded(7)).account("acme").application("shop").user("bob")
    shop = Platform(Ids.seeded(7)).account("acme").application("shop")
    shop.user("alice")
    assert shop.user("bob").password == alone.password
    assert shop.user("bob").password != shop.user("alice").password
    assert Platform(Ids.seeded(8)).account("acme").application("shop").user("bob").password != alone.password


def test_a_password_never_prints_itself(shop: Application) -> None:
    alice = shop.user("alice", password="in wonderland")
    for shown in (repr(alice), str(alice), f"{alice.password}", repr(alice.password), repr([alice.password])):
        assert "wonderland" not in shown
    for leak in (pickle.dumps, copy.deepcopy):
        with pytest.raises(VoxlabError, match="a secret is not pickled"):
            leak(alice.password)
    assert alice.password == Secret("in wonderland")
    assert alice.password != "in wonderland"


@pytest.mark.parametrize(
    ("word", "why"), [("", "1 to 128"), ("x" * 129, "1 to 128"), ("tab\tbed", "print"), (b"bytes", "string")]
)
def test_a_password_that_no_phone_can_be_told_is_refused(shop: Application, word: str, why: str) -> None:
    with pytest.raises(VoxlabError, match=why):
        shop.user("alice", password=word)
    assert shop.users == {}


@pytest.mark.parametrize("word", ["secret", "1234", "mot de passe", "пароль", "a:b"])
def test_a_simple_password_is_the_owner_s_choice(shop: Application, word: str) -> None:
    assert shop.user("alice", password=word).password.reveal() == word
