"""The handle of a SIP registration: the platform as a telephone of another telephony."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from voxlab.base.errors import SipSyntaxError, VoxlabError
from voxlab.elements.registrant import Visit
from voxlab.host.outlets import next_hop
from voxlab.lab.blocking import Aio, Steps, Submit, Wait, blocking
from voxlab.platform.application import Application as ApplicationRecord
from voxlab.platform.application import Unchanged
from voxlab.platform.registration import DEACTIVATED, IN_PROGRESS, Step
from voxlab.platform.registration import SipRegistration as Record
from voxlab.platform.rule import Rule
from voxlab.platform.secret import Secret
from voxlab.platform.user import User
from voxlab.sip.uri import Uri

if TYPE_CHECKING:
    from voxlab.lab.explanation import Explanation
    from voxlab.lab.lab import Lab

_LONGEST_NAME = 128


class Wishes(NamedTuple):
    """What is given about a registration; None, or ``UNCHANGED``, leaves it as it is."""

    proxy: str | None
    password: str | None
    auth_user: str | None
    outbound_proxy: str | None
    rule: Rule | Unchanged | None
    user: User | Unchanged | None
    persistent: bool | None


def define(lab: Lab, application: ApplicationRecord, username: str, wishes: Wishes) -> Record:
    """Make or update a record, and let what runs agree with it; in the lab's thread."""
    known = [each for each in lab.platform.registrations.values() if each.account == application.account]
    record = next((each for each in known if each.username == username), None)
    if record is None:
        record = _new(lab, application, username, wishes)
    _update(lab, record, application, wishes)
    lab.platform.registrations[record.contact_user] = record
    lab.cloud.keep_definitions()
    return record


def _new(lab: Lab, application: ApplicationRecord, username: str, wishes: Wishes) -> Record:
    if wishes.proxy is None or wishes.password is None:
        raise VoxlabError(f"SIP registration {username!r} is new: say proxy='gigafon.example' and password=...")
    number = max((each.number for each in lab.platform.registrations.values()), default=0) + 1
    contact_user = lab.platform.contact_user(f"{application.account} {username} {number}")
    return Record(number, application.account, _user(username), wishes.proxy, Secret(wishes.password), contact_user)


def _update(lab: Lab, record: Record, application: ApplicationRecord, wishes: Wishes) -> None:
    for text in (wishes.proxy, wishes.outbound_proxy):
        if text is not None and next_hop(text).user is not None:
            raise VoxlabError(f"a proxy is a domain or an address, perhaps with a port, not {text!r}")
    if isinstance(wishes.rule, Rule) and wishes.rule not in application.rules:
        raise VoxlabError(f"{wishes.rule!r} is no rule of {application.domain}")
    user = record.user if isinstance(wishes.user, Unchanged) else wishes.user
    persistent = record.is_persistent if wishes.persistent is None else wishes.persistent
    if not persistent and user is None:
        raise VoxlabError("a registration that is not persistent stands while its user is logged in: say user=...")
    record.proxy = wishes.proxy or record.proxy
    record.password = record.password if wishes.password is None else Secret(wishes.password)
    record.auth_user = wishes.auth_user or record.auth_user
    record.outbound_proxy = wishes.outbound_proxy or record.outbound_proxy
    record.application, record.is_persistent = application, persistent
    record.rule = record.rule if isinstance(wishes.rule, Unchanged) else wishes.rule
    if user is not None and user is not record.user:
        for other in lab.platform.registrations.values():
            other.user = None if other.user is user else other.user
    record.user = user


def _user(username: object) -> str:
    try:
        if isinstance(username, str) and username and len(username) <= _LONGEST_NAME and username.isprintable():
            Uri.build("gigafon.example", username)
            return username
    except SipSyntaxError:
        pass
    raise VoxlabError(f"a SIP user name is a string such as 'acme-office', not {username!r}")


class SipRegistration:
    """A registration of ours elsewhere; get one with ``application.sip_registration("acme-office", ...)``."""

    def __init__(self, lab: Lab, record: Record) -> None:
        self.lab = lab
        self.aio = Aio(self)
        self.record = record

    @property
    def username(self) -> str:
        """The user name there."""
        return self.record.username

    @property
    def proxy(self) -> str:
        """The other telephony."""
        return self.record.proxy

    @property
    def state(self) -> str:
        """Where it stands: in_progress, successful, failed or deactivated."""
        return self.record.state

    @property
    def code(self) -> int:
        """Of the last answer, 0 before there was one."""
        return self.record.code

    @property
    def reason(self) -> str:
        """Of the last answer."""
        return self.record.reason

    @property
    def history(self) -> tuple[Step, ...]:
        """Every change so far."""
        return tuple(self.record.history)

    @blocking
    def wait(self, timeout: float | None = 60.0) -> Steps[SipRegistration]:
        """Let time pass until it has come to a result: successful, failed or deactivated.

        Raises
        ------
        TimeoutError
            After ``timeout`` lab seconds.
        """
        record = self.record
        yield Wait(lambda: record.state != IN_PROGRESS, timeout)
        if record.state == IN_PROGRESS:
            raise TimeoutError(f"{self!r} after {timeout} s")
        return self

    @blocking
    def refresh(self) -> Steps[SipRegistration]:
        """Register again at once, and wait for the answer."""
        record, steps = self.record, len(self.record.history)
        yield Submit(self.lab.cloud.registrations.refresh, (record,))
        yield Wait(lambda: len(record.history) > steps and record.state != IN_PROGRESS, 60.0)
        return self

    @blocking
    def remove(self) -> Steps[None]:
        """Take ourselves off the other registrar, and forget the registration."""
        registrations = self.lab.cloud.registrations
        yield Submit(self.lab.platform.registrations.pop, (self.record.contact_user, None))
        yield Submit(registrations.keep)
        yield Wait(lambda: registrations.has_left, 40.0)
        self.record.state = DEACTIVATED

    def explain(self) -> Explanation:
        """Say why it stands as it does, from the messages on the wire."""
        return self.lab.explain_registration(self.record.uri.partition(":")[2])

    def diagram(self) -> RegistrationDiagram:
        """Return its state machine as a picture, the path so far marked."""
        visits = self.lab.world.submit(self._path)
        return RegistrationDiagram(tuple(Drawn(visit.time_s, visit.input.label) for visit in visits))

    def _path(self) -> tuple[Visit, ...]:
        registrant = self.lab.cloud.registrations.registrant(self.record)
        return () if registrant is None else tuple(registrant.visits)

    def __repr__(self) -> str:
        record = self.record
        to = f" → rule {record.rule.name}" if record.rule is not None else ""
        to = to or (f" → {record.application.domain}" if record.application is not None else " → nowhere")
        return f"{repr(record)[:-1]}{to}>"


class Drawn(NamedTuple):
    """A step as it is drawn: when, and what came."""

    time_s: float
    input: str


class RegistrationDiagram:
    """The state machine of a registration, the path that it took marked."""

    def __init__(self, path: tuple[Drawn, ...]) -> None:
        self.path = path

    @property
    def svg(self) -> str:
        """The picture."""
        from voxlab.display.machine import machine_svg
        from voxlab.elements.registration import Diagram

        return machine_svg(Diagram(), self.path)

    def text(self) -> str:
        """Return it as text."""
        from voxlab.display.machine import machine_text
        from voxlab.elements.registration import Diagram

        return machine_text(Diagram(), self.path)

    def __repr__(self) -> str:
        return self.text()

    def _repr_svg_(self) -> str:
        return self.svg
