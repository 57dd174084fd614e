"""Offer and answer as RFC 3264 s.5-8 describe them, seen by one end."""

from __future__ import annotations

import pytest

from voxlab.base.datagram import Address
from voxlab.base.errors import VoxlabError
from voxlab.dialog.offer_answer import Negotiation, State
from voxlab.sip.sdp import PCMA, PCMU, TELEPHONE_EVENT, Codec, SessionDescription

HERE, THERE = Address("192.0.2.1", 4000), Address("192.0.2.2", 6000)
OPUS = Codec(111, "opus", 48_000, 2)


def end(*codecs: Codec, at: Address = HERE) -> Negotiation:
    return Negotiation(at, 7, codecs) if codecs else Negotiation(at, 7)


def described(*media: str, connection: str = "IN IP4 192.0.2.2", version: int = 1) -> SessionDescription:
    lines = ["v=0", f"o=- 5 {version} IN IP4 192.0.2.2", "s=-", f"c={connection}", "t=0 0", *media]
    return SessionDescription.parse("\r\n".join([*lines, ""]))


def read(body: bytes) -> SessionDescription:
    return SessionDescription.parse(body, strict=True)


AUDIO = described("m=audio 6000 RTP/AVP 0 8")


def test_two_ends_agree_on_the_offerers_first_common_codec() -> None:
    one, other = end(PCMU, PCMA, TELEPHONE_EVENT), end(PCMA, PCMU, TELEPHONE_EVENT, at=THERE)
    assert other.take_offer(read(one.offer()))
    agreed = one.take_answer(read(other.answer()))
    assert agreed is not None
    assert other.agreed is not None
    assert (agreed.codec, agreed.remote, agreed.remote_rtcp) == (PCMU, THERE, Address("192.0.2.2", 6001))
    assert (other.agreed.codec, other.agreed.remote) == (PCMU, HERE)
    assert agreed.event_payload_type == other.agreed.event_payload_type == 101
    assert one.state is other.state is State.AGREED


def test_static_payload_types_need_no_rtpmap() -> None:
    one = end()
    assert one.take_offer(AUDIO)
    assert [codec.encoding for codec in read(one.answer()).media[0].codecs()] == ["PCMU", "PCMA"]


def test_s6_an_offer_without_a_common_codec_is_not_taken_and_changes_nothing() -> None:
    one = end(PCMU)
    assert not one.take_offer(described("m=audio 6000 RTP/AVP 9"))
    assert not one.take_offer(described("m=audio 6000 RTP/AVP 101", "a=rtpmap:101 telephone-event/8000"))
    assert (one.state, one.agreed, one.offered_codecs()) == (State.IDLE, None, ())


@pytest.mark.parametrize(
    "media", ["m=audio 0 RTP/AVP 0", "m=audio 6000 RTP/SAVP 0", "m=audio 6000 udptl t38", "m=video 6000 RTP/AVP 0"]
)
def test_a_stream_that_is_refused_secured_or_no_audio_cannot_be_answered(media: str) -> None:
    assert not end().take_offer(described(media))


@pytest.mark.parametrize("connection", ["IN IP4 media.example.com", "IN IP4 999.1.1.1"])
def test_an_address_that_is_a_name_is_not_taken_for_nobody_resolves_it(connection: str) -> None:
    assert not end().take_offer(described("m=audio 6000 RTP/AVP 0", connection=connection))


def test_s6_every_stream_of_the_offer_is_answered_in_its_place_the_others_with_port_0() -> None:
    one = end()
    assert one.take_offer(described("m=video 5000 RTP/AVP 31", "m=audio 6000 RTP/AVP 0", "m=audio 6002 RTP/AVP 8"))
    answer = read(one.answer())
    assert [(media.type, media.port, media.formats) for media in answer.media] == [
        ("video", 0, ("31",)),
        ("audio", 4000, ("0",)),
        ("audio", 0, ("8",)),
    ]
    assert one.agreed is not None
    assert one.agreed.remote == Address("192.0.2.2", 6000)


