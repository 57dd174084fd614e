from __future__ import annotations

import ipaddress

import pytest

from voxlab.base.errors import VoxlabError
from voxlab.base.ids import Ids
from voxlab.platform.platform import Platform
from voxlab.platform.trunk import Trunk, networks
from voxlab.platform.trunk_explanation import explain


def read(*allow: str) -> list[str]:
    return [str(network) for network in networks(allow, "trunk 'gigafon'")]


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("198.51.100.0/24", "198.51.100.0/24"),
        ("198.51.100.0/255.255.255.0", "198.51.100.0/24"),
        ("198.51.100.77/24", "198.51.100.0/24"),
        ("198.51.100.77/255.255.255.192", "198.51.100.64/26"),
        ("198.51.100.7", "198.51.100.7/32"),
        ("198.51.100.7/32", "198.51.100.7/32"),
        (" 198.51.100.0/24 ", "198.51.100.0/24"),
        ("127.0.10.0/24", "127.0.10.0/24"),
        ("2001:db8:0:0::17/32", "2001:db8::/32"),
        ("2001:db8::1", "2001:db8::1/128"),
    ],
)
def test_a_network_is_read_in_each_form_and_bits_of_the_host_are_cleared(given: str, meant: str) -> None:
    assert read(given) == [meant]


def test_a_network_given_twice_is_kept_once() -> None:
    assert read("198.51.100.1/24", "198.51.100.2/24") == ["198.51.100.0/24"]


@pytest.mark.parametrize(
    "given", ["", "198.51.100.0/33", "198.51.100", "carrier.example", "198.51.100.0/255.0.255.0", "::/129"]
)
def test_what_is_no_network_is_refused_with_the_forms_there_are(given: str) -> None:
    with pytest.raises(VoxlabError, match=r"is no network for trunk 'gigafon': write 198\.51\.100\.0/24"):
        read(given)


def test_a_wildcard_mask_is_not_taken_for_a_netmask() -> None:
    with pytest.raises(VoxlabError, match=r"no netmask behind the slash: that would be 255\.255\.255\.0"):
        read("198.51.100.0/0.0.0.255")


@pytest.mark.parametrize("given", ["127.0.0.1", "127.0.0.0/8", "0.0.0.0/0", "127.0.0.0/255.255.255.0"])
def test_no_whitelist_holds_the_address_that_every_program_of_the_machine_may_use(given: str) -> None:
    with pytest.raises(VoxlabError, match=r"holds 127\.0\.0\.1.*such as 127\.0\.10\.1"):
        read(given)


def test_a_whitelist_is_a_list() -> None:
    with pytest.raises(VoxlabError, match=r"write allow=\['198"):
        networks("198.51.100.0/24", "trunk 'gigafon'")
    with pytest.raises(VoxlabError, match="a network of trunk 'gigafon' is a string"):
        networks([24], "trunk 'gigafon'")  # type: ignore[list-item]


def test_a_trunk_says_which_network_holds_an_address() -> None:
    trunk = Trunk("gigafon", "acme", networks(["203.0.113.0/28", "198.51.100.0/24", "2001:db8::/32"], "it"))
    assert trunk.match("198.51.100.200") == ipaddress.ip_network("198.51.100.0/24")
    assert trunk.match("2001:db8::5%eth0") == ipaddress.ip_network("2001:db8::/32")
    assert trunk.match("::ffff:198.51.100.7") == ipaddress.ip_network("198.51.100.0/24")
    assert trunk.match("203.0.113.16") is None
    assert trunk.match("sbc.example") is None


def test_a_trunk_is_made_once_and_its_whitelist_replaced_when_given() -> None:
    account = Platform(Ids.seeded(1)).account("acme")
    trunk = account.trunk("gigafon", allow=["198.51.100.0/24"])
    assert account.trunk("gigafon") is trunk
    assert trunk.match("198.51.100.7") is not None
    assert account.trunk("gigafon", allow=["203.0.113.0/24"]) is trunk
    assert trunk.match("198.51.100.7") is None


def test_an_address_may_not_belong_to_the_trunks_of_two_accounts() -> None:
    platform = Platform(Ids.seeded(1))
    platform.account("acme").trunk("gigafon", allow=["198.51.100.0/24"])
    with pytest.raises(
        VoxlabError,
        match=r"198\.51\.100\.128/25 of trunk 'tele' in account 'bikes' overlaps "
        r"198\.51\.100\.0/24 of trunk 'gigafon' in account 'acme'",
    ):
        platform.account("bikes").trunk("tele", allow=["203.0.113.0/24", "198.51.100.128/25"])
    assert platform.account("bikes").trunks == {}
    assert platform.trunk_from("203.0.113.1") is None


def test_trunks_of_one_account_may_overlap_and_the_first_wins() -> None:
    platform = Platform(Ids.seeded(1))
    account = platform.account("acme")
    first = account.trunk("first", allow=["198.51.100.0/24"])
    account.trunk("second", allow=["198.51.0.0/16"])
    assert platform.trunk_from("198.51.100.1") == (account, first)


