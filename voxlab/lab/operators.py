"""The other operators of a lab, how they find one another, and what DNS says."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, overload

from voxlab.lab.blocking import Steps, Submit, Wait, blocking
from voxlab.lab.carrier import Carrier, new_carrier
from voxlab.lab.external_carrier import ExternalCarrier, external_carrier
from voxlab.lab.media_resources import FLAGS, Resources, media_resources

if TYPE_CHECKING:
    from voxlab.lab.lab import Lab


class LabOperators:
    """A base of ``Lab``; ``carriers`` are the other operators by name."""

    carriers: dict[str, Carrier]

    @property
    def lab(self) -> Lab:
        """Itself: what every handle has."""
        raise NotImplementedError

    @overload
    def carrier(
        self,
        name: str,
        *,
        network: str | None = None,
        numbers: str | Iterable[str] | None = None,
        domain: str | None = None,
        can_whitelist: bool | None = None,
        accepts_registrations: bool | None = None,
        number_format: str | None = None,
        country: str | None = None,
        announces: bool | None = None,
    ) -> Carrier: ...

    @overload
    def carrier(self, name: str, *, address: str) -> ExternalCarrier: ...

    def carrier(
        self,
        name: str,
        *,
        address: str | None = None,
        network: str | None = None,
        numbers: str | Iterable[str] | None = None,
        domain: str | None = None,
        can_whitelist: bool | None = None,
        accepts_registrations: bool | None = None,
        number_format: str | None = None,
        country: str | None = None,
        announces: bool | None = None,
    ) -> Carrier | ExternalCarrier:
        """Return the other operator called ``name``, made if need be; what is given is updated.

        Parameters
        ----------
        name : str
        address : str
            A real operator, which the lab does not play: where it takes calls, such as "sip:sbc.example:5060". All
            else that is said here is about operators that the lab plays.
        network : str
            Where its switch and its phones are, such as "198.51.100.0/24"; a live lab maps it to a subnet of this
            machine.
        numbers : str or iterable of str
            Its number range, such as "+4930555*".
        domain : str
            Its SIP domain; ``gigafon.example`` for "gigafon".
        can_whitelist : bool
            Whether it can do trunks (the default): without, it takes calls from its own subscribers only.
        accepts_registrations : bool
            Whether others may register as one of its telephones (the default).
        number_format, country : str
            How it wants called numbers written, as in ``Account.trunk``.
        announces : bool
            Whether a call to a number that nobody has hears an announcement before it fails.

        Examples
        --------
        >>> giga = lab.carrier("gigafon", network="198.51.100.0/24", numbers="+4930555*")
        >>> oma = giga.phone("+4930555001")
        """
        self.lab.refuse_closed()
        if address is not None:
            return external_carrier(self.lab, name, address)
        known = self.carriers.get(name)
        if known is None:
            known = new_carrier(self.lab, name, network, numbers, domain)
        known.update(
            can_whitelist=can_whitelist,
            accepts_registrations=accepts_registrations,
            announces=announces,
            style=number_format,
            country=country,
        )
        return known

    # -- our own addresses, for others to let in

    def media_resources(self, *flags: str) -> Resources:
        """Return the addresses of the platform, as ``GET /getMediaResources`` does: for a carrier to let in.

        Parameters
        ----------
        flags : str
            Of "with_mediaservers", "with_sbcs"; both without any.
        """
        self.lab.refuse_closed()
        return media_resources(self.lab.cloud, flags or FLAGS)

    @blocking
    def move_sbc(self) -> Steps[str]:
        """Move the platform's signalling to another address, and return it; our phones and registrations follow.

        Calls that stand reach us no more. Who let the old address in has to learn the new one.
        """
        lab = self.lab
        ours = [phone for phone in lab.phones if phone.servers is lab.cloud.addresses]
        for phone in ours:
            yield from phone.unregister.steps(phone)  # type: ignore[attr-defined]
        yield Submit(lab.exchange.end_all, ("the SBC moves",))
        yield Submit(lab.cloud.registrations.leave)
        yield Wait(lambda: lab.cloud.registrations.has_left, 40.0)
        host = yield Submit(lab.installation.move_sbc)
        for phone in ours:
            yield Submit(phone.discard)
            yield Submit(phone.build)
            yield Wait(phone.settled, 60.0)
        return str(host)

    @blocking
    def move_media_server(self) -> Steps[str]:
        """Let RTP of new calls come from another address, and return it; signalling stays where it is."""
        host = yield Submit(self.lab.installation.move_media_server)
        return str(host)

    def operator_of(self, number: str) -> str | None:
        """Return where the operator of a number takes calls, as ``host:port``; None where nobody has it."""
        if number in self.lab.platform.numbers:
            return str(self.lab.cloud.sip_address)
        for carrier in self.carriers.values():
            if number in carrier.record.range:
                return carrier.address
        return None