def test_s8_a_new_offer_of_ours_keeps_the_streams_in_their_places() -> None:
    one = end()
    assert one.take_offer(described("m=video 5000 RTP/AVP 31", "m=audio 6000 RTP/AVP 0"))
    one.answer()
    again = read(one.offer())
    assert [(media.type, media.port) for media in again.media] == [("video", 0), ("audio", 4000)]
    agreed = one.take_answer(described("m=video 0 RTP/AVP 31", "m=audio 6010 RTP/AVP 8"))
    assert agreed is not None
    assert (agreed.codec, agreed.remote.port) == (PCMA, 6010)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("sendrecv", "sendrecv"), ("sendonly", "recvonly"), ("recvonly", "sendonly"), ("inactive", "inactive")],
)
def test_s6_1_the_direction_is_answered_from_our_side(theirs: str, ours: str) -> None:
    one = end()
    assert one.take_offer(described("m=audio 6000 RTP/AVP 0", f"a={theirs}"))
    assert read(one.answer()).media[0].direction == ours
    assert one.agreed is not None
    assert one.agreed.direction == ours


def test_the_direction_may_stand_at_session_level() -> None:
    one = end()
    assert one.take_offer(described("a=sendonly", "m=audio 6000 RTP/AVP 0"))
    assert read(one.answer()).media[0].direction == "recvonly"


@pytest.mark.parametrize(
    ("attribute", "ours"),
    [("sendrecv", "recvonly"), ("sendonly", "recvonly"), ("recvonly", "inactive"), ("inactive", "inactive")],
)
def test_s8_4_nothing_is_sent_to_0_0_0_0(attribute: str, ours: str) -> None:
    one = end()
    assert one.take_offer(described("m=audio 6000 RTP/AVP 0", f"a={attribute}", connection="IN IP4 0.0.0.0"))
    assert read(one.answer()).media[0].direction == ours
    assert one.agreed is not None
    assert (one.agreed.direction, one.agreed.on_hold) == (ours, True)


def test_s5_1_each_side_sends_with_the_numbers_of_the_others_description() -> None:
    one = end(PCMU, TELEPHONE_EVENT)
    one.offer()
    answer = described("m=audio 6000 RTP/AVP 0 96", "a=rtpmap:96 telephone-event/8000")
    agreed = one.take_answer(answer)
    assert agreed is not None
    assert agreed.event_payload_type == 96
    assert [codec.payload_type for codec in agreed.receives] == [0, 101]


def test_the_numbers_of_the_offer_are_used_in_the_answer() -> None:
    one = end(PCMU, TELEPHONE_EVENT)
    assert one.take_offer(described("m=audio 6000 RTP/AVP 97 0", "a=rtpmap:97 telephone-event/8000"))
    answer = read(one.answer())
    assert answer.media[0].formats == ("0", "97")
    assert one.agreed is not None
    assert (one.agreed.codec, one.agreed.event_payload_type) == (PCMU, 97)


def test_encoding_names_are_compared_without_case() -> None:
    assert end().take_offer(described("m=audio 6000 RTP/AVP 99", "a=rtpmap:99 pcma/8000"))


def test_an_answer_without_anything_that_was_offered_is_not_taken() -> None:
    one = end(PCMU)
    one.offer()
    assert one.take_answer(described("m=audio 6000 RTP/AVP 8")) is None
    assert one.take_answer(described("m=audio 0 RTP/AVP 0")) is None
    assert one.take_answer(described()) is None
    assert (one.state, one.agreed) == (State.OFFERED, None)
    assert one.take_answer(described("m=audio 6000 RTP/AVP 0")) is not None


def test_an_answer_that_nobody_asked_for_is_not_taken() -> None:
    assert end().take_answer(AUDIO) is None
    one = end()
    assert one.take_offer(AUDIO)
    one.answer()
    assert one.take_answer(AUDIO) is None, "we were the ones to answer"


