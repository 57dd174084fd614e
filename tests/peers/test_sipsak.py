"""sipsak asks a live cloud what it can do, and registers with digest (RFC 3261 s.10, s.11, s.22)."""

from __future__ import annotations

from pathlib import Path

import pytest

from .calls import CALLER, DOMAIN, FORWARDING, PASSWORD
from .harness.ports import own_address
from .harness.process import Program, missing
from .harness.serve import Served

pytestmark = [pytest.mark.peers, pytest.mark.skipif(missing("sipsak") is not None, reason=str(missing("sipsak")))]
# sipsak looks up the domain of a URI even when it is told a proxy, so a domain that DNS does not know comes in a file.
REGISTER = f"""\
REGISTER sip:{DOMAIN} SIP/2.0
Max-Forwards: 70
From: <sip:{CALLER}@{DOMAIN}>;tag=sipsak
To: <sip:{CALLER}@{DOMAIN}>
Call-ID: registration-of-sipsak
CSeq: 1 REGISTER
Contact: <sip:{CALLER}@192.0.2.7:5099>
Expires: 60
Content-Length: 0

"""


def sipsak(folder: Path, server: str, *arguments: str) -> tuple[int, str]:
    """Let sipsak talk to ``HOST:PORT``; return its exit code and all that it says."""
    with Program(["sipsak", "-vv", "-s", f"sip:{server}", *arguments], folder, "sipsak") as asked:
        return asked.wait(15.0), asked.tail(200)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_options_is_answered_with_what_the_cloud_can_do(tmp_path: Path, transport: str) -> None:
    with Served(FORWARDING, tmp_path / "voxlab", host=own_address()) as cloud:
        server = cloud.until_ready()[transport]
        code, said = sipsak(tmp_path, server, "-E", transport)
    assert code == 0, said
    assert "SIP/2.0 200 OK" in said
    assert "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS" in said


def test_a_device_registers_with_its_password_and_not_with_another(tmp_path: Path) -> None:
    request = tmp_path / "register.sip"
    request.write_text(REGISTER)
    with Served(FORWARDING, tmp_path / "voxlab", host=own_address()) as cloud:
        server = cloud.until_ready()["udp"]
        refused, why = sipsak(tmp_path / "wrong", server, "-f", str(request), "-u", CALLER, "-a", "not this one")
        accepted, said = sipsak(tmp_path / "right", server, "-f", str(request), "-u", CALLER, "-a", PASSWORD)
    assert refused != 0, why
    assert "SIP/2.0 401" in why
    assert accepted == 0, said
    assert f"Contact: <sip:{CALLER}@192.0.2.7:5099>;expires=60" in said
