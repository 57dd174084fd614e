"""What goes wrong with DNS: each trouble changes the answers of a zone while it lasts (RFC 1035 s.4.1.1, RFC 3263 s.4).

Must not know who asks.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from voxlab.base.errors import VoxlabError, did_you_mean


class Srv(NamedTuple):
    """An SRV record (RFC 2782): a lower priority first, among equals the more often the higher the weight."""

    priority: int
    weight: int
    port: int
    target: str


class Naptr(NamedTuple):
    """A NAPTR record (RFC 3403 s.4.1), as far as RFC 3263 uses it: ``service`` such as "SIP+D2U", flag "s"."""

    order: int
    preference: int
    service: str
    replacement: str
    flags: str = "s"


class Records(NamedTuple):
    """What is known of one name."""

    addresses: tuple[str, ...] = ()
    srv: tuple[Srv, ...] = ()
    naptr: tuple[Naptr, ...] = ()


_PREFIXES = {"SIP+D2T": "_sip._tcp", "SIPS+D2T": "_sips._tcp"}
_UNSERVED_PORT = 5070

FAILURES = {"nxdomain": "NXDOMAIN", "servfail": "SERVFAIL", "timeout": "no answer"}
"""How a name can fail, and what a resolver hears."""


class Trouble(Protocol):
    """Changes what is said of a name."""

    failure: str
    """What the resolver hears instead of records, "" where it hears some."""

    def concerns(self, name: str) -> bool:
        """Whether it is about a name."""

    def changed(self, name: str, records: Records) -> Records:
        """Return what is said in the place of the truth."""


class OfName:
    """A trouble of one domain and all names below it, or of every name.

    Parameters
    ----------
    domain : str
        "" for every name.
    """

    failure = ""

    def __init__(self, domain: str = "") -> None:
        self._name = domain.lower().rstrip(".")

    def concerns(self, name: str) -> bool:
        """Whether a name is this one or below it."""
        return not self._name or name == self._name or name.endswith(f".{self._name}")

    def changed(self, name: str, records: Records) -> Records:
        """Return the truth."""
        return records


class Failing(OfName):
    """The name has no answer.

    Parameters
    ----------
    domain : str
    how : {"nxdomain", "servfail", "timeout"}
    """

    def __init__(self, domain: str, how: str) -> None:
        super().__init__(domain)
        if how not in FAILURES:
            raise VoxlabError(f"a name fails with {', '.join(FAILURES)}, not {how!r}{did_you_mean(how, FAILURES)}")
        self.failure = FAILURES[how]

    def changed(self, name: str, records: Records) -> Records:
        """Return nothing."""
        return Records()


class WithoutServices(OfName):
    """No SRV and no NAPTR records."""

    def changed(self, name: str, records: Records) -> Records:
        """Return the addresses alone."""
        return Records(records.addresses)


class DeadFirst(OfName):
    """One more address comes first, where nobody listens."""

    def __init__(self, domain: str, address: str) -> None:
        super().__init__(domain)
        self._address = address

    def changed(self, name: str, records: Records) -> Records:
        """Return the dead address and the others, for a name that has some."""
        addresses = records.addresses
        return records._replace(addresses=(self._address, *addresses)) if addresses else records


class Sticky(OfName):
    """What was true when the trouble began is said for ever: a resolver that ignores the time to live."""

    def __init__(self, domain: str) -> None:
        super().__init__(domain)
        self.remembered: dict[str, Records] = {}

    def changed(self, name: str, records: Records) -> Records:
        """Return what was said first."""
        return self.remembered.setdefault(name, records)


class Misleading(OfName):
    """NAPTR prefers a transport, and SRV leads to a port where nobody serves it."""

    def __init__(self, domain: str, service: str) -> None:
        super().__init__(domain)
        self._service = service

    def changed(self, name: str, records: Records) -> Records:
        """Return the misleading records beside the addresses."""
        prefix = _PREFIXES[self._service]
        if name.startswith(f"{prefix}."):
            return records._replace(srv=(Srv(10, 1, _UNSERVED_PORT, name.removeprefix(f"{prefix}.")),))
        if name.startswith("_"):
            return records
        return records._replace(naptr=(Naptr(10, 10, self._service, f"{prefix}.{name}"),))