def test_the_answer_of_another_early_dialog_replaces_the_first() -> None:
    one = end()
    one.offer()
    first, second = one.take_answer(AUDIO), one.take_answer(described("m=audio 7000 RTP/AVP 8"))
    assert first is not None
    assert second is not None
    assert (first.codec, second.codec, second.remote.port) == (PCMU, PCMA, 7000)


def test_s8_the_version_goes_up_by_one_only_when_something_changes() -> None:
    one = end()
    assert one.take_offer(AUDIO)
    versions = [read(one.answer()).origin.session_version]
    assert one.take_offer(described("m=audio 6000 RTP/AVP 0 8", version=2))
    versions.append(read(one.answer()).origin.session_version)
    assert one.take_offer(described("m=audio 6000 RTP/AVP 0 8", "a=sendonly", version=3))
    versions.append(read(one.answer()).origin.session_version)
    versions.append(read(one.offer()).origin.session_version)
    assert versions == [0, 0, 1, 2]


def test_asked_twice_the_same_offer_and_the_same_answer_come_back() -> None:
    one = end()
    assert one.offer() == one.offer()
    other = end()
    assert other.take_offer(AUDIO)
    assert other.answer() == other.answer()


def test_a_new_offer_is_answered_anew() -> None:
    one = end()
    assert one.take_offer(described("m=audio 6000 RTP/AVP 0"))
    first = one.answer()
    assert one.take_offer(described("m=audio 6000 RTP/AVP 8", "a=sendonly", version=2))
    second = read(one.answer())
    assert second.to_bytes() != first
    assert (second.media[0].formats, second.media[0].direction) == (("8",), "recvonly")
    assert one.agreed is not None
    assert one.agreed.codec == PCMA


def test_s4_glare_neither_takes_an_offer_while_its_own_is_open() -> None:
    one = end()
    one.offer()
    assert not one.take_offer(AUDIO)
    assert one.state is State.OFFERED


def test_turns_are_kept() -> None:
    one = end()
    with pytest.raises(VoxlabError, match="no offer to answer"):
        one.answer()
    assert one.take_offer(AUDIO)
    with pytest.raises(VoxlabError, match="has to be answered"):
        one.offer()


def test_a_refused_new_offer_leaves_what_was_agreed() -> None:
    one = end()
    assert one.take_offer(AUDIO)
    one.answer()
    before = one.agreed
    assert not one.take_offer(described("m=audio 6000 RTP/AVP 9", version=2))
    assert (one.agreed, one.state) == (before, State.AGREED)


def test_a_preferred_codec_is_the_only_one_answered() -> None:
    one = end()
    assert one.take_offer(described("m=audio 6000 RTP/AVP 0 8 101", "a=rtpmap:101 telephone-event/8000"))
    assert read(one.answer(PCMA)).media[0].formats == ("8", "101")


def test_a_preferred_codec_that_was_not_offered_is_no_obstacle() -> None:
    one = end()
    assert one.take_offer(described("m=audio 6000 RTP/AVP 0"))
    assert read(one.answer(PCMA)).media[0].formats == ("0",)


@pytest.mark.parametrize(("relayed", "formats"), [(True, ("111",)), (False, ("0",))])
def test_a_codec_that_we_do_not_speak_is_answered_only_if_it_is_relayed(relayed: bool, formats: tuple[str]) -> None:
    one = end(PCMU)
    assert one.take_offer(described("m=audio 6000 RTP/AVP 111 0", "a=rtpmap:111 opus/48000/2"))
    assert read(one.answer(OPUS, relayed=relayed)).media[0].formats == formats


def test_rtcp_goes_where_the_attribute_says_and_never_past_the_last_port() -> None:
    for media, port in ((("m=audio 6000 RTP/AVP 0", "a=rtcp:7777"), 7777), (("m=audio 65535 RTP/AVP 0",), 65_535)):
        one = end()
        assert one.take_offer(described(*media))
        one.answer()
        assert one.agreed is not None
        assert one.agreed.remote_rtcp == Address("192.0.2.2", port)