def test_a_whitelist_may_be_given_again_although_it_overlaps_itself() -> None:
    platform = Platform(Ids.seeded(1))
    for _ in range(2):
        platform.account("acme").trunk("gigafon", allow=["198.51.100.0/24"])
    assert len(platform.account("acme").trunks) == 1


# -- several trunks, several accounts


def test_of_two_trunks_of_an_account_the_narrower_network_wins() -> None:
    platform = Platform(Ids.seeded(1))
    account = platform.account("acme")
    account.trunk("wide", allow=["198.51.0.0/16"])
    narrow = account.trunk("narrow", allow=["198.51.100.0/24"])
    assert platform.trunk_from("198.51.100.1") == (account, narrow)


def test_two_accounts_may_share_an_address_when_numbers_tell_their_calls_apart() -> None:
    platform = Platform(Ids.seeded(1))
    shop, garage = platform.account("acme").application("shop"), platform.account("bikes").application("garage")
    platform.account("acme").trunk("gigafon", allow=["198.51.100.0/24"])
    platform.number("+4930999100", shop)
    with pytest.raises(VoxlabError, match="give both accounts telephone numbers"):
        platform.account("bikes").trunk("gigafon", allow=["198.51.100.0/24"])
    platform.number("+4930888100", garage)
    platform.account("bikes").trunk("gigafon", allow=["198.51.100.0/24"])
    assert [account.name for account, _ in platform.trunks_from("198.51.100.9")] == ["acme", "bikes"]
    with pytest.raises(VoxlabError, match="could belong to either"):
        platform.remove_number("+4930888100")
    assert "+4930888100" in platform.numbers


# -- the whitelist of an account, network by network


def test_networks_of_a_whitelist_have_numbers_that_stay_theirs() -> None:
    account = Platform(Ids.seeded(1)).account("acme")
    first = account.allow("198.51.100.7/24", "GigaFon Berlin")
    second = account.allow("203.0.113.0/255.255.255.240")
    assert [(item.number, str(item.network), item.description) for item in account.whitelist] == [
        (first.number, "198.51.100.0/24", "GigaFon Berlin"),
        (second.number, "203.0.113.0/28", ""),
    ]
    assert account.allow("198.51.100.0/24", "again").number == first.number
    account.disallow(first.number)
    assert [item.number for item in account.whitelist] == [second.number]
    assert account.trunk_from("198.51.100.9") is None
    with pytest.raises(VoxlabError, match=r"no network with number 1 on the whitelist of 'acme': 2 \(203"):
        account.disallow(first.number)


def test_a_trunk_is_forgotten_by_name() -> None:
    account = Platform(Ids.seeded(1)).account("acme")
    account.trunk("gigafon", allow=["198.51.100.0/24"])
    with pytest.raises(VoxlabError, match=r"unknown trunk 'gigafone'.*did you mean 'gigafon'"):
        account.remove_trunk("gigafone")
    account.remove_trunk("gigafon")
    assert account.trunk_from("198.51.100.9") is None


# -- the explanation


def test_a_trunk_explains_who_may_call_from_an_address() -> None:
    platform = Platform(Ids.seeded(1))
    account = platform.account("acme")
    trunk = account.trunk("gigafon", allow=["198.51.100.0/24"])
    platform.number("+4930999100", account.application("shop"))
    inside = explain(platform, trunk, "198.51.100.7")
    assert inside
    assert str(inside).splitlines() == [
        "✓ 198.51.100.7 is in 198.51.100.0/24 of trunk 'gigafon', account 'acme': no password is asked for",
        "  From in a domain of ours is challenged all the same (407)",
        "  REGISTER from there needs a digest like any other",
        "  in use: 0 calls",
        "  numbers of ours that it may call: +4930999100 → shop.acme.voxlab.test",
    ]


def test_a_trunk_explains_why_an_address_is_a_stranger() -> None:
    platform = Platform(Ids.seeded(1))
    account = platform.account("acme")
    trunk = account.trunk("gigafon", allow=["198.51.100.0/24"])
    other = account.trunk("telco", allow=["203.0.113.0/24", "198.51.100.64/26"])
    outside = explain(platform, trunk, "203.0.113.5")
    assert not outside
    assert outside.verdict == (
        "✗ 203.0.113.5 is not on the whitelist of trunk 'gigafon', 198.51.100.0/24: its calls get 403"
    )
    assert outside.details[0] == "it is an address of trunk 'telco' in account 'acme'"
    assert "198.51.100.64/26 of trunk 'telco' is narrower" in explain(platform, trunk, "198.51.100.70").verdict
    assert explain(platform, other, "198.51.100.70")
    with pytest.raises(VoxlabError, match=r"not 'sbc\.example'"):
        explain(platform, trunk, "sbc.example")
