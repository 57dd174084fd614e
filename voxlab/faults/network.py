"""Faults of what lies between hosts: NATs and their bindings, borders that believe what they read, links, names.

RFC 3581, RFC 3261 s.18, RFC 7362, RFC 5626 s.4.4, RFC 3263 s.4. Must not know devices and wires.
"""

from __future__ import annotations

from collections.abc import Callable

from voxlab.faults.alg import REWRITES
from voxlab.faults.edits import changed
from voxlab.faults.fault import Fault, Parameter
from voxlab.faults.treatment import Message, Rewrites, Treatment
from voxlab.sip.message import Request

_DOMAIN = Parameter("domain", "", "a domain name, such as 'gigafon.example'; '' for every name")

FAULTS = (
    Fault("no_rport", "answers go to the port in Via, where the NAT has no binding: 408, never registered", ("phone",),
          "RFC 3581 s.3, RFC 3261 s.18.2.2", "ask for rport in Via", 15, "VX-NAT-REPLY-PORT"),
    Fault("contact_believed", "calls to a phone behind a NAT go to its private address: 408 after 32 s",
          ("sbc",), "RFC 6314 s.4.1, RFC 3261 s.12.2.1.1",
          "send where the phone's messages come from, not where its Contact says", 15, "VX-NAT-CONTACT"),
    Fault("no_latching", "who is behind a NAT hears nothing: RTP goes to the private address in its SDP", ("sbc",),
          "RFC 7362 s.4, RFC 4961", "latch: send RTP to where it comes from", 16, "VX-NAT-ONE-WAY"),
    Fault("latching_hijack", "a stranger's packet comes first, and the stranger gets the audio of the call", ("sbc",),
          "RFC 7362 s.5", "latch only on the address that signalling comes from", 16, "VX-LATCH-HIJACK"),
    Fault("alg", "a SIP ALG in the NAT rewrites half of each message", ("nat",),
          "RFC 3261 s.18.3; RFC 4475 s.3.1.2.2 (no RFC owns ALGs)", "switch the ALG off, or use TLS", 17, "VX-ALG",
          (Parameter("rewrites", "sdp", "which half", tuple(REWRITES)),)),
    Fault("binding_dies", "calls to a phone that was quiet get no answer: its NAT has forgotten it", ("nat",),
          "RFC 5626 s.4.4, RFC 6314 s.4.1.2", "keep the binding alive: ping more often than it lives", 18,
          "VX-NAT-BINDING-GONE", (Parameter("lifetime_s", 10.0, "how long a binding lives unused, in seconds"),)),
    Fault("no_keep_alive", "half a minute after its last message a phone behind a NAT cannot be called", ("phone",),
          "RFC 5626 s.4.4, s.3.5", "ping: phone(keep_alive='crlf')", 18, "VX-NAT-BINDING-GONE"),
    Fault("loss", "packets are lost, one by one or in bursts: gaps in the sound, repeated messages", ("link",),
          "RFC 3550 s.6.4.1, A.3", "give voice a queue of its own (DSCP EF); look at the link", 0, "",
          (Parameter("rate", 0.02, "the share of packets that are lost, 0 to 1"),
           Parameter("burst", 1.0, "how many are lost in a row on average, 1 or more"))),
    Fault("delay", "everything comes later: people talk at the same time", ("link",),
          "RFC 3611 s.4.7.3", "take a shorter way; nothing makes a long one short", 0, "",
          (Parameter("delay_s", 0.3, "how long each packet takes, in seconds"),)),
    Fault("jitter", "packets come at an uneven pace: the jitter buffer waits, or gaps are heard", ("link",),
          "RFC 3550 s.6.4.1, A.8", "a deeper jitter buffer, or an adaptive one", 0, "",
          (Parameter("jitter_s", 0.03, "up to how much later a packet comes, in seconds"),)),
    Fault("fragments_lost", "small messages pass and large ones never arrive: 408, or an answer that is never seen",
          ("link",), "RFC 3261 s.18.1.1", "send what is large over TCP: phone(transport='TCP')", 29,
          "VX-FRAGMENTS-LOST",
          (Parameter("mtu_bytes", 576, "the largest IP packet that passes, in bytes"),)),
    Fault("stays_on_udp", "requests of more than 1300 bytes go over UDP, and so in fragments", ("phone",),
          "RFC 3261 s.18.1.1", "move what is larger than 1300 bytes to TCP", 29, "VX-FRAGMENTS"),
    Fault("nxdomain", "the name of the other side does not exist: no call goes there", ("dns",),
          "RFC 3263 s.4.2", "publish the name, or spell it right", 25, "VX-DNS-NXDOMAIN", (_DOMAIN,)),
    Fault("server_failure", "the name server fails (SERVFAIL): no call goes there", ("dns",),
          "RFC 3263 s.4.2", "mend the name server; it is no matter of SIP", 25, "VX-DNS-SERVFAIL", (_DOMAIN,)),
    Fault("dns_timeout", "the name server does not answer: no call goes there", ("dns",),
          "RFC 3263 s.4.2", "mend the way to the name server, or ask another", 25, "VX-DNS-TIMEOUT", (_DOMAIN,)),
    Fault("srv_missing", "no SRV record: calls go to the A record and port 5060, where nobody may listen", ("dns",),
          "RFC 3263 s.4.2", "publish _sip._udp SRV records", 25, "VX-DNS-SRV-MISSING", (_DOMAIN,)),
    Fault("dead_host", "the first address of the name answers nothing: each call waits before the next is tried",
          ("dns",), "RFC 3263 s.4.3", "take the dead address out of DNS; try the next after 503 or a timeout", 25,
          "VX-DNS-FAILOVER",
          (_DOMAIN, Parameter("address", "192.0.2.254", "an IP address where nobody listens"))),
    Fault("sticky_address", "the name has moved, and calls still go to where it was", ("dns",),
          "RFC 3263 s.4", "ask again when the record's time to live is over", 25, "VX-DNS-STALE", (_DOMAIN,)),
    Fault("naptr_misleads", "NAPTR prefers a transport that the host does not serve: calls are refused at its port",
          ("dns",), "RFC 3263 s.4.1", "publish NAPTR only for transports that are served", 25, "VX-DNS-TRANSPORT",
          (_DOMAIN, Parameter("service", "SIP+D2T", "the service that NAPTR names", ("SIP+D2T", "SIPS+D2T")))),
)  # fmt: skip


def _no_rport(message: Message, data: bytes) -> bytes:
    return changed(data, rb"(?mi)^(Via:[^\r\n]*?);rport(?=[;\r])", rb"\1") if isinstance(message, Request) else data


TREATMENTS: dict[str, Callable[..., Treatment]] = {"no_rport": lambda: Rewrites(_no_rport)}
"""What makes the treatment of each fault of a device; the others turn a knob of what they are at."""
