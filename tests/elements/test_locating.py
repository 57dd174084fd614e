from __future__ import annotations

from collections import Counter

import pytest

from voxlab.base.errors import VoxlabError
from voxlab.base.ids import Ids
from voxlab.elements.locating import Hop, locate
from voxlab.elements.zone import Naptr, Srv, Unknown, Zone
from voxlab.sip.uri import Uri

ALL = ("UDP", "TCP", "TLS")


@pytest.fixture
def zone() -> Zone:
    """The example of RFC 3263 s.4.1, with addresses."""
    zone = Zone()
    zone.naptr_records(
        "example.com",
        Naptr(100, 50, "SIP+D2U", "_sip._udp.example.com."),
        Naptr(50, 50, "SIPS+D2T", "_sips._tcp.example.com."),
        Naptr(90, 50, "SIP+D2T", "_sip._tcp.example.com"),
        Naptr(10, 50, "E2U+sip", "elsewhere.example"),
    )
    zone.srv_records(
        "_sip._tcp.example.com", Srv(0, 1, 5060, "server1.example.com"), Srv(0, 2, 5060, "server2.example.com")
    )
    zone.srv_records(
        "_sip._udp.example.com", Srv(1, 0, 5070, "server2.example.com"), Srv(0, 0, 5060, "server1.example.com")
    )
    zone.srv_records("_sips._tcp.example.com", Srv(0, 0, 5061, "server1.example.com"))
    zone.a("server1.example.com", "192.0.2.1")
    zone.a("server2.example.com", "192.0.2.2", "2001:db8::2")
    zone.a("plain.example", "198.51.100.9")
    return zone


def hops(zone: Zone, uri: str, *transports: str, seed: int = 1) -> list[Hop]:
    return locate(Uri.parse(uri), zone, transports or ALL, Ids.seeded(seed))


@pytest.mark.parametrize(
    ("uri", "first"),
    [
        ("sip:a@192.0.2.7", Hop("UDP", "192.0.2.7", 5060)),
        ("sip:a@192.0.2.7:5080", Hop("UDP", "192.0.2.7", 5080)),
        ("sip:a@[2001:db8::7]", Hop("UDP", "2001:db8::7", 5060)),
        ("sip:a@192.0.2.7;transport=tcp", Hop("TCP", "192.0.2.7", 5060)),
        ("sips:a@192.0.2.7", Hop("TLS", "192.0.2.7", 5061)),
        ("sip:a@plain.example;maddr=192.0.2.8", Hop("UDP", "192.0.2.8", 5060)),
        ("sip:a@plain.example:5080", Hop("UDP", "198.51.100.9", 5080)),
        ("sip:a@plain.example", Hop("UDP", "198.51.100.9", 5060)),
        ("sips:a@plain.example", Hop("TLS", "198.51.100.9", 5061)),
        ("sip:a@plain.example;transport=tcp", Hop("TCP", "198.51.100.9", 5060)),
        ("sip:a@example.com;transport=udp", Hop("UDP", "192.0.2.1", 5060)),
        ("sip:a@EXAMPLE.COM.", Hop("TLS", "192.0.2.1", 5061)),
        ("sips:a@example.com", Hop("TLS", "192.0.2.1", 5061)),
    ],
)
def test_a_uri_leads_to_transport_address_and_port(zone: Zone, uri: str, first: Hop) -> None:
    assert hops(zone, uri)[0] == first


def test_naptr_gives_the_order_of_transports_and_other_services_are_discarded(zone: Zone) -> None:
    assert [hop.transport for hop in hops(zone, "sip:a@example.com")] == [
        "TLS",
        "TCP",
        "TCP",
        "TCP",
        "UDP",
        "UDP",
        "UDP",
    ]


def test_a_client_without_tls_takes_the_most_preferred_of_the_others(zone: Zone) -> None:
    assert {hop.transport for hop in hops(zone, "sip:a@example.com", "UDP", "TCP")} == {"TCP", "UDP"}


def test_a_sips_uri_discards_every_service_without_tls(zone: Zone) -> None:
    assert hops(zone, "sips:a@example.com") == [Hop("TLS", "192.0.2.1", 5061)]


def test_srv_goes_by_priority_and_each_target_by_all_its_addresses(zone: Zone) -> None:
    assert hops(zone, "sip:a@example.com", "UDP") == [
        Hop("UDP", "192.0.2.1", 5060),
        Hop("UDP", "192.0.2.2", 5070),
        Hop("UDP", "2001:db8::2", 5070),
    ]


def test_among_equals_the_weight_says_how_often_a_server_comes_first(zone: Zone) -> None:
    firsts = Counter(hops(zone, "sip:a@example.com", "TCP", seed=seed)[0].host for seed in range(600))
    assert 0.55 < firsts["192.0.2.2"] / 600 < 0.78  # two of three


def test_an_explicit_port_asks_no_srv(zone: Zone) -> None:
    assert hops(zone, "sip:a@example.com:5060") == []
    zone.a("example.com", "192.0.2.3")
    assert hops(zone, "sip:a@example.com:5060") == [Hop("UDP", "192.0.2.3", 5060)]


def test_a_service_that_is_decidedly_not_there_is_not_tried(zone: Zone) -> None:
    zone.srv_records("_sip._udp.closed.example", Srv(0, 0, 5060, "."))
    assert hops(zone, "sip:a@closed.example") == []


def test_a_name_that_does_not_exist_leads_nowhere(zone: Zone) -> None:
    assert hops(zone, "sip:a@nobody.example") == []
    assert hops(zone, "sip:a@192.0.2.7;transport=sctp") == []


def test_names_may_be_served_by_somebody_who_knows_them_when_asked(zone: Zone) -> None:
    zone.serve(lambda name: ["192.0.2.10"] if name.endswith(".voxlab.test") else [])
    assert hops(zone, "sip:a@shop.acme.voxlab.test") == [Hop("UDP", "192.0.2.10", 5060)]


def test_what_is_not_known_yet_is_asked_for_one_question_at_a_time(zone: Zone) -> None:
    class Cache(Zone):
        def naptr(self, name: str) -> tuple[Naptr, ...]:
            raise Unknown(name, "NAPTR")

    with pytest.raises(Unknown, match=r"NAPTR example\.com"):
        hops(Cache(), "sip:a@example.com")


def test_records_that_cannot_be_are_refused() -> None:
    with pytest.raises(VoxlabError, match="an A record holds an IP address, not 'server1'"):
        Zone().a("example.com", "server1")
    with pytest.raises(VoxlabError, match="a port"):
        Zone().srv_records("_sip._udp.example.com", Srv(0, 0, 0, "server1"))
