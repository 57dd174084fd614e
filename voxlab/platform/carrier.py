"""Another operator: its domain, its number range, its subscribers with and without SIP, and whom it lets in.

Numbers are E.164; causes are those of ITU-T Q.850 as RFC 3398 s.7.2.4.1 maps them. Must not know SIP messages.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from voxlab.base.errors import VoxlabError, did_you_mean
from voxlab.platform.number_range import NumberRange
from voxlab.platform.numbering import Dialect, checked_number
from voxlab.platform.secret import Secret
from voxlab.platform.trunk import Network, host_address, networks
from voxlab.platform.user import User


class Cause(NamedTuple):
    """Why a call in the telephone network came to nothing: the number of Q.850, the status of RFC 3398, in words."""

    number: int
    status: int
    text: str


CAUSES = {
    cause.number: cause
    for cause in (
        Cause(1, 404, "Unallocated (unassigned) number"),
        Cause(3, 404, "No route to destination"),
        Cause(17, 486, "User busy"),
        Cause(18, 408, "No user responding"),
        Cause(19, 480, "No answer from the user"),
        Cause(20, 480, "Subscriber absent"),
        Cause(21, 603, "Call rejected"),  # by the user, not by the network: then it is a 6xx
        Cause(22, 410, "Number changed"),
        Cause(27, 502, "Destination out of order"),
        Cause(28, 484, "Address incomplete"),
        Cause(34, 503, "No circuit/channel available"),
        Cause(41, 503, "Temporary failure"),
        Cause(42, 503, "Switching equipment congestion"),
    )
}
"""RFC 3398 s.7.2.4.1, from the telephone network's cause to the status that a SIP caller gets."""

PROGRESS = {"180": (180,), "183": (183,), "180+183": (180, 183), "none": ()}
"""What a gateway says while a telephone rings, by the word for it."""


@dataclass(frozen=True, slots=True)
class Telephone:
    """A subscriber without SIP: a mobile, or a telephone on a copper pair, behind the operator's gateway.

    Attributes
    ----------
    number : str
    answer_after_s : float or None
        Of ringing; None lets it ring until the gateway gives up (cause 19).
    cause : Cause or None
        Why every call to it fails; None where it can be reached.
    progress : str
        One of ``PROGRESS``: what is heard of the ringing.
    announces : bool
        Whether a failure is spoken in early media before it is signalled.
    """

    number: str
    answer_after_s: float | None = None
    cause: Cause | None = None
    progress: str = "180"
    announces: bool = False

    def __post_init__(self) -> None:
        if self.progress not in PROGRESS:
            raise VoxlabError(
                f"a gateway says {', '.join(map(repr, PROGRESS))} while it rings, "
                f"not {self.progress!r}{did_you_mean(self.progress, PROGRESS)}"
            )
        if self.answer_after_s is not None and not self.answer_after_s >= 0:
            raise VoxlabError(f"answer_after takes lab seconds, 0 or more, not {self.answer_after_s!r}")


def cause(number: int) -> Cause:
    """Return a cause of Q.850 by its number."""
    if number not in CAUSES:
        known = ", ".join(f"{each.number} {each.text}" for each in CAUSES.values())
        raise VoxlabError(f"{number!r} is no cause that a call can fail with here; there are {known}")
    return CAUSES[number]


class Carrier:
    """What an operator knows: its subscribers, and the addresses of others that it takes calls from.

    Attributes
    ----------
    name, domain : str
    range : NumberRange
    can_whitelist : bool
        Whether it can do trunks: take calls from addresses.
    accepts_registrations : bool
        Whether others may register as one of its telephones.
    dialect : Dialect
        How numbers have to be written by whoever sends it calls.
    allow : tuple of Network
        Whose calls it takes without a password.
    media_allow : tuple of Network or None
        The only addresses that its border lets RTP through from; None for all.
    forwards_to : str
        The number that calls from other operators are forwarded to, "" for none: a switch that is set up wrongly.
    announces : bool
        Whether a call to a number that nobody has hears an announcement before it fails.
    """

    def __init__(self, name: str, domain: str, numbers: Iterable[str]) -> None:
        self.name = name
        self.domain = domain
        self.range = NumberRange(numbers)
        self.can_whitelist = True
        self.accepts_registrations = True
        self.dialect = Dialect()
        self.allow: tuple[Network, ...] = ()
        self.media_allow: tuple[Network, ...] | None = None
        self.announces = False
        self.forwards_to = ""
        self.users: dict[str, User] = {}
        self.telephones: dict[str, Telephone] = {}
        self.numbers: dict[str, str] = {}

    @property
    def realm(self) -> str:
        """The protection domain of its passwords."""
        return self.domain

    # -- whose users these are

    def homes(self, user: str) -> list[str]:
        """Return where subscribers are at home: a carrier has one domain."""
        return [self.domain]

    def serves(self, host: str) -> bool:
        """Whether ``host`` is its domain, or a server in it."""
        name = host.lower().removesuffix(".")
        return name == self.domain or name.endswith(f".{self.domain}")

    def user_named(self, username: str, host: str) -> User | None:
        """Return whom a device means that calls itself ``username``."""
        return self.users.get(username.removesuffix(f"@{self.domain}"))

    def user(self, name: str, password: Secret, number: str | None = None, display_name: str = "") -> User:
        """Return the SIP subscriber called ``name``, made if need be; calls to ``number`` go there."""
        if number is not None:
            self.assign(number, name)
        known = self.users.get(name)
        if known is None:
            known = self.users[name] = User(name, self.domain, self.realm, password, display_name)
        return known

    def assign(self, number: str, name: str) -> None:
        """Let a number of the range lead to a SIP subscriber."""
        text = self.own_number(number)
        self.telephones.pop(text, None)
        self.numbers[text] = name

    def telephone(self, telephone: Telephone) -> Telephone:
        """Put a subscriber without SIP behind a number of the range."""
        number = self.own_number(telephone.number)
        self.numbers.pop(number, None)
        self.telephones[number] = telephone
        return telephone

    def own_number(self, number: object) -> str:
        """Return a number of the range in E.164 form.

        Raises
        ------
        VoxlabError
            For what is no number, or another operator's.
        """
        text = checked_number(number, f"a number of {self.name}")
        if text not in self.range:
            raise VoxlabError(f"{text} is no number of {self.name}, which has {self.range}")
        return text

    # -- whom it lets in

    def admit(self, allow: Iterable[str]) -> None:
        """Take calls from these networks, and from no others."""
        if not self.can_whitelist:
            raise VoxlabError(
                f"{self.name} cannot do trunks: it takes calls from its own subscribers only. "
                "Register as one of them: application.sip_registration(...)"
            )
        self.allow = networks(allow, self.name)

    def admits(self, address: str) -> bool:
        """Whether calls from an address need no password."""
        return _is_in(address, self.allow)

    def lets_media_through(self, address: str) -> bool:
        """Whether its border lets RTP from an address through."""
        return self.media_allow is None or _is_in(address, self.media_allow)

    def __repr__(self) -> str:
        return f"Carrier({self.domain}: {len(self.users)} users, {len(self.telephones)} telephones)"


def _is_in(address: str, allowed: Iterable[Network]) -> bool:
    host = host_address(address)
    return host is not None and any(host in network for network in allowed)
