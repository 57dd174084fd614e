"""OpenSSL judges the cloud's certificate, because baresip 1.0 takes any: signed by the lab's authority, for the domain.

RFC 5922 s.7: what counts is the SIP domain, not the host that stands in for it.
"""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest

from .calls import DOMAIN, FORWARDING
from .harness.ports import own_address
from .harness.serve import Served

pytestmark = pytest.mark.peers


def greet(server: str, authority: Path | None) -> str | None:
    """Shake hands with ``HOST:PORT`` as a phone of the domain would; return the TLS version."""
    host, _, port = server.rpartition(":")
    context = ssl.create_default_context(cafile=authority)
    with (
        socket.create_connection((host, int(port)), 5.0) as plain,
        context.wrap_socket(plain, server_hostname=DOMAIN) as secured,
    ):
        return secured.version()


def test_the_certificate_is_signed_by_the_labs_own_authority_for_the_domain(tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    with Served(FORWARDING, tmp_path, host=own_address(), environment={"CA_FILE": str(authority)}) as cloud:
        assert greet(cloud.until_ready()["tls"], authority) in {"TLSv1.2", "TLSv1.3"}


def test_who_does_not_know_the_authority_does_not_trust_the_cloud(tmp_path: Path) -> None:
    with Served(FORWARDING, tmp_path, host=own_address(), environment={"CA_FILE": str(tmp_path / "ca.pem")}) as cloud:
        server = cloud.until_ready()["tls"]
        with pytest.raises(ssl.SSLCertVerificationError):
            greet(server, authority=None)
