"""Journals told by hand: who sent what to whom, for tests of whatever reads them."""

from __future__ import annotations

import numpy as np

from voxlab.base.datagram import Address
from voxlab.base.journal import Journal
from voxlab.base.records import (
    DELIVERED,
    LOST,
    LegOpened,
    MediaStarted,
    RtcpRecord,
    RtpBlock,
    ScenarioFailed,
    ScenarioLog,
    SessionEnded,
    SessionOpened,
    StreamMeasured,
)

ALICE = Address("192.0.2.11", 5060)
CLOUD = Address("192.0.2.1", 5060)
BOB = Address("192.0.2.22", 5060)
URI = "sip:bob@shop.acme.voxlab.test"


class Story:
    """A journal and the words to fill it."""

    def __init__(self, transport: str = "UDP") -> None:
        self.journal = Journal()
        self.transport = transport
        for host, name in (("192.0.2.11", "alice"), ("192.0.2.1", "cloud"), ("192.0.2.22", "bob")):
            self.journal.name(host, name)

    def say(
        self,
        time_s: float,
        src: Address,
        dst: Address,
        start: str,
        *,
        leg: str = "A",
        cseq: str = "1 INVITE",
        sdp: tuple[str, int] | None = None,
        outcome: int = DELIVERED,
        display_name: str = "",
        call_id: str | None = None,
    ) -> int:
        body = description(*sdp) if sdp else ""
        start_line = f"SIP/2.0 {start}" if start[:1].isdigit() else f"{start} SIP/2.0"
        lines = [
            start_line,
            f"Via: SIP/2.0/{self.transport} 192.0.2.9:5060;branch=z9hG4bK{leg}{cseq.replace(' ', '')}",
            "Max-Forwards: 70",
            f"From: {display_name}<sip:alice@shop.acme.voxlab.test>;tag=1{leg}",
            f"To: <{URI}>",
            f"Call-ID: {call_id or f'{leg.lower()}@story'}",
            f"CSeq: {cseq}",
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        data = "\r\n".join((*lines, "", body)).encode()
        return self.journal.wire(time_s, self.transport, src, dst, data, outcome)

    def session(self, time_s: float = 0.001, *, both: bool = True) -> None:
        note = self.journal.note
        note(SessionOpened(time_s, 1, "shop.acme", "all", "forward", "alice", "bob"))
        note(LegOpened(time_s, 1, "A", "a@story", "192.0.2.1", "alice", incoming=True))
        if both:
            note(LegOpened(time_s, 1, "B", "b@story", "192.0.2.1", "bob"))

    def rtp(self, src: Address, dst: Address, start_s: float, packets: int, ssrc: int, leg: str, lost: int = 0) -> None:
        n = packets
        outcome = np.zeros(n, np.uint8)
        outcome[5 : 5 + lost] = LOST
        self.journal.rtp(
            RtpBlock(
                src=src,
                dst=dst,
                ssrc=ssrc,
                time_s=np.linspace(start_s, start_s + 0.02 * n, n, endpoint=False),
                sequence=np.arange(n, dtype=np.uint16),
                timestamp=np.arange(n, dtype=np.uint32) * 160,
                payload_type=np.zeros(n, np.uint8),
                size_bytes=np.full(n, 160, np.uint16),
                outcome=outcome,
                payload=bytes(160 * n),
                call_id=f"{leg.lower()}@story",
            )
        )


def description(host: str, port: int) -> str:
    lines = ["v=0", f"o=- 1 1 IN IP4 {host}", "s=-", f"c=IN IP4 {host}", "t=0 0", f"m=audio {port} RTP/AVP 0 8"]
    return "\r\n".join((*lines, "a=rtpmap:0 PCMU/8000", "a=rtpmap:8 PCMA/8000", ""))


def answered(transport: str = "UDP") -> Story:
    """Alice calls bob through a forwarding scenario, they talk for ten seconds, alice hangs up."""
    story = Story(transport)
    say = story.say
    say(0.0, ALICE, CLOUD, f"INVITE {URI}", sdp=("192.0.2.11", 4000))
    say(0.001, CLOUD, ALICE, "100 Trying")
    story.session()
    say(0.002, CLOUD, BOB, "INVITE sip:bob@192.0.2.22:5060", leg="B", sdp=("192.0.2.1", 6002))
    say(0.003, BOB, CLOUD, "180 Ringing", leg="B")
    say(0.004, CLOUD, ALICE, "180 Ringing")
    say(2.003, BOB, CLOUD, "200 OK", leg="B", sdp=("192.0.2.22", 4000))
    say(2.004, CLOUD, BOB, "ACK sip:bob@192.0.2.22:5060", leg="B", cseq="1 ACK")
    say(2.004, CLOUD, ALICE, "200 OK", sdp=("192.0.2.1", 6000))
    say(2.005, ALICE, CLOUD, "ACK sip:192.0.2.1", cseq="1 ACK")
    talk(story)
    say(12.004, ALICE, CLOUD, "BYE sip:192.0.2.1", cseq="2 BYE")
    say(12.005, CLOUD, ALICE, "200 OK", cseq="2 BYE")
    say(12.005, CLOUD, BOB, "BYE sip:bob@192.0.2.22:5060", leg="B", cseq="2 BYE")
    say(12.006, BOB, CLOUD, "200 OK", leg="B", cseq="2 BYE")
    story.journal.note(SessionEnded(12.006, 1, "normal"))
    return story


def talk(story: Story) -> None:
    phone, far = Address("192.0.2.11", 4000), Address("192.0.2.22", 4000)
    near_side, far_side = Address("192.0.2.1", 6000), Address("192.0.2.1", 6002)
    story.journal.note(MediaStarted(2.005, 1, "A", "a@story", near_side, phone, "PCMU", 0))
    story.rtp(phone, near_side, 2.01, 500, 0x1A2B3C4D, "A")
    story.rtp(near_side, phone, 2.02, 499, 0x2A2B3C4D, "A")
    story.rtp(far_side, far, 2.01, 500, 0x3A2B3C4D, "B", lost=3)
    story.rtp(far, far_side, 2.02, 499, 0x4A2B3C4D, "B")
    story.journal.note(RtcpRecord(5.0, phone._replace(port=4001), near_side._replace(port=6001), RECEIVER_REPORT))
    story.journal.note(measured(phone, near_side, 0x1A2B3C4D, "a@story", "A", lost=0, mos=4.41))
    story.journal.note(measured(far_side, far, 0x3A2B3C4D, "b@story", "B", lost=3, mos=4.21))


RECEIVER_REPORT = bytes.fromhex("80c900011a2b3c4d")


def measured(src: Address, dst: Address, ssrc: int, call_id: str, leg: str, *, lost: int, mos: float) -> StreamMeasured:
    return StreamMeasured(
        time_s=12.0,
        src=src,
        dst=dst,
        ssrc=ssrc,
        payload_type=0,
        codec="PCMU",
        start_s=2.01,
        duration_s=9.98,
        packets=500 - lost,
        lost=lost,
        late=0,
        duplicates=0,
        reordered=0,
        mean_jitter_ms=0.5,
        max_jitter_ms=1.5,
        max_delta_ms=21.0,
        r=93.2,
        mos=mos,
        call_id=call_id,
        session=1,
        leg=leg,
    )


def busy() -> Story:
    """Bob is busy, after a first INVITE to him was lost and sent again."""
    story = Story()
    say = story.say
    say(0.0, ALICE, CLOUD, f"INVITE {URI}", sdp=("192.0.2.11", 4000))
    say(0.001, CLOUD, ALICE, "407 Proxy Authentication Required")
    say(0.002, ALICE, CLOUD, f"ACK {URI}", cseq="1 ACK")
    say(0.003, ALICE, CLOUD, f"INVITE {URI}", cseq="2 INVITE", sdp=("192.0.2.11", 4000))
    say(0.004, CLOUD, ALICE, "100 Trying", cseq="2 INVITE")
    story.session()
    story.journal.note(ScenarioLog(0.004, 1, "forwarding to bob"))
    invite = {"leg": "B", "sdp": ("192.0.2.1", 6002)}
    say(0.005, CLOUD, BOB, "INVITE sip:bob@192.0.2.22:5060", outcome=LOST, **invite)  # type: ignore[arg-type]
    say(0.505, CLOUD, BOB, "INVITE sip:bob@192.0.2.22:5060", **invite)  # type: ignore[arg-type]
    say(0.510, BOB, CLOUD, "486 Busy Here", leg="B")
    say(0.511, CLOUD, BOB, "ACK sip:bob@192.0.2.22:5060", leg="B", cseq="1 ACK")
    say(0.511, CLOUD, ALICE, "486 Busy Here", cseq="2 INVITE")
    say(0.512, ALICE, CLOUD, f"ACK {URI}", cseq="2 ACK")
    story.journal.note(SessionEnded(0.512, 1, "call failed"))
    return story


def crashed() -> Story:
    """The scenario raises before anyone is called."""
    story = Story()
    story.say(0.0, ALICE, CLOUD, f"INVITE {URI}")
    story.session(both=False)
    story.journal.note(ScenarioFailed(0.001, 1, "ZeroDivisionError: division by zero", "Traceback ..."))
    story.say(0.002, CLOUD, ALICE, "500 Server Internal Error")
    story.say(0.003, ALICE, CLOUD, f"ACK {URI}", cseq="1 ACK")
    return story


def cancelled() -> Story:
    """Alice does not wait for bob to answer."""
    story = Story()
    say = story.say
    say(0.0, ALICE, CLOUD, f"INVITE {URI}")
    say(0.1, CLOUD, ALICE, "180 Ringing")
    story.session(both=False)
    say(3.2, ALICE, CLOUD, f"CANCEL {URI}", cseq="1 CANCEL")
    say(3.21, CLOUD, ALICE, "200 OK", cseq="1 CANCEL")
    say(3.22, CLOUD, ALICE, "487 Request Terminated")
    say(3.23, ALICE, CLOUD, f"ACK {URI}", cseq="1 ACK")
    return story
