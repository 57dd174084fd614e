"""Calls that pass through a proxy: when they begin, and each way to end."""

from __future__ import annotations

from voxlab.elements.passages import Concluded, Leaving, PassageEnded, Passages
from voxlab.sip.message import Request, Response
from voxlab.sip.parser import parse


def answer(tag: str, *, expires_s: int | None = None, opens: bool = True) -> Concluded:
    more = "" if expires_s is None else f"Session-Expires: {expires_s};refresher=uac\r\n"
    data = (
        "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKa\r\nFrom: <sip:alice@example.org>;tag=alice\r\n"
        f"To: <sip:bob@example.org>;tag={tag}\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n{more}Content-Length: 0\r\n\r\n"
    )
    response = parse(data.encode())
    assert isinstance(response, Response)
    return Concluded("c", opens, response)


def refusal(status: int, reason: str, *, opens: bool = True) -> Concluded:
    return Concluded("c", opens, Response.build(status, reason, []))


def bye(sender: str, receiver: str) -> Leaving:
    data = (
        "BYE sip:bob@192.0.2.8 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKb\r\nMax-Forwards: 70\r\n"
        f"From: <sip:x@example.org>;tag={sender}\r\nTo: <sip:y@example.org>;tag={receiver}\r\nCall-ID: c\r\n"
        "CSeq: 2 BYE\r\nContent-Length: 0\r\n\r\n"
    )
    request = parse(data.encode())
    assert isinstance(request, Request)
    return Leaving(request)


def test_s15_1_1_a_bye_ends_a_call_whoever_sends_it() -> None:
    for sender, receiver, by in (("alice", "bob", "caller"), ("bob", "alice", "callee")):
        passages = Passages()
        passages.began("c", 0.0)
        assert passages.concluded(answer("bob"), 1.0) is None
        assert passages.left(bye(sender, receiver)) == PassageEnded("c", 200, "Normal termination", by)
        assert passages.left(bye(sender, receiver)) is None
        assert (len(passages), passages.next_timeout()) == (0, None)


def test_of_two_who_answered_one_that_is_hung_up_leaves_the_other() -> None:
    passages = Passages()
    passages.began("c", 0.0)
    passages.concluded(answer("bob"), 1.0)
    passages.concluded(answer("carol"), 1.0)
    assert passages.left(bye("alice", "carol")) is None
    assert len(passages) == 1
    assert passages.left(bye("bob", "alice")) == PassageEnded("c", 200, "Normal termination", "callee")


def test_a_refusal_ends_a_call_only_before_it_stands() -> None:
    passages = Passages()
    passages.began("c", 0.0)
    passages.concluded(answer("bob"), 1.0)
    assert passages.concluded(refusal(488, "Not Acceptable Here", opens=False), 2.0) is None
    assert len(passages) == 1
    ringing = Passages()
    ringing.began("c", 0.0)
    assert ringing.concluded(refusal(486, "Busy Here"), 1.0) == PassageEnded("c", 486, "Busy Here", "callee")


def test_rfc_4028_s8_3_a_session_that_is_not_refreshed_is_over() -> None:
    passages = Passages()
    passages.began("c", 0.0)
    passages.concluded(answer("bob", expires_s=90), 1.0)
    assert passages.next_timeout() == 91.0
    passages.concluded(answer("bob", expires_s=90, opens=False), 50.0)
    assert passages.overdue(139.0) == []
    (ended,) = passages.overdue(140.0)
    assert (ended.status, ended.by) == (408, "cloud")
    assert len(passages) == 0
