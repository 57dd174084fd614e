"""baresip registers at `voxlab serve` over UDP, TCP and TLS, and two of them talk through its forwarding scenario."""

from __future__ import annotations

from pathlib import Path

import pytest

from .calls import CALLEE, CALLER, DOMAIN, FORWARDING
from .harness.baresip import Baresip
from .harness.namespace import Street, cannot_build_streets
from .harness.process import missing
from .harness.serve import Served
from .phones import CALLEE_HZ, CALLER_HZ, account, talk

_reason = cannot_build_streets() or missing("baresip")
pytestmark = [pytest.mark.peers, pytest.mark.skipif(_reason is not None, reason=str(_reason))]


def cloud_in(street: Street, host: str, folder: Path, authority: Path) -> Served:
    """Start a cloud in a street; its certificate authority is written to `authority`."""
    return Served(FORWARDING, folder, host=host, prefix=street.prefix, environment={"CA_FILE": str(authority)})


@pytest.mark.parametrize(("transport", "more"), [("udp", ""), ("tcp", ""), ("tls", ""), ("tls", ";mediaenc=srtp-mand")])
def test_two_phones_register_and_hear_each_other_through_the_cloud(tmp_path: Path, transport: str, more: str) -> None:
    with Street() as street:
        at_cloud, at_caller, at_callee = street.addresses
        authority = tmp_path / "ca.pem"
        with cloud_in(street, at_cloud, tmp_path / "voxlab", authority) as cloud:
            server = cloud.until_ready()[transport]
            alice = account(CALLER, server, transport, more)
            bob = account(CALLEE, server, transport, f";answermode=auto{more}")
            with (
                Baresip(tmp_path / CALLER, street, at_caller, alice, tone_hz=CALLER_HZ, authority=authority) as caller,
                Baresip(tmp_path / CALLEE, street, at_callee, bob, tone_hz=CALLEE_HZ, authority=authority) as callee,
            ):
                for phone in (caller, callee):
                    phone.until_ready()
                    phone.until_registered()
                talk(caller, callee, f"sip:{CALLEE}@{DOMAIN}")
            assert cloud.stop() == 0, cloud.tail()
