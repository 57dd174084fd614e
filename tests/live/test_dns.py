"""Names of the live world: a DNS server on loopback is asked, and a gateway found by its SRV records (RFC 3263 s.4)."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.operators import OMA, Operators
from voxlab.base.errors import CallFailed, VoxlabError
from voxlab.lab.lab import Lab

dns_message = pytest.importorskip("dns.message", reason="dnspython is missing; cure: make install ARGS=full")
import dns.rcode  # noqa: E402
import dns.rrset  # noqa: E402

HOST = "127.0.53.1"


class NameServer:
    """Answers questions over UDP from a table; what is not there does not exist."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.records: dict[tuple[str, str], str] = {}
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((HOST, 0))
        self.address = f"{HOST}:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            data, sender = self._socket.recvfrom(4096)
            if not data:
                return
            query = dns_message.from_wire(data)
            question = query.question[0]
            name, kind = question.name.to_text().rstrip("."), dns.rdatatype.to_text(question.rdtype)
            self.asked.append((name, kind))
            answer = dns_message.make_response(query)
            record = self.records.get((name, kind))
            if record is None:
                answer.set_rcode(dns.rcode.NXDOMAIN)
            else:
                answer.answer.append(dns.rrset.from_text(question.name, 300, "IN", kind, record))
            self._socket.sendto(answer.to_wire(), sender)

    def close(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bell:
            bell.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()


@pytest.fixture
def server() -> Iterator[NameServer]:
    made = NameServer()
    yield made
    made.close()


@pytest.fixture
def operators(server: NameServer) -> Iterator[Operators]:
    made = Operators(live=True, nameserver=server.address)
    made.giga.allow(made.lab.cloud.place.host)

    @made.shop.scenario(pattern=r"\+49.*")
    async def dial_out(call: Any) -> None:
        await call.forward_to_pstn()

    yield made
    made.lab.close()


def test_a_gateway_is_found_by_naptr_and_srv(server: NameServer, operators: Operators) -> None:
    giga = operators.giga.address.partition(":")[0]
    server.records = {
        ("telco.example", "NAPTR"): '10 50 "s" "SIP+D2U" "" _sip._udp.telco.example.',
        ("_sip._udp.telco.example", "SRV"): "10 1 5060 sbc.telco.example.",
        ("sbc.telco.example", "A"): giga,
    }
    operators.account.trunk("gigafon", gateway="telco.example")
    with pytest.raises(CallFailed, match="403 Forbidden, said by gigafon"):
        operators.alice.dial(OMA).wait()  # it is there; the name is not its own, and it carries nothing through
    assert server.asked == [
        ("telco.example", "NAPTR"),
        ("_sip._udp.telco.example", "SRV"),
        ("sbc.telco.example", "A"),
    ]
    with pytest.raises(CallFailed, match="403"):
        operators.alice.dial(OMA).wait()
    assert len(server.asked) == 3  # remembered


def test_a_name_that_does_not_exist_fails_the_call_and_is_remembered(server: NameServer, operators: Operators) -> None:
    operators.account.trunk("gigafon", gateway="nobody.example")
    for _ in range(2):
        with pytest.raises(CallFailed, match="503"):
            operators.alice.dial(OMA).wait()
    assert len(server.asked) == len(set(server.asked))


def test_a_registration_waits_for_its_name(server: NameServer, operators: Operators) -> None:
    server.records = {("telco.example", "A"): operators.giga.address.partition(":")[0]}
    line = operators.giga.line("acme-office")
    registration = operators.shop.sip_registration(
        line.username, proxy="gigafon.example", outbound_proxy="telco.example", password=line.password
    )
    operators.lab.run(until=lambda: registration.state == "successful")
    assert registration.state == "successful"
    assert ("telco.example", "A") in server.asked


def test_the_simulated_world_asks_nobody() -> None:
    with pytest.raises(VoxlabError, match=r"lab\.zone is all of DNS"):
        Lab(nameserver="127.0.0.1")
    with pytest.raises(VoxlabError, match="nameserver takes"):
        Lab(live=True, nameserver="ns.example:x")
