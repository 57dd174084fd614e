"""What an account looks like at one instant: users, trunks, whitelist, registrations elsewhere, calls; as values.

``Overview`` is a snapshot that prints as text and as HTML; ``take`` makes one in the lab's thread. No password is in
it. Must not know widgets.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from voxlab.display.tables import Section, sections_html, sections_text
from voxlab.lab.recent_calls import RecentCall, recent_calls
from voxlab.platform.registration import DEACTIVATED, FAILED, IN_PROGRESS, SUCCESSFUL
from voxlab.scenario.signalling import CONNECTED

if TYPE_CHECKING:
    from voxlab.lab.lab import Lab
    from voxlab.platform.account import Account as Record
    from voxlab.platform.registration import SipRegistration
    from voxlab.platform.trunk import Trunk, WhitelistItem
    from voxlab.scenario.session import Session

CALLS_KEPT = 5
_MARKS = {SUCCESSFUL: "✓", FAILED: "✗", IN_PROGRESS: "…", DEACTIVATED: "○"}
_NEVER = "not registered"


class UserRow(NamedTuple):
    """A device of a user, or a user without one: ``contact`` is "" then, and the rest says nothing."""

    user: str
    application: str
    contact: str
    transport: str
    expires_in_s: float
    is_active: bool

    @property
    def cells(self) -> tuple[str, ...]:
        """The row of a table."""
        name = f"{self.user}@{self.application}"
        if not self.contact:
            return name, f"○ {_NEVER}" if self.is_active else "✗ blocked", "", "", ""
        state = "✓ registered" if self.is_active else "✗ blocked"
        return name, state, self.contact, self.transport, span(self.expires_in_s)


class TrunkRow(NamedTuple):
    """Another operator: who is let in, where our calls go, how much is in use. ``is_out_ok`` is None if untried."""

    name: str
    networks: int
    outward: tuple[str, ...]
    is_out_ok: bool | None
    usage: str

    @property
    def cells(self) -> tuple[str, ...]:
        """The row of a table."""
        plural = "" if self.networks == 1 else "s"
        inward = f"✓ {self.networks} network{plural}" if self.networks else "✗ no address is allowed"
        mark = {True: "✓", False: "✗", None: "○"}[self.is_out_ok]
        return self.name, inward, f"{mark} {'; '.join(self.outward) or 'no gateway'}", self.usage


class RegistrationRow(NamedTuple):
    """The platform as a telephone elsewhere."""

    number: int
    username: str
    proxy: str
    state: str
    answer: str
    goes_to: str
    refresh_in_s: float | None

    @property
    def cells(self) -> tuple[str, ...]:
        """The row of a table."""
        when = "" if self.refresh_in_s is None else span(self.refresh_in_s)
        return f"{self.username}@{self.proxy}", f"{_MARKS[self.state]} {self.state}", self.answer, self.goes_to, when


class CallRow(NamedTuple):
    """A call that stands; ``number`` is that of ``lab.call(number)``, ``call_id`` one of its Call-IDs."""

    number: int
    call_id: str
    caller: str
    destination: str
    rule: str
    is_connected: bool
    since_s: float

    @property
    def cells(self) -> tuple[str, ...]:
        """The row of a table."""
        state = "✓ talking" if self.is_connected else "… ringing"
        return str(self.number), f"{self.caller} → {self.destination}", state, self.rule, span(self.since_s)


class Overview(NamedTuple):
    """An account at one instant; prints as text, shows as tables in a notebook, also where widgets do not.

    Calls that a rule passes on without a script (``route=``) are not among the calls: the cloud is their proxy, and
    does not hear when they are over. ``epoch_s`` is Unix time of second 0 of a live lab.
    """

    account: str
    world: str
    time_s: float
    epoch_s: float | None
    users: tuple[UserRow, ...]
    calls: tuple[CallRow, ...]
    trunks: tuple[TrunkRow, ...]
    whitelist: tuple[WhitelistItem, ...]
    registrations: tuple[RegistrationRow, ...]
    recent: tuple[RecentCall, ...]

    @property
    def title(self) -> str:
        """Whose it is, and when."""
        when = f"{self.time_s:.0f} s" if self.epoch_s is None else _at(self.time_s, self.epoch_s)
        return f"account {self.account} · {self.world}, {when}"

    @property
    def summary(self) -> str:
        """The counts in a sentence."""
        names = {(row.user, row.application) for row in self.users}
        present = {(row.user, row.application) for row in self.users if row.contact}
        live = f"{len(self.calls)} call{'' if len(self.calls) == 1 else 's'} now"
        return f"{len(present)} of {len(names)} users registered · {live}"

    @property
    def troubles(self) -> tuple[str, ...]:
        """What somebody has to look after, a sentence each."""
        found = [f"✗ trunk {row.name}: {'; '.join(row.outward)}" for row in self.trunks if row.is_out_ok is False]
        found += [
            f"✗ registration {row.username} at {row.proxy}: {row.answer}"
            for row in self.registrations
            if row.state == FAILED
        ]
        return tuple(found)

    @property
    def remarks(self) -> tuple[str, ...]:
        """Counts first, then troubles."""
        return self.summary, *self.troubles

    # -- as tables

    def users_section(self, found: tuple[UserRow, ...] | None = None) -> Section:
        """Return the users, or those that a search has found."""
        rows = self.users if found is None else found
        columns = ("user", "state", "contact", "over", "expires in")
        empty = 'none yet: application.user("alice")' if found is None else "nobody like that"
        return Section("Users", columns, tuple([row.cells for row in rows]), empty)

    @property
    def calls_section(self) -> Section:
        """Return the calls that scenarios run."""
        columns = ("call", "who", "state", "rule", "for")
        return Section("Live calls", columns, tuple([row.cells for row in self.calls]), "none now")

    @property
    def trunks_section(self) -> Section:
        """Return the other operators."""
        rows = tuple([row.cells for row in self.trunks])
        return Section(
            "Trunks", ("trunk", "in", "out", "in use"), rows, 'none yet: account.trunk("gigafon", allow=[...])'
        )

    @property
    def whitelist_section(self) -> Section:
        """Return the networks whose calls need no password."""
        rows = tuple([(str(item.network), item.trunk, item.description) for item in self.whitelist])
        return Section("Whitelist", ("network", "trunk", "remark"), rows, "no network: calls need a password")

    @property
    def registrations_section(self) -> Section:
        """Return our registrations at other telephonies."""
        columns = ("registration", "state", "answer", "leads to", "next in")
        rows = tuple([row.cells for row in self.registrations])
        return Section("SIP registrations elsewhere", columns, rows)

    @property
    def recent_section(self) -> Section:
        """Return the last calls that are over."""
        columns = ("at", "who", "talked", "result", "rule")
        rows = tuple([_recent_cells(call, self.epoch_s) for call in self.recent])
        return Section("Last calls", columns, rows, "none yet")

    @property
    def sections(self) -> tuple[Section, ...]:
        """All tables, what changes most first."""
        return (
            self.calls_section,
            self.users_section(),
            self.trunks_section,
            self.whitelist_section,
            self.registrations_section,
            self.recent_section,
        )

    def text(self) -> str:
        """Return it as text."""
        return sections_text(self.title, self.remarks, self.sections)

    def __repr__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        return sections_html(self.title, self.remarks, self.sections)


def span(seconds: float) -> str:
    """Return a time as people say it: 42 s, 12 min, 2 h 05 min."""
    whole = max(0, int(seconds))
    if whole < 100:
        return f"{whole} s"
    if whole < 6000:
        return f"{whole // 60} min"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def _at(time_s: float, epoch_s: float | None) -> str:
    """Return when something was: by the clock in a live lab, in lab seconds in a simulated one."""
    if epoch_s is None:
        return f"{time_s:.0f} s"
    return datetime.fromtimestamp(epoch_s + time_s, UTC).strftime("%H:%M:%S UTC")


def _recent_cells(call: RecentCall, epoch_s: float | None) -> tuple[str, ...]:
    talked = "" if call.talked_s is None else span(call.talked_s)
    if call.status >= 300:
        result = f"✗ {call.status} {call.reason}"
    else:
        result = f"✓ {call.reason}" if call.talked_s is not None else f"○ {call.reason}"
    return _at(call.start_s, epoch_s), f"{call.caller} → {call.destination}", talked, result, call.rule


# -- taken in the lab's thread


def take(lab: Lab, record: Record) -> Overview:
    """Look at an account; in the lab's thread."""
    lab.refuse_closed()
    lab.cloud.keep_records()
    domains = {application.domain for application in record.applications.values()}
    return Overview(
        record.name,
        f"live on {lab.cloud.place.host}" if lab.live else "simulated",
        lab.now,
        lab.journal.epoch_s if lab.live else None,
        tuple(_users(lab, record)),
        tuple(_calls(lab, domains)),
        tuple([_trunk(trunk) for trunk in record.trunks.values() if trunk.gateways or trunk.allow]),
        record.whitelist,
        tuple(
            [_registration(lab, each) for each in lab.platform.registrations.values() if each.account == record.name]
        ),
        recent_calls(lab.journal.notes, domains, CALLS_KEPT),
    )


