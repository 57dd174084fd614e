"""The handle of a user, who has phones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from voxlab.base.errors import VoxlabError
from voxlab.lab.blocking import Aio, Steps, Submit, Wait, blocking
from voxlab.lab.phone import Phone
from voxlab.lab.phone_options import PhoneOptions, updated
from voxlab.platform.user import User as Record

if TYPE_CHECKING:
    import pandas as pd

    from voxlab.base.datagram import Address
    from voxlab.elements.location import Binding
    from voxlab.host.ends.place import MediaPlace
    from voxlab.lab.lab import Lab
    from voxlab.lab.nat import Nat
    from voxlab.lab.phone_settings import PhoneSettings


BINDING_COLUMNS = {
    "contact": "string",
    "q": "float64",
    "expires_in_s": "float64",
    "transport": "category",
    "source": "string",
    "call_id": "string",
    "cseq": "int64",
}
"""Columns of ``User.bindings``, in order; the index is ``binding``, from 1. The REGISTER came from ``source``."""


class User:
    """Somebody whom devices register for; get one with ``application.user("alice")``."""

    def __init__(self, lab: Lab, record: Record) -> None:
        self.lab = lab
        self.aio = Aio(self)
        self.record = record
        self._phones: dict[str, Phone] = {}

    @property
    def name(self) -> str:
        """The user part of the address-of-record."""
        return self.record.name

    @property
    def uri(self) -> str:
        """The address-of-record, such as ``sip:alice@shop.acme.voxlab.test``."""
        return f"sip:{self.record.aor}"

    @blocking
    def phone(
        self,
        name: str = "phone",
        *,
        answer_after: float | None = None,
        busy: bool | None = None,
        decline: bool | None = None,
        ring: bool | None = None,
        gives_up_after: float | None = None,
        transport: str | None = None,
        audio: Any = None,
        password: str | None = None,
        do_not_disturb: bool | None = None,
        call_waiting: bool | None = None,
        early_media: bool | None = None,
        delayed_offer: bool | None = None,
        prack: str | None = None,
        session_expires: int | None = None,
        refresher: str | None = None,
        codecs: Sequence[str] | None = None,
        dtmf: str | None = None,
        srtp: bool | None = None,
        rtcp_mux: bool | None = None,
        rtcp_xr: bool | None = None,
        ptime_ms: int | None = None,
        dtx: bool | None = None,
        video: bool | str | Sequence[str] | None = None,
        expires: int | None = None,
        nat: Nat | None = None,
        keep_alive: str | None = None,
        keep_alive_every: float | None = None,
        path_mtu: int | None = None,
        symmetric_rtp: bool | None = None,
    ) -> Steps[Phone]:
        """Return the simulated phone called ``name``, made and registered with digest if need be; what is given is
        updated.

        Parameters
        ----------
        name : str
            A second device is ``phone("mobile")``.
        answer_after : float or None
            Lab seconds of ringing before it is picked up; without it the phone rings until ``answer()``.
        busy, decline : bool
            Refuse every call with 486, or with 603.
        ring : bool
            Send 180 at once (the default).
        gives_up_after : float or None
            Lab seconds of ringing after which the phone refuses with 480.
        transport : {"UDP", "TCP", "TLS"}
        audio : str, Source, array or None
            What it says during a call: the name of a speech sample, a source of ``voxlab.media.sources``, samples at 8
            kHz, or "silence" for no RTP at all.
        password : str or None
            What is typed into the phone, if not the user's own password.
        do_not_disturb : bool
            Refuse every call silently, with 480.
        call_waiting : bool
            Let a second caller ring while the first call is in hand; otherwise the second hears 486 (the default).
        early_media : bool
            Send 183 with a description in the place of 180, so that it is heard before it is picked up.
        delayed_offer : bool
            Dial without an offer: the called side offers in its 200 (RFC 3261 s.13.2.1).
        prack : {"off", "support", "require"}
            What an INVITE says of reliable provisional responses (RFC 3262); whatever it says, they are understood.
        session_expires : int
            Seconds after which a call ends unless it is refreshed, 90 or more (RFC 4028).
        refresher : {"uac", "uas"}
            Who is to refresh, seen from the INVITE; the called side chooses where it is not said.
        codecs : sequence of str or None
            What it speaks, the preferred first, of "PCMU", "PCMA", "G722", "opus", "L16", "L16/16000"; PCMU and PCMA
            without a word about it.
        dtmf : {"rfc4733", "inband", "info"}
            Whether keys go as telephone events, as tones, or as INFO requests.
        srtp : bool
            Speak SRTP with keys in SDP (RFC 4568), and nothing else.
        rtcp_mux, rtcp_xr : bool
            Offer RTP and RTCP on one port (RFC 5761); ask for VoIP metrics (RFC 3611).
        ptime_ms : int or None
            Milliseconds of sound in a packet that it asks for, 20 without a word about it.
        dtx : bool
            Send nothing while nothing is said, where the far end agrees: comfort noise tells of the silence (RFC 3389),
            or Opus pauses (RFC 7587).
        video : bool, str or sequence of str
            Offer and accept video, of "H264" and "VP8": a counter of frames, to be measured and not to be looked at.
        expires : int or None
            Seconds for which it asks to be registered, 3600 without a word about it; a registrar that finds this too
            brief says so with 423, and the phone asks for longer.
        nat : Nat
            The NAT box that it is behind; see ``lab.nat``.
        keep_alive : {"off", "crlf", "options", "outbound"}
            What keeps the binding of a NAT alive: line ends (the default behind a NAT), OPTIONS, or an outbound flow
            with STUN on UDP (RFC 5626).
        keep_alive_every : float
            Seconds between two line ends or OPTIONS, 25 without a word about it.
        path_mtu : int
            The MTU of its way to the platform, in bytes, where it is known: requests within 200 bytes of it go over
            TCP, without a word about it those of more than 1300 (RFC 3261 s.18.1.1).
        symmetric_rtp : bool
            Send RTP to where it comes from, where the other end's SDP names a private address (RFC 4961, RFC 7362): for
            calls whose media do not pass the cloud.

        Returns
        -------
        Phone
            Registered, or with the refusal in its repr.
        """
        if nat is not None and getattr(nat, "lab", self.lab) is not self.lab:
            raise VoxlabError(f"{nat.name} is a NAT of another lab: lab.nat({nat.name!r}) makes one here")
        given = _given(
            answer_after_s=answer_after,
            busy=busy,
            decline=decline,
            ring=ring,
            patience_s=gives_up_after,
            transport=transport,
            audio=audio,
            password=password,
            do_not_disturb=do_not_disturb,
            call_waiting=call_waiting,
            early_media=early_media,
            delayed_offer=delayed_offer,
            prack=prack,
            session_expires_s=session_expires,
            refresher=refresher,
            codecs=codecs,
            dtmf=dtmf,
            srtp=srtp,
            rtcp_mux=rtcp_mux,
            rtcp_xr=rtcp_xr,
            ptime_ms=ptime_ms,
            dtx=dtx,
            video=video,
            expires_s=expires,
            nat=nat,
            keep_alive=keep_alive,
            keep_alive_every_s=keep_alive_every,
            path_mtu_bytes=path_mtu,
            symmetric_rtp=symmetric_rtp,
        )
        known = self._phones.get(name)
        if known is not None:
            yield Submit(known.update, (given,))
        else:
            known = yield from self._install(name, updated(PhoneOptions(), given))
        if not known.settled():
            yield Wait(known.settled, 60.0)
        return known

    def _install(self, name: str, options: PhoneOptions) -> Steps[Phone]:
        phone = Phone(self.lab, self, name, options)
        yield Submit(phone.build)
        self._phones[name] = phone
        return phone

    # -- where its phones are, and where they register

    @property
    def servers(self) -> Mapping[str, Address]:
        """The addresses that its phones register at, by transport."""
        return self.lab.cloud.addresses

    def new_place(self, title: str) -> MediaPlace:
        """Give a new phone an address."""
        return self.lab.new_place(title)

    def phone_settings(self, *, reveal: bool = False) -> PhoneSettings:
        """Return what to type into a real phone: Linphone, baresip, Zoiper, MicroSIP, a desk phone.

        Parameters
        ----------
        reveal : bool
            Show the password too; without it nothing that is shown holds it. Who reads the notebook reads it then.

        Returns
        -------
        PhoneSettings
            Prints as text, shows a table and a QR code in a notebook. The QR code holds the SIP address, never the
            password.

        Raises
        ------
        VoxlabError
            Where the password is to be revealed and came from a store, which keeps its hash alone.
        """
        from voxlab.lab.phone_settings import settings_of

        self.lab.refuse_closed()
        return settings_of(self.lab, self.record, self._advertised, reveal=reveal)

    @property
    def _advertised(self) -> Mapping[str, Address]:
        """Where others are told that the servers are: behind a NAT not where they listen."""
        return {transport: self.lab.cloud.node.listens[transport] for transport in self.servers}

    @property
    def phones(self) -> tuple[Phone, ...]:
        """The user's phones."""
        return tuple(self._phones.values())

    @property
    def bindings(self) -> pd.DataFrame:
        """Where the registrar believes that the user is: a row per contact, the most preferred first, a fresh snapshot
        (RFC 3261 s.10).
        """
        lab = self.lab

        def read() -> list[tuple[object, ...]]:
            now = lab.now
            return [_binding_row(each, now) for each in lab.cloud.location.lookup(self.record.aor, now)]

        from voxlab.analysis import frames

        rows = lab.world.submit(read)
        return frames.table(BINDING_COLUMNS, rows, range(1, len(rows) + 1), "binding", lab.journal.epoch_s)

    def drop(self, phone: Phone) -> None:
        """Forget a phone that was closed."""
        self._phones.pop(phone.name, None)

    def __repr__(self) -> str:
        devices = (
            ", ".join(f"{phone.name} ({phone.registration})" for phone in self.phones) or "no phone yet: user.phone()"
        )
        return f"<User {self.record.aor}: {devices}>"


def _given(**options: Any) -> dict[str, Any]:
    """Return the options that were given: None leaves one as it is."""
    return {name: value for name, value in options.items() if value is not None}


def _binding_row(binding: Binding, now: float) -> tuple[object, ...]:
    flow, left_s = binding.flow, binding.remaining_s(now)
    return binding.contact.text, binding.q, left_s, flow.transport, str(flow.remote), binding.call_id, binding.cseq
