"""A user of an application: an address-of-record, a password, and the two names under which its devices may
authenticate.

RFC 3261 s.22.4 with RFC 7616 s.3.4.2 (what H(A1) is made of). Must not know challenges, nonces or messages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

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
    password : Secret
        Only simulated phones and ``phone_settings`` need it; the platform itself compares H(A1).
    aor : str
        The address-of-record without its scheme: ``alice@shop.acme.voxlab.test``; also the full name for digest.
    """

    name: str
    domain: str
    realm: str
    password: Secret
    display_name: str = ""
    aor: str = field(init=False)
    _ha1: Mapping[tuple[str, str], str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.aor = f"{self.name}@{self.domain}"
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

    def ha1(self, username: str, algorithm: str) -> str | None:
        """Return H(A1) for one of the user's two names and an algorithm, None if there is none for that pair."""
        return self._ha1.get((username, algorithm.upper()))
