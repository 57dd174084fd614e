"""The lab's own certificate authority: makes certificates for SIP domains and addresses (RFC 5922 s.7.1), and TLS
contexts.

Keys live in a private directory that goes when the lab closes. Must not know of connections.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
import ssl
import tempfile
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

_VALID = dt.timedelta(days=397)  # longer-lived server certificates are refused by common clients
_CLOCK_SKEW = dt.timedelta(hours=1)
_PRIVATE = 0o600


class CertificateAuthority:
    """Signs with a key of its own that never leaves the process.

    Parameters
    ----------
    name : str
        The common name on its certificate.
    """

    def __init__(self, name: str = "voxlab lab authority") -> None:
        self._name = name
        self._directory: tempfile.TemporaryDirectory[str] | None = None
        self._contexts: dict[tuple[str, ...], ssl.SSLContext] = {}

    @cached_property
    def _key(self) -> EllipticCurvePrivateKey:
        return _new_key()

    @cached_property
    def certificate(self) -> x509.Certificate:
        """The authority's own certificate."""
        from cryptography import x509

        name = _common_name(self._name)
        usage = _usage(signs_certificates=True)
        builder = _builder(name, name, self._key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(x509.KeyUsage(**usage), critical=True)
        return builder.sign(self._key, _sha256())

    @property
    def pem(self) -> str:
        """The authority's certificate as PEM: what a phone has to trust."""
        return _pem(self.certificate).decode("ascii")

    def write(self, path: str | os.PathLike[str]) -> Path:
        """Write the authority's certificate to a file and return its path."""
        target = Path(path)
        target.write_text(self.pem, encoding="ascii")
        return target

    def server_context(self, names: tuple[str, ...]) -> ssl.SSLContext:
        """Return a context whose certificate bears ``names`` (SIP domains and IP addresses) and is signed by this
        authority.
        """
        context = self._contexts.get(names)
        if context is None:
            key = _new_key()
            context = self._contexts[names] = self._context(
                key, self._leaf(names, key, self._key, self.certificate.subject)
            )
        return context

    def self_signed_context(self, names: tuple[str, ...]) -> ssl.SSLContext:
        """Return a context whose certificate nobody vouches for: to show that clients refuse it."""
        key = _new_key()
        return self._context(key, self._leaf(names, key, key, _common_name(names[0])))

    def client_context(self) -> ssl.SSLContext:
        """Return a context that trusts this authority and no other, and checks names."""
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cadata=self.pem)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context

    def credentials(self, names: tuple[str, ...]) -> tuple[Path, Path]:
        """Write a certificate and its key for a program beside the lab; return their paths, the key's mode 0600."""
        key = _new_key()
        return self._store(key, self._leaf(names, key, self._key, self.certificate.subject))

    def _leaf(
        self, names: tuple[str, ...], key: EllipticCurvePrivateKey, signer: EllipticCurvePrivateKey, issuer: x509.Name
    ) -> x509.Certificate:
        """Make a certificate for TLS servers and clients; identities stand in subjectAltName alone (RFC 5922 s.7.1)."""
        from cryptography import x509

        usages = [x509.OID_SERVER_AUTH, x509.OID_CLIENT_AUTH]
        builder = _builder(_common_name(names[0]), issuer, key.public_key())
        builder = builder.add_extension(
            x509.SubjectAlternativeName([_alternative(name) for name in names]), critical=False
        )
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(x509.KeyUsage(**_usage(signs_certificates=False)), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
        return builder.add_extension(authority, critical=False).sign(signer, _sha256())

    def _context(self, key: EllipticCurvePrivateKey, leaf: x509.Certificate) -> ssl.SSLContext:
        """Load a key into a context; the file that OpenSSL insists on is removed at once."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        chain, private = self._store(key, leaf)
        try:
            context.load_cert_chain(chain, private)
        finally:
            private.unlink()
            chain.unlink()
        return context

    def _store(self, key: EllipticCurvePrivateKey, leaf: x509.Certificate) -> tuple[Path, Path]:
        if self._directory is None:
            self._directory = tempfile.TemporaryDirectory(prefix="voxlab-ca-")  # mode 0700
        directory = Path(tempfile.mkdtemp(dir=self._directory.name))
        chain, private = directory / "certificate.pem", directory / "key.pem"
        chain.write_bytes(_pem(leaf) + _pem(self.certificate))
        descriptor = os.open(private, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
        with os.fdopen(descriptor, "wb") as file:
            file.write(_key_pem(key))
        return chain, private

    def close(self) -> None:
        """Remove the directory of keys; may be called twice."""
        self._contexts.clear()
        if self._directory is not None:
            self._directory.cleanup()
            self._directory = None


def _new_key() -> EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1())


def _builder(subject: x509.Name, issuer: x509.Name, public_key: Any) -> x509.CertificateBuilder:
    from cryptography import x509

    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public_key)
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - _CLOCK_SKEW)
    identifier = x509.SubjectKeyIdentifier.from_public_key(public_key)
    return builder.not_valid_after(now + _VALID).add_extension(identifier, critical=False)


def _common_name(name: str) -> x509.Name:
    from cryptography import x509

    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name[:64])])  # its upper bound, RFC 5280 app. A


def _alternative(name: str) -> x509.GeneralName:
    """Return a name as subjectAltName: an IP address as such, all else as a domain."""
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _usage(*, signs_certificates: bool) -> dict[str, bool]:
    """Return the key usages of RFC 5280 s.4.2.1.3: an authority signs certificates, a leaf signs handshakes."""
    usages = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    granted = {"key_cert_sign", "crl_sign"} if signs_certificates else {"digital_signature"}
    return {usage: usage in granted for usage in usages}


def _sha256() -> Any:
    from cryptography.hazmat.primitives import hashes

    return hashes.SHA256()


def _pem(certificate: x509.Certificate) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM)


def _key_pem(key: EllipticCurvePrivateKey) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
