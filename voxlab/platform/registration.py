"""A SIP registration: the platform as one single phone of another telephony, where there is no trunk (RFC 3261 s.10.2).

What is known about it and what has become of it; must not know messages, nor when to send one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from voxlab.platform.application import Application
from voxlab.platform.rule import Rule
from voxlab.platform.secret import Secret
from voxlab.platform.user import User

IN_PROGRESS, SUCCESSFUL, FAILED, DEACTIVATED = "in_progress", "successful", "failed", "deactivated"
"""The four words of the management API."""

_HISTORY_KEPT = 1000


class Step(NamedTuple):
    """A change: when, to which of the four states, with which answer, and what the machine behind it says."""

    time_s: float
    state: str
    code: int
    reason: str
    detail: str

    def __str__(self) -> str:
        answer = f", {self.code} {self.reason}" if self.code else ""
        return f"{self.time_s:.3f} s {self.state} ({self.detail}{answer})"


@dataclass(eq=False, slots=True)
class SipRegistration:
    """A registration of ours at another telephony.

    Attributes
    ----------
    number : int
        Its identifier in the management API.
    account : str
        Whose it is.
    username, proxy : str
        The two halves of its address-of-record there: a user name, and a host, perhaps with a port.
    password : Secret
    auth_user, outbound_proxy : str or None
        The name for digest, if it is another one; the next hop, if it is not ``proxy``.
    is_persistent : bool
        Registered until it is deleted; otherwise only while ``user`` has a device registered with us.
    application, rule, user
        What it is bound to; the rule takes every call, its pattern is not consulted.
    contact_user : str
        The user part of our Contact there: nobody else can guess it.
    addresses : frozenset of str
        Where calls over it come from: the addresses of the registrar.
    """

    number: int
    account: str
    username: str
    proxy: str
    password: Secret
    contact_user: str
    auth_user: str | None = None
    outbound_proxy: str | None = None
    is_persistent: bool = True
    application: Application | None = None
    rule: Rule | None = None
    user: User | None = None
    addresses: frozenset[str] = frozenset()
    state: str = DEACTIVATED
    code: int = 0
    reason: str = ""
    refreshed_at_s: float = 0.0
    refresh_due_s: float | None = None
    history: list[Step] = field(default_factory=list)

    @property
    def uri(self) -> str:
        """The address-of-record there."""
        return f"sip:{self.username}@{self.proxy}"

    def step(self, now: float, state: str, code: int, reason: str, detail: str) -> None:
        """Take a change of state."""
        self.state, self.code, self.reason = state, code, reason
        self.refreshed_at_s = now
        self.history.append(Step(now, state, code, reason, detail))
        del self.history[:-_HISTORY_KEPT]

    def __repr__(self) -> str:
        answer = f", {self.code} {self.reason}" if self.code and self.state != SUCCESSFUL else ""
        kind = "" if self.is_persistent else f", while {self.user.name if self.user else 'its user'} is logged in"
        return f"<SipRegistration {self.username} at {self.proxy}: {self.state}{answer}{kind}>"
