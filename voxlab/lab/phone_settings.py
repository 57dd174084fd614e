"""What to type into a real phone so that it registers for a user: names, servers, codecs, and lines ready to paste.

Taken from what the lab serves; a value that stays what it was. The QR code holds the SIP address alone (RFC 3261
s.19.1): of the formats that phones scan, none carries an account of any provider's with its password safely. Linphone
scans the address of a provisioning file, Zoiper and Acrobits codes of their own providers, desk phones none.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from voxlab.base.datagram import Address
from voxlab.base.errors import VoxlabError
from voxlab.platform.secret import Secret

if TYPE_CHECKING:
    from voxlab.lab.lab import Lab
    from voxlab.platform.user import User

HIDDEN = "hidden; phone_settings(reveal=True) shows it"
UNKNOWN = "not known any more, the store keeps its hash only; set one with user(name, password=...)"
_SEPARATORS = set(';,"<>\\ ')  # what would end a value in baresip's accounts file, or in linphonec's command


@dataclass(frozen=True)
class PhoneSettings:
    """What a phone has to be told; prints as text, and in a notebook as a table with a QR code.

    Attributes
    ----------
    user, auth_user : str
        The user part of the address, and the name for digest: the same.
    domain : str
        Of the address; no machine of that name has to exist, because everything goes to the proxy.
    servers : mapping of str to Address
        What listens where, by transport: the proxy, or "outbound proxy".
    reach : str
        Who can reach it, in a sentence.
    password : Secret or None
        None unless it was asked for.
    """

    user: str
    auth_user: str
    domain: str
    servers: Mapping[str, Address]
    reach: str
    password: Secret | None = None
    password_says: str = field(default=HIDDEN, repr=False)
    is_live: bool = True

    @property
    def uri(self) -> str:
        """The SIP address, which is also what the QR code holds."""
        return f"sip:{self.user}@{self.domain}"

    @property
    def proxy(self) -> Address:
        """Where requests go: over UDP, or else the first transport there is."""
        return self.servers.get("UDP") or next(iter(self.servers.values()))

    # -- lines to paste

    def baresip(self, transport: str = "UDP") -> str:
        """Return the line for baresip's ``~/.baresip/accounts``; without a revealed password baresip asks for it."""
        server = self._server(transport)
        word = f";auth_pass={self.password.reveal()}" if self.password is not None and self._can_paste else ""
        kind = transport.lower()
        return (
            f"<{self.uri};transport={kind}>;auth_user={self.auth_user}{word}"
            f';outbound="sip:{server};transport={kind}";regint=600'
        )

    def linphonec(self, transport: str = "UDP") -> str:
        """Return the command for linphonec; without a revealed password a word in angle brackets stands for it."""
        word = self.password.reveal() if self.password is not None and self._can_paste else "<password>"
        return f"register {self.uri} sip:{self._server(transport)};transport={transport.lower()} {word}"

    def _server(self, transport: str) -> Address:
        found = self.servers.get(str(transport).upper())
        if found is None:
            raise VoxlabError(f"the server does not listen on {transport!r}; it has {', '.join(self.servers)}")
        return found

    @property
    def _can_paste(self) -> bool:
        return self.password is not None and not _SEPARATORS & set(self.password.reveal())

    # -- how it is shown

    @property
    def rows(self) -> tuple[tuple[str, str], ...]:
        """What a phone asks for, and what to type."""
        ports = " · ".join(f"{name} {address.port}" for name, address in self.servers.items())
        word = self.password_says if self.password is None else self.password.reveal()
        return (
            ("user name", self.user),
            ("auth user", f"{self.auth_user} (also called login, auth ID, authentication name)"),
            ("password", word),
            ("domain", f"{self.domain} (SIP server, registrar)"),
            ("proxy", f"{self.proxy} (outbound proxy)"),
            ("ports", ports),
            ("codecs", "PCMU or PCMA; opus, G722 and L16 if the phone has them"),
            ("keys (DTMF)", "RFC 4733, also called RFC 2833 or telephone-event; or SIP INFO"),
            ("encryption", 'none, or SRTP with keys in SDP ("SDES"); no DTLS, no ZRTP'),
            ("STUN, ICE", "none; the platform answers to where packets come from"),
        )

    @property
    def programs(self) -> tuple[tuple[str, str], ...]:
        """Where that goes in some programs; the last two are lines to paste."""
        host, name = str(self.proxy), self.uri.removeprefix("sip:")
        return (
            ("Linphone", f"third-party SIP account: Username {self.user}, Domain {self.domain}; SIP proxy sip:{host}"),
            ("Zoiper", f"Username {name}; Authentication user {self.auth_user}; Outbound proxy {host}; skip the rest"),
            ("MicroSIP", f"SIP server {self.domain}, SIP proxy {host}, Username and Login {self.user}"),
            ("desk phone", f"SIP server {self.domain}, Outbound proxy {host}, User ID and Auth ID {self.user}"),
            ("baresip", self.baresip(self._usual)),
            ("linphonec", self.linphonec(self._usual)),
        )

    @property
    def _usual(self) -> str:
        return "UDP" if "UDP" in self.servers else next(iter(self.servers))

    @property
    def remarks(self) -> tuple[str, ...]:
        """What else has to be known."""
        said = [self.reach]
        if self.is_live and "TLS" in self.servers:
            said.append(f'TLS is on {self.servers["TLS"]}; phones check it by lab.certificate_authority("ca.pem")')
        if self.password is not None and not self._can_paste:
            said.append("the password has characters that the lines below cannot carry: type it where it is asked for")
        return tuple(said)

    def __repr__(self) -> str:
        width = max(len(name) for name, _ in (*self.rows, *self.programs))
        lines = [f"phone settings of {self.uri}", *(f"  {each}" for each in self.remarks)]
        lines += [f"  {name:{width}}  {value}" for name, value in (*self.rows, *self.programs)]
        return "\n".join(lines)

    def qr_svg(self) -> str:
        """Return the SIP address as a QR code, dark on light in every theme: scanners want it so.

        Raises
        ------
        VoxlabError
            Where segno is missing; the text says how to get it.
        """
        try:
            import segno
        except ImportError:
            raise VoxlabError('QR codes are drawn by segno: pip install "voxlab[lab]"') from None
        code = segno.make(self.uri, error="m", micro=False)
        title = f"QR code of {self.uri}"
        return code.svg_inline(scale=4, border=4, dark="#000", light="#fff", title=title, omitsize=False)

    def _repr_html_(self) -> str:
        from voxlab.display.tables import Section, framed, remark_html, section_html

        shown = [
            Section(f"Phone settings of {self.uri}", ("field", "what to type"), self.rows),
            Section("In some programs", ("program", "where it goes"), self.programs),
        ]
        try:
            picture = f"{self.qr_svg()}<p>{self.uri}, the address alone: the password is never in it</p>"
        except VoxlabError as error:
            picture = remark_html(str(error))
        tables = "".join(map(remark_html, self.remarks)) + "".join(map(section_html, shown))
        side = f'<div style="flex:0 1 200px;text-align:center;overflow-wrap:anywhere">{picture}</div>'
        wide = f'<div style="flex:1 1 420px;min-width:0">{tables}</div>'
        return framed(f'<div style="display:flex;gap:24px;flex-wrap:wrap">{wide}{side}</div>')


def settings_of(lab: Lab, user: User, servers: Mapping[str, Address], *, reveal: bool) -> PhoneSettings:
    """Return the settings of a user whose phones register at ``servers``.

    Raises
    ------
    VoxlabError
        Where the password is to be revealed and nobody knows it any more.
    """
    return PhoneSettings(
        user.name,
        user.name,
        user.domain,
        dict(servers),
        _reach(lab, next(iter(servers.values())).host),
        user.known_password() if reveal else None,
        HIDDEN if user.password is not None else UNKNOWN,
        lab.live,
    )


def _reach(lab: Lab, host: str) -> str:
    """Say who can reach an address of the lab."""
    if not lab.live:
        return "✗ this lab is simulated: no real phone can reach it; Lab(live=True) or voxlab serve can be reached"
    if ipaddress.ip_address(host).is_loopback:
        return '○ phones on this machine only: it listens on loopback; Lab(live=True, bind="192.0.2.7") opens it'
    return f"✓ phones that can reach {host}"
