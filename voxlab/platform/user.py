"""A user of an application: an address-of-record, a password, and the two names under which its devices may
authenticate.

RFC 3261 s.22.4 with RFC 7616 s.3.4.2 (what H(A1) is made of). Must not know challenges, nonces or messages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from voxlab.base.errors import VoxlabError
from voxlab.platform.secret import Secret
from voxlab.sip.digest import ha1

ALGORITHMS = ("SHA-256", "MD5")
"""What H(A1) is kept for (RFC 8760 s.2.3: the preferred first)."""


@dataclass(eq=False, slots=True)
class User:
    """Somebody whom devices can register for and calls can be sent to.

    Attributes
    ----------
    name : str
        The user part, such as "alice".
    domain : str
        The domain of the application, such as "shop.acme.voxlab.test".
    realm : str
        The protection domain of the password: the platform's own domain.
    display_name : str
        How the user likes to be shown, "" if not said.
    password : Secret or None
        Only simulated phones and ``phone_settings`` need it; the platform itself compares H(A1), which is all that a
        store brings back.
    active : bool
        Whether credentials of this user are accepted.
    aor : str
        The address-of-record without its scheme: ``alice@shop.acme.voxlab.test``; also the full name for digest.
    """

    name: str
    domain: str
    realm: str
    password: Secret | None
    display_name: str = ""
    active: bool = True
    aor: str = field(init=False)
    _ha1: Mapping[tuple[str, str], str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.aor = f"{self.name}@{self.domain}"
        self._ha1 = MappingProxyType({})
        if self.password is not None:
            self.change_password(self.password)

    def change_password(self, password: Secret) -> None:
        """Take another password; devices have to authenticate with it from their next request on."""
        self.password = password
        self._ha1 = MappingProxyType(
            {
                (name, algorithm): ha1(name, self.realm, password.reveal(), algorithm)
                for name in (self.name, self.aor)
                for algorithm in ALGORITHMS
            }
        )

    @property
    def hashes(self) -> Mapping[tuple[str, str], str]:
        """H(A1) by name and algorithm: what is to be kept of a password."""
        return self._ha1

    def restore(self, hashes: Mapping[tuple[str, str], str], candidate: Secret | None = None) -> None:
        """Take H(A1) from a store; ``candidate`` is the password if it fits them, else nobody knows it any more."""
        known = candidate is not None and ha1(self.name, self.realm, candidate.reveal(), "MD5") == hashes.get(
            (self.name, "MD5")
        )
        self.password = candidate if known else None
        self._ha1 = MappingProxyType(dict(hashes))

    def known_password(self) -> Secret:
        """Return the password.

        Raises
        ------
        VoxlabError
            When it came from a store, which keeps H(A1) alone.
        """
        if self.password is None:
            raise VoxlabError(
                f"the password of {self.aor} is not known any more: the store keeps its hash only. "
                f"Set one with user({self.name!r}, password=...), or give the phone the old one: phone(password=...)"
            )
        return self.password

    def ha1(self, username: str, algorithm: str) -> str | None:
        """Return H(A1) for one of the user's two names and an algorithm, None if there is none for that pair."""
        return self._ha1.get((username, algorithm.upper()))
