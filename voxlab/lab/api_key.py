"""Keys of the management API: made here, the private half written to a file for its owner alone."""

from __future__ import annotations

import json
import os
from pathlib import Path

from voxlab.platform.access import ApiKey

KEY_BITS = 2048


def key_pair() -> tuple[str, str]:
    """Return a new RSA key (RFC 7518 s.3.3: 2048 bits or more), the private and the public half as PEM."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65_537, key_size=KEY_BITS)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode("ascii"), public.decode("ascii")


def write_credentials(path: Path, key: ApiKey, private: str, account_number: int, email: str) -> Path:
    """Write the credentials file that the reference's clients read; mode 0600, an older one is replaced."""
    credentials = {
        "account_email": email,
        "account_id": account_number,
        "key_id": key.key_id,
        "private_key": private,
    }
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(credentials, file, indent=1)
    return path
