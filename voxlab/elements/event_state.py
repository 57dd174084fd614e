"""What can be subscribed to, and what is published about it: the event state compositor (RFC 3903, RFC 3856, RFC 4235,
RFC 3842).

Must not know subscriptions or transports: requests come in as values, bodies come out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

from voxlab.base.ids import Ids
from voxlab.dialog.dialog import Header
from voxlab.dialog.subscription import expires_of, package_of
from voxlab.sip.message import Request

PACKAGES = {
    "presence": "application/pidf+xml",
    "dialog": "application/dialog-info+xml",
    "message-summary": "application/simple-message-summary",
}
SHORTEST_S = 60
LONGEST_S = 3600
MAX_BODY_BYTES = 65_536
MAX_PUBLICATIONS = 10_000


class Publication(NamedTuple):
    """What one device has published: its entity-tag, until when it holds, what it says."""

    tag: str
    until: float
    content_type: str
    body: bytes


class Published(NamedTuple):
    """The answer to a PUBLISH: status, lines, and whether the state has changed."""

    status: int
    headers: tuple[Header, ...] = ()
    changed: bool = False


class EventState:
    """The state of every resource, as published, else as known.

    Parameters
    ----------
    ids : Ids
        Where entity-tags come from.
    known : callable
        From a package and an address-of-record to what is known without publication.
    """

    def __init__(self, ids: Ids, known: Callable[[str, str], bytes]) -> None:
        self._ids = ids
        self._known = known
        self._published: dict[tuple[str, str], dict[str, Publication]] = {}

    def publish(self, request: Request, resource: str, now: float) -> Published:
        """Take a PUBLISH: a first one, a refresh, a change or a removal (RFC 3903 s.6)."""
        package = package_of(request)
        if package not in PACKAGES:
            return Published(489, (("Allow-Events", ", ".join(PACKAGES)),))
        expires_s = min(expires_of(request, LONGEST_S), LONGEST_S)
        if 0 < expires_s < SHORTEST_S:
            return Published(423, (("Min-Expires", str(SHORTEST_S)),))
        if len(request.body) > MAX_BODY_BYTES:
            return Published(413)
        kept = self._published.setdefault((package, resource), {})
        matched = (request.headers.get("sip-if-match") or "").strip()
        before = kept.pop(matched, None) if matched else None
        if matched and (before is None or before.until <= now):
            return Published(412)
        if not matched and not request.body:
            return Published(400)
        return self._kept(kept, request, before, expires_s, now)

    def _kept(
        self, kept: dict[str, Publication], request: Request, before: Publication | None, expires_s: int, now: float
    ) -> Published:
        tag = self._ids.token(6)
        kind, body = request.headers.get("content-type") or "", request.body
        if before is not None and not body:
            kind, body = before.content_type, before.body
        if expires_s:
            if sum(len(each) for each in self._published.values()) >= MAX_PUBLICATIONS:
                return Published(503, (("Retry-After", "60"),))
            kept[tag] = Publication(tag, now + expires_s, kind, body)
        changed = before is None or not expires_s or body != before.body
        return Published(200, (("SIP-ETag", tag), ("Expires", str(expires_s))), changed)

    def of(self, package: str, resource: str, now: float) -> tuple[str, bytes]:
        """Return content type and body of a resource's state: the latest publication that holds, else what is known."""
        kept = self._published.get((package, resource))
        if kept:
            for tag in [tag for tag, each in kept.items() if each.until <= now]:
                del kept[tag]
            if kept:
                last = list(kept.values())[-1]
                return last.content_type, last.body
        return PACKAGES[package], self._known(package, resource)


# -- documents


def presence(resource: str, *, is_open: bool, note: str = "") -> bytes:
    """Write a presence document (RFC 3863)."""
    basic = "open" if is_open else "closed"
    words = f"<note>{escape(note)}</note>" if note else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\r\n'
        f'<presence xmlns="urn:ietf:params:xml:ns:pidf" entity={quoteattr(f"pres:{resource}")}>'
        f'<tuple id="t1"><status><basic>{basic}</basic></status>{words}</tuple></presence>\r\n'
    ).encode()


def dialog_info(resource: str, version: int, states: list[tuple[str, str]]) -> bytes:
    """Write a dialog-info document: (id, state) of each dialog (RFC 4235 s.4)."""
    dialogs = "".join(f"<dialog id={quoteattr(name)}><state>{escape(state)}</state></dialog>" for name, state in states)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\r\n'
        f'<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="{version}" state="full" '
        f"entity={quoteattr(f'sip:{resource}')}>{dialogs}</dialog-info>\r\n"
    ).encode()


def message_summary(resource: str, new: int = 0, old: int = 0) -> bytes:
    """Write a message summary (RFC 3842 s.5.2)."""
    waiting = "yes" if new else "no"
    return (
        f"Messages-Waiting: {waiting}\r\nMessage-Account: sip:{resource}\r\nVoice-Message: {new}/{old} (0/0)\r\n"
    ).encode()