def _users(lab: Lab, record: Record) -> Iterator[UserRow]:
    now = lab.now
    for application in record.applications.values():
        for user in application.users.values():
            bindings = lab.cloud.location.lookup(user.aor, now)
            for binding in bindings:
                left_s = binding.remaining_s(now)
                yield UserRow(
                    user.name, application.name, binding.contact.text, binding.flow.transport, left_s, user.active
                )
            if not bindings:
                yield UserRow(user.name, application.name, "", "", 0.0, user.active)


def _calls(lab: Lab, domains: set[str]) -> Iterator[CallRow]:
    for session in lab.exchange.sessions.values():
        if session.application.domain in domains and session.legs:
            yield _call(lab, session)


def _call(lab: Lab, session: Session) -> CallRow:
    first = session.legs[0]
    call_id = next(iter(first.call_ids.values()), "")
    known = lab.index.call_of(call_id) if call_id else None
    is_connected = first.state == CONNECTED
    number = session.number if known is None else known.number
    since_s = lab.now - session.started_at
    return CallRow(number, call_id, first.caller_id, first.destination, session.rule.name, is_connected, since_s)


def _trunk(trunk: Trunk) -> TrunkRow:
    up = [each.health.is_up for each in trunk.gateways]
    is_ok = True if any(up) else None if None in up else False
    outward = tuple([f"{each.address} {str(each.health).lstrip('✓✗ ')}" for each in trunk.gateways])
    return TrunkRow(trunk.name, len(trunk.allow), outward, is_ok if trunk.gateways else None, str(trunk.usage))


def _registration(lab: Lab, record: SipRegistration) -> RegistrationRow:
    bound = f"rule {record.rule.name}" if record.rule is not None else ""
    bound = bound or (record.application.domain if record.application is not None else "nowhere")
    due_s = record.refresh_due_s
    return RegistrationRow(
        record.number,
        record.username,
        record.proxy,
        record.state,
        f"{record.code} {record.reason}" if record.code else "",
        bound,
        None if due_s is None else due_s - lab.now,
    )