@pytest.mark.parametrize(("asked", "sent"), [("30", 30), ("0", 20), ("99999", 20), ("x", 20)])
def test_the_packet_time_that_they_ask_for_is_sent_if_it_makes_sense(asked: str, sent: int) -> None:
    one = end()
    assert one.take_offer(described("m=audio 6000 RTP/AVP 0", f"a=ptime:{asked}"))
    one.answer()
    assert one.agreed is not None
    assert one.agreed.ptime_ms == sent


def test_ipv6_is_written_as_ip6() -> None:
    offer = read(end(at=Address("2001:db8::1", 4000)).offer())
    assert (offer.origin.address_type, str(offer.connection)) == ("IP6", "IN IP6 2001:db8::1")


def test_the_offered_codecs_are_told_to_the_other_leg_of_a_bridge() -> None:
    one = end(PCMU)
    assert one.take_offer(described("m=audio 6000 RTP/AVP 111 0", "a=rtpmap:111 opus/48000/2"))
    assert [codec.encoding for codec in one.offered_codecs()] == ["opus", "PCMU"]


# -- changes of what was agreed (RFC 3264 s.8, RFC 6141 s.3.1)


def two_ends() -> tuple[Negotiation, Negotiation]:
    one, other = Negotiation(Address("192.0.2.1", 4000), 1), Negotiation(Address("192.0.2.2", 5000), 2)
    exchange(one, other)
    return one, other


def exchange(one: Negotiation, other: Negotiation, offer: bytes = b"") -> None:
    assert other.take_offer(SessionDescription.parse(offer or one.offer()))
    assert one.take_answer(SessionDescription.parse(other.answer()))


def directions(one: Negotiation, other: Negotiation) -> tuple[str, str]:
    assert one.agreed is not None
    assert other.agreed is not None
    return one.agreed.direction, other.agreed.direction


def test_who_holds_is_sent_nothing_and_each_takes_back_its_own() -> None:
    one, other = two_ends()
    one.holding = True
    exchange(one, other)
    assert directions(one, other) == ("sendonly", "recvonly")
    other.holding = True
    exchange(other, one)
    assert directions(one, other) == ("inactive", "inactive")
    one.holding = False
    exchange(one, other)
    assert directions(one, other) == ("recvonly", "sendonly")
    other.holding = False
    exchange(other, one)
    assert directions(one, other) == ("sendrecv", "sendrecv")


def test_an_offer_of_zeros_holds_as_sendonly_does() -> None:
    one, other = two_ends()
    zeros = one.offer().replace(b"c=IN IP4 192.0.2.1", b"c=IN IP4 0.0.0.0")
    assert other.take_offer(SessionDescription.parse(zeros))
    assert other.offered_direction() == "sendonly"
    assert b"a=recvonly" in other.answer()


def test_an_offer_that_is_refused_leaves_what_was_agreed_at_both_ends() -> None:
    one, other = two_ends()
    before = (one.agreed, other.agreed, other.remote)
    one.holding = True
    offer = SessionDescription.parse(one.offer())
    assert other.take_offer(offer)
    one.withdraw()
    other.withdraw()
    assert (one.agreed, other.agreed, other.remote) == before
    one.holding = False
    exchange(other, one)  # and either may offer again
    assert directions(one, other) == ("sendrecv", "sendrecv")


def test_an_offer_that_changes_nothing_has_the_same_o_line_and_is_known_by_it() -> None:
    one, other = two_ends()
    again = SessionDescription.parse(one.offer_again())
    assert other.is_refresh(again)
    assert other.take_offer(again)
    assert one.take_answer(SessionDescription.parse(other.answer()))
    one.holding = True
    assert not other.is_refresh(SessionDescription.parse(one.offer()))


def test_the_other_leg_of_a_bridge_limits_what_is_answered() -> None:
    one, other = two_ends()
    assert other.take_offer(SessionDescription.parse(one.offer()))
    assert b"a=inactive" in other.answer(direction="inactive")
    assert other.agreed is not None
    assert other.agreed.direction == "inactive"
