"""Certificates that the lab makes for itself."""

from __future__ import annotations

import ipaddress
import ssl
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from voxlab.net.authority import CertificateAuthority


@pytest.fixture
def authority() -> Iterator[CertificateAuthority]:
    made = CertificateAuthority()
    yield made
    made.close()


def test_identities_stand_in_subject_alt_name(authority: CertificateAuthority) -> None:
    chain, _ = authority.credentials(("acme.voxlab.test", "127.64.0.10", "::1"))
    leaf, issuer = x509.load_pem_x509_certificates(chain.read_bytes())
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["acme.voxlab.test"]
    assert names.get_values_for_type(x509.IPAddress) == [
        ipaddress.ip_address("127.64.0.10"),
        ipaddress.ip_address("::1"),
    ]
    leaf.verify_directly_issued_by(issuer)
    assert issuer == authority.certificate
    assert isinstance(leaf.public_key(), ec.EllipticCurvePublicKey)
    assert leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False


def test_the_key_is_for_its_owner_alone_and_goes_with_the_lab() -> None:
    authority = CertificateAuthority()
    chain, private = authority.credentials(("acme.voxlab.test",))
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert stat.S_IMODE(private.parent.stat().st_mode) == 0o700
    authority.close()
    authority.close()
    assert not private.exists()
    assert not chain.exists()


def test_the_authoritys_own_certificate_can_be_written(authority: CertificateAuthority, tmp_path: Path) -> None:
    written = authority.write(tmp_path / "ca.pem")
    assert x509.load_pem_x509_certificate(written.read_bytes()) == authority.certificate
    assert "PRIVATE" not in written.read_text()


def test_a_context_for_a_name_is_made_once(authority: CertificateAuthority) -> None:
    assert authority.server_context(("a",)) is authority.server_context(("a",))
    assert authority.server_context(("a",)) is not authority.server_context(("b",))


def handshake(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> None:
    """Shake hands in memory."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    left = client.wrap_bio(to_client, to_server, server_hostname=name)
    right = server.wrap_bio(to_server, to_client, server_side=True)
    pending = [left, right]
    for _ in range(10):
        for side in list(pending):
            try:
                side.do_handshake()
                pending.remove(side)
            except ssl.SSLWantReadError:
                pass
    assert not pending


def test_clients_trust_what_it_signed_for_that_name_and_nothing_else(authority: CertificateAuthority) -> None:
    server = authority.server_context(("acme.voxlab.test", "127.64.0.10"))
    handshake(server, authority.client_context(), "acme.voxlab.test")
    handshake(server, authority.client_context(), "127.64.0.10")
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(server, authority.client_context(), "evil.voxlab.test")
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(authority.self_signed_context(("acme.voxlab.test",)), authority.client_context(), "acme.voxlab.test")
