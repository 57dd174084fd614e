"""Passwords for other telephonies, which have to be told again after a restart: sealed with a key that lies in another
file.

A user's password is never kept, only H(A1); but a registration elsewhere answers challenges of realms that nobody
knows beforehand. Whoever reads the store alone learns nothing; whoever reads both files knows the password.
"""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from voxlab.base.errors import VoxlabError
from voxlab.platform.secret import Secret

if TYPE_CHECKING:
    from cryptography.fernet import Fernet


class Seal:
    """Seals and opens words.

    Parameters
    ----------
    path : Path or None
        The key's file, mode 0600, made when first needed; None for a key that ends with the process.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._sealed: dict[Secret, str] = {}

    @cached_property
    def _fernet(self) -> Fernet:
        from cryptography.fernet import Fernet

        try:
            return Fernet(_kept_key(self._path) if self._path is not None else Fernet.generate_key())
        except ValueError:
            raise VoxlabError(f"{self._path} is no key of a store: move it away, give the passwords anew") from None

    def seal(self, secret: Secret) -> str:
        """Return a text that only the key can read, the same for the same word."""
        known = self._sealed.get(secret)
        if known is None:
            known = self._sealed[secret] = self._fernet.encrypt(secret.reveal().encode()).decode("ascii")
        return known

    def open(self, sealed: str) -> Secret | None:
        """Return the word again; None where the key is another, or the text was changed."""
        from cryptography.fernet import InvalidToken

        try:
            secret = Secret(self._fernet.decrypt(sealed.encode()).decode())
        except InvalidToken:
            return None
        self._sealed[secret] = sealed
        return secret


def _kept_key(path: Path) -> bytes:
    from cryptography.fernet import Fernet

    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_bytes()
    key = Fernet.generate_key()
    with os.fdopen(descriptor, "wb") as file:
        file.write(key)
    return key
