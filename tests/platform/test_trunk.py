from __future__ import annotations

import ipaddress

import pytest

from voxlab.base.errors import VoxlabError
from voxlab.base.ids import Ids
from voxlab.platform.platform import Platform
from voxlab.platform.trunk import Trunk, networks


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
