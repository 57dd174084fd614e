"""What the words of SIP and SDP are for, a line each with the section that defines it (RFC 3261 s.20, RFC 8866 s.5-6).

Must not know any particular message.
"""

from __future__ import annotations

from typing import NamedTuple


class Meaning(NamedTuple):
    """What a word is for, and where that is written."""

    gist: str
    rfc: str


def _of(rfc: str, table: dict[str, tuple[str, str]]) -> dict[str, Meaning]:
    """Return meanings whose sections belong to one RFC; a section that names its own RFC stands as it is."""
    return {
        word: Meaning(gist, section if section.startswith("RFC") else f"RFC {rfc} {section}")
        for word, (section, gist) in table.items()
    }


METHODS = _of(
    "3261",
    {
        "INVITE": ("s.13", "asks for a session: a call begins, or (inside one) changes"),
        "ACK": ("s.17.1.1.3", "tells the callee that its final answer to an INVITE has arrived"),
        "BYE": ("s.15", "ends a session"),
        "CANCEL": ("s.9", "gives up an INVITE that has no final answer yet"),
        "REGISTER": ("s.10", "tells the registrar where a user can be reached"),
        "OPTIONS": ("s.11", "asks what the other side can do, or whether it is there"),
        "PRACK": ("RFC 3262 s.6", "confirms a provisional response"),
        "UPDATE": ("RFC 3311 s.5", "changes a session, also before it is answered"),
        "INFO": ("RFC 6086 s.4", "carries something of the application inside a call"),
        "REFER": ("RFC 3515 s.2", "asks the other side to call somebody: a transfer"),
        "SUBSCRIBE": ("RFC 6665 s.3.1", "asks to be told of events"),
        "NOTIFY": ("RFC 6665 s.3.2", "tells of an event that was subscribed to"),
        "MESSAGE": ("RFC 3428 s.3", "carries a text message"),
        "PUBLISH": ("RFC 3903 s.4", "hands in the state of an event, such as presence"),
    },
)
STATUS_CLASSES = _of(
    "3261",
    {
        "1": ("s.21.1", "provisional: it is being worked on, more will come"),
        "2": ("s.21.2", "success: final"),
        "3": ("s.21.3", "redirection: try elsewhere; final"),
        "4": ("s.21.4", "failure at this server, or more is asked of the caller; final"),
        "5": ("s.21.5", "the server failed; final"),
        "6": ("s.21.6", "no other place need be tried; final"),
    },
)
HEADERS = _of(
    "3261",
    {
        "accept": ("s.20.1", "media types that the sender understands in a body"),
        "accept-encoding": ("s.20.2", "encodings of a body that the sender understands"),
        "accept-language": ("s.20.3", "languages that the sender prefers"),
        "alert-info": ("s.20.4", "another ring tone"),
        "allow": ("s.20.5", "methods that the sender supports"),
        "authentication-info": ("s.20.6", "the server's side of the digest, after success"),
        "authorization": ("s.20.7", "proof of knowing the password, for a server"),
        "call-id": ("s.20.8", "names the call: the same in all messages of this leg"),
        "call-info": ("s.20.9", "more about caller or callee, such as a picture"),
        "contact": ("s.20.10", "where the sender itself can be reached directly"),
        "content-disposition": ("s.20.11", "how the body is meant"),
        "content-encoding": ("s.20.12", "how the body is packed"),
        "content-language": ("s.20.13", "the body's language"),
        "content-length": ("s.20.14", "bytes of the body; on a stream, where the message ends"),
        "content-type": ("s.20.15", "what the body is"),
        "cseq": ("s.20.16", "orders requests, and ties a response to its request"),
        "date": ("s.20.17", "when it was first sent"),
        "error-info": ("s.20.18", "more about an error"),
        "expires": ("s.20.19", "how many seconds it holds"),
        "from": ("s.20.20", "who sends the request, by their own account"),
        "in-reply-to": ("s.20.21", "the call that this one returns"),
        "max-forwards": ("s.20.22", "how many more hops it may take; stops loops"),
        "min-expires": ("s.20.23", "the shortest time that the registrar takes"),
        "mime-version": ("s.20.24", "version of MIME in the body"),
        "organization": ("s.20.25", "to whom the sender belongs"),
        "priority": ("s.20.26", "how urgent it is"),
        "proxy-authenticate": ("s.20.27", "a proxy asks for proof of knowing the password"),
        "proxy-authorization": ("s.20.28", "proof of knowing the password, for a proxy"),
        "proxy-require": ("s.20.29", "what a proxy must support"),
        "record-route": ("s.20.30", "a proxy that wants to see the later requests, too"),
        "reply-to": ("s.20.31", "where to call back"),
        "require": ("s.20.32", "what the other side must support"),
        "retry-after": ("s.20.33", "when to try again, in seconds"),
        "route": ("s.20.34", "a hop that the request has to take"),
        "server": ("s.20.35", "the software that answers"),
        "subject": ("s.20.36", "what it is about"),
        "supported": ("s.20.37", "extensions that the sender supports"),
        "timestamp": ("s.20.38", "when it was sent, to measure the round trip"),
        "to": ("s.20.39", "whom the request is meant for"),
        "unsupported": ("s.20.40", "extensions that were required and are not there"),
        "user-agent": ("s.20.41", "the software that asks"),
        "via": ("s.20.42", "a hop on the way: the response goes back through it"),
        "warning": ("s.20.43", "more about a status"),
        "www-authenticate": ("s.20.44", "a server asks for proof of knowing the password"),
        "rack": ("RFC 3262 s.7.2", "which provisional response is confirmed"),
        "rseq": ("RFC 3262 s.7.1", "the number of a provisional response to be confirmed"),
        "privacy": ("RFC 3323 s.4.2", "what must not be told about the caller"),
        "p-asserted-identity": ("RFC 3325 s.9.1", "who calls, as a trusted network vouches"),
        "p-preferred-identity": ("RFC 3325 s.9.2", "who calls, as the phone would like it vouched"),
        "reason": ("RFC 3326 s.2", "why it was sent, such as: answered elsewhere"),
        "path": ("RFC 3327 s.4", "a hop on the way back to a registered phone"),
        "service-route": ("RFC 3608 s.5", "a hop that later requests should take"),
        "refer-to": ("RFC 3515 s.2.1", "whom to call: the target of a transfer"),
        "referred-by": ("RFC 3892 s.3", "who asked for the transfer"),
        "replaces": ("RFC 3891 s.6.1", "the call that this one takes the place of"),
        "request-disposition": ("RFC 3841 s.9.1", "how a server should route"),
        "accept-contact": ("RFC 3841 s.9.2", "what kind of device is wanted"),
        "reject-contact": ("RFC 3841 s.9.2", "what kind of device is not wanted"),
        "session-expires": ("RFC 4028 s.4", "the call ends unless refreshed within these seconds"),
        "min-se": ("RFC 4028 s.5", "the shortest session interval that is taken"),
        "sip-etag": ("RFC 3903 s.11.3.1", "the version of a published state"),
        "sip-if-match": ("RFC 3903 s.11.3.2", "the version that this publication changes"),
        "flow-timer": ("RFC 5626 s.11.1", "how often to keep the connection alive"),
        "diversion": ("RFC 5806 s.4", "who forwarded the call before"),
        "event": ("RFC 6665 s.8.2.1", "the kind of event"),
        "allow-events": ("RFC 6665 s.8.2.2", "kinds of events that may be subscribed to"),
        "subscription-state": ("RFC 6665 s.8.2.3", "whether the subscription lives, and for how long"),
        "history-info": ("RFC 7044 s.5", "where the call was before it came here"),
        "user-to-user": ("RFC 7433 s.4", "something from user to user"),
        "session-id": ("RFC 7989 s.5", "names the call across all its legs"),
        "identity": ("RFC 8224 s.4", "a signature on who calls"),
    },
)
UNKNOWN_HEADER = Meaning(
    "not defined in the RFCs known here: what one does not understand is passed over", "RFC 3261 s.7.3.1"
)
SDP_LINES = _of(
    "8866",
    {
        "v": ("s.5.1", "version"),
        "o": ("s.5.2", "who made it, session, version, from where"),
        "s": ("s.5.3", "name of the session"),
        "i": ("s.5.4", "a title"),
        "u": ("s.5.5", "a page about it"),
        "e": ("s.5.6", "e-mail of who is responsible"),
        "p": ("s.5.6", "telephone of who is responsible"),
        "c": ("s.5.7", "the address that media goes to"),
        "b": ("s.5.8", "bandwidth"),
        "t": ("s.5.9", "start and end, 0 0 for now"),
        "r": ("s.5.10", "repetition"),
        "z": ("s.5.11", "time zones"),
        "k": ("s.5.12", "a key (obsolete)"),
        "a": ("s.5.13", "an attribute"),
        "m": ("s.5.14", "media: kind, port, protocol, payload types by preference"),
    },
)
SDP_ATTRIBUTES = _of(
    "8866",
    {
        "ptime": ("s.6.4", "milliseconds of sound in a packet"),
        "maxptime": ("s.6.5", "most milliseconds of sound in a packet"),
        "rtpmap": ("s.6.6", "payload type: codec/clock rate"),
        "sendrecv": ("s.6.7", "both ways"),
        "sendonly": ("s.6.7", "the sender of this only sends: hold"),
        "recvonly": ("s.6.7", "the sender of this only receives"),
        "inactive": ("s.6.7", "neither way"),
        "fmtp": ("s.6.15", "parameters of a payload type"),
        "rtcp": ("RFC 3605 s.2.1", "where RTCP goes, unless to the next port"),
        "rtcp-mux": ("RFC 5761 s.5.1.1", "RTP and RTCP share the port"),
        "crypto": ("RFC 4568 s.4", "the key of encrypted media"),
        "fingerprint": ("RFC 5763 s.5", "the certificate that media keys come under"),
        "setup": ("RFC 5763 s.5", "who opens the DTLS connection"),
        "candidate": ("RFC 8839 s.5.1", "an address where media may be tried"),
        "ice-ufrag": ("RFC 8839 s.5.4", "user name for connectivity checks"),
        "ice-pwd": ("RFC 8839 s.5.4", "password for connectivity checks"),
    },
)
