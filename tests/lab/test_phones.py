"""Phones: every option, every transport, both worlds, and links that lose."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.lab.stage import MakeStage, Stage
from voxlab import CallFailed, Lab, VoxlabError
from voxlab.media.sources import from_samples


def first_lines(stage: Stage, word: str) -> list[str]:
    lines = (message.data.split(b"\r\n")[0].decode() for message in stage.lab.journal.messages())
    return [line for line in lines if word in line]


# -- options ----------------------------------------------------------------------------------------------------------


def test_answer_after_is_lab_seconds(make_stage: MakeStage) -> None:
    stage = make_stage(bob={"answer_after": 7.5}).forwards()
    start = stage.lab.now
    stage.alice.dial("bob").wait("connected")
    assert stage.lab.now - start == pytest.approx(7.5, abs=0.05)


def test_answer_after_nothing_at_all(make_stage: MakeStage) -> None:
    stage = make_stage(bob={"answer_after": 0}).forwards()
    assert stage.alice.dial("bob").wait("connected").state == "connected"


@pytest.mark.parametrize(
    ("option", "status", "shown"),
    [
        ({"busy": True}, "486", "refused alice"),
        ({"decline": True}, "603", "refused alice"),
        ({"gives_up_after": 4.0}, "480", "nobody answered"),
    ],
)
def test_a_phone_that_does_not_take_the_call_says_so(
    make_stage: MakeStage, option: dict[str, Any], status: str, shown: str
) -> None:
    stage = make_stage(bob=option).forwards()
    with pytest.raises(CallFailed, match=status):
        stage.alice.dial("bob").wait("connected")
    assert stage.bob.says[-1][1] == shown
    assert shown in repr(stage.bob)


def test_a_phone_that_does_not_ring_is_picked_up_without_a_180(make_stage: MakeStage) -> None:
    stage = make_stage(bob={"ring": False, "answer_after": 1.0}).forwards()
    stage.alice.dial("bob").wait("connected")
    assert not first_lines(stage, " 180 ")


def test_options_are_updated_and_what_is_not_given_stays(make_stage: MakeStage) -> None:
    stage = make_stage(bob={"answer_after": 5.0}).forwards()
    again = stage.shop.user("bob").phone(busy=True)
    assert again is stage.bob
    assert (again.options.answer_after_s, again.options.busy) == (5.0, True)
    with pytest.raises(CallFailed, match="486"):
        stage.alice.dial("bob").wait("connected")
    stage.shop.user("bob").phone(busy=False, answer_after=1.0)
    assert stage.alice.dial("bob").wait("connected").state == "connected"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"answer_after": -1}, "answer_after takes lab seconds, 0 or more, not -1"),
        ({"gives_up_after": -1}, "gives_up_after takes lab seconds"),
        ({"transport": "SCTP"}, "a phone speaks UDP, TCP, TLS"),
        ({"busy": True, "decline": True}, "either busy"),
        ({"audio": "no-such-sample"}, "no-such-sample"),
    ],
)
def test_a_wrong_option_is_refused_with_a_sentence(make_stage: MakeStage, options: dict[str, Any], words: str) -> None:
    stage = make_stage()
    with pytest.raises(VoxlabError, match=words):
        stage.shop.user("carol").phone(**options)
    assert stage.shop.user("carol").phones == ()


@pytest.mark.parametrize("target", ["", "  ", "b ob", "bob\r\nRoute: x", 7, "sip:", "sip:bob@[::1", "b>b"])
def test_what_cannot_be_dialled_is_refused(stage: Stage, target: Any) -> None:
    with pytest.raises(VoxlabError, match="cannot be dialled"):
        stage.alice.dial(target)


def test_a_number_a_name_and_a_uri_lead_to_the_same_phone(stage: Stage) -> None:
    for target in ("bob", "bob@shop.acme.voxlab.test", "sip:bob@shop.acme.voxlab.test"):
        assert stage.alice.dial(target).wait("connected").hang_up().state == "ended"


def test_what_bob_says_is_what_alice_hears(make_stage: MakeStage) -> None:
    tone = (8000 * np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)).astype(np.int16)
    stage = make_stage(bob={"answer_after": 0.1, "audio": from_samples(tone).looped()}).forwards()
    call = stage.alice.dial("bob").wait("connected")
    stage.lab.run(2)
    call.hang_up()
    heard = call.audio("alice")
    spectrum = np.abs(np.fft.rfft(heard.samples[4000:12000]))  # type: ignore[union-attr]
    assert int(spectrum.argmax()) == 440


def test_a_silent_phone_sends_nothing(make_stage: MakeStage) -> None:
    stage = make_stage(bob={"answer_after": 0.1, "audio": "silence"}).forwards()
    call = stage.alice.dial("bob").wait("connected")
    stage.lab.run(2)
    call.hang_up()
    assert set(call.media["src_name"]) == {"alice", "cloud"}
    assert "bob" not in set(call.media["src_name"])


# -- registration -----------------------------------------------------------------------------------------------------


def test_a_wrong_password_shows(either: Stage) -> None:
    carol = either.shop.user("carol", password="right").phone(password="wrong")
    assert "failed, 403" in repr(carol) or "failed, 401" in repr(carol)
    assert "wrong" not in repr(carol)
    assert "right" not in repr(either.shop.user("carol"))
    either.shop.user("carol").phone(password="right")
    assert carol.registration == "registered"


def test_a_registration_is_kept_alive_for_hours(stage: Stage) -> None:
    before = len(first_lines(stage, "REGISTER"))
    stage.lab.run(10 * 3600)
    assert stage.alice.registration == "registered"
    refreshes = len(first_lines(stage, "REGISTER")) - before
    assert 20 <= refreshes <= 60  # of two phones, an hour granted, refreshed in time
    assert stage.alice.dial("bob").wait("connected").state == "connected"


def test_a_phone_unregisters_and_registers_again(either: Stage) -> None:
    either.bob.unregister()
    assert either.bob.registration == "unregistered"
    either.bob.register()
    assert either.bob.registration == "registered"
    either.alice.dial("bob").wait("connected").hang_up()


def test_a_closed_phone_is_gone_and_can_be_had_again(stage: Stage) -> None:
    user = stage.shop.user("bob")
    stage.bob.close()
    assert user.phones == ()
    assert "closed" in repr(stage.bob)
    with pytest.raises(VoxlabError, match="was closed"):
        stage.bob.dial("alice")
    with pytest.raises(CallFailed, match="480"):
        stage.alice.dial("bob").wait("connected")
    bob = user.phone(answer_after=0.1)
    assert bob is not stage.bob
    stage.alice.dial("bob").wait("connected").hang_up()


def test_users_of_one_name_in_two_applications_are_told_apart(stage: Stage) -> None:
    other = stage.lab.account("acme").application("office")
    bob = other.user("bob").phone(answer_after=0.1)
    assert bob.title == "bob@office.acme.voxlab.test"
    assert len({phone.title for phone in stage.lab.phones}) == 3


def test_a_device_that_changes_its_transport_leaves_one_binding(make_stage: MakeStage) -> None:
    stage = make_stage().forwards()
    stage.shop.user("bob").phone(transport="TCP")
    assert len(stage.lab.cloud.location.lookup(f"bob@{stage.shop.domain}", stage.lab.now)) == 1
    call = stage.alice.dial("bob").wait("connected")
    assert set(call.messages[call.messages.leg == "B"].transport) == {"TCP"}


# -- transports -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("live", [False, True], ids=["simulated", "live"])
@pytest.mark.parametrize(
    ("caller", "callee"), [("UDP", "TCP"), ("TCP", "UDP"), ("TLS", "TCP"), ("TCP", "TLS"), ("TLS", "TLS")]
)
def test_phones_of_any_transport_reach_each_other(make_stage: MakeStage, live: bool, caller: str, callee: str) -> None:
    stage = make_stage(live=live).forwards()
    anna = stage.shop.user("anna").phone(transport=caller)
    stage.shop.user("boris").phone(transport=callee.lower(), answer_after=0.05)
    call = anna.dial("boris").wait("connected")
    stage.lab.run(0.2)
    call.hang_up()
    messages = call.messages
    assert set(messages[messages.leg == "A"].transport) == {caller}
    assert set(messages[messages.leg == "B"].transport) == {callee}
    assert call.verdict.startswith("✓ connected")
    assert (call.media.packets > 0).all()
    assert not stage.lab.errors
    assert not stage.lab.world.errors


# -- calls ------------------------------------------------------------------------------------------------------------


def test_two_calls_one_after_the_other(either: Stage) -> None:
    first = either.alice.dial("bob").wait("connected").hang_up()
    second = either.alice.dial("bob").wait("connected").hang_up()
    assert first.call_id != second.call_id
    assert first.verdict.startswith("✓")
    assert second.verdict.startswith("✓")
    assert list(either.lab.calls.result) == ["connected", "connected"]


def test_a_second_caller_hears_busy(stage: Stage) -> None:
    carol = stage.shop.user("carol").phone()
    call = stage.alice.dial("bob").wait("connected")
    with pytest.raises(CallFailed, match="486 Busy Here, said by bob"):
        carol.dial("bob").wait("connected")
    assert stage.bob.says[-1][1] == "busy for carol"
    assert call.state == "connected"


def test_two_phones_dial_before_time_passes_and_each_has_one_line(stage: Stage) -> None:
    carol = stage.shop.user("carol").phone()
    stage.shop.user("dave").phone(answer_after=0.1)
    one, other = stage.alice.dial("bob"), carol.dial("dave")
    one.wait("connected")
    other.wait("connected")
    assert (one.state, other.state) == ("connected", "connected")
    with pytest.raises(VoxlabError, match="hang up first, or put the call on hold"):
        carol.dial("bob")


def test_a_number_dialled_again_before_time_passes_takes_the_place_of_the_first(stage: Stage) -> None:
    first, second = stage.alice.dial("nobody"), stage.alice.dial("bob")
    assert second.wait("connected").state == "connected"
    assert first.state == "ended"
    assert "dialled bob before this call was on the wire" in repr(first)


def test_two_phones_that_dial_each_other_hear_busy(stage: Stage) -> None:
    one, other = stage.alice.dial("bob"), stage.bob.dial("alice")
    one.wait("ended")
    other.wait("ended")
    assert "486" in one.verdict
    assert "486" in other.verdict


def test_a_call_hung_up_before_time_passes_never_happens(stage: Stage) -> None:
    before = len(stage.lab.journal)
    call = stage.alice.dial("bob").hang_up()
    stage.lab.run(1)
    assert call.state == "ended"
    assert len(stage.lab.journal) == before
    stage.alice.dial("bob").wait("connected")


def test_a_phone_that_calls_itself_is_busy(stage: Stage) -> None:
    with pytest.raises(CallFailed, match="486 Busy Here, said by alice"):
        stage.alice.dial("alice").wait("connected")


def test_a_user_may_be_called_like_the_cloud(stage: Stage) -> None:
    phone = stage.shop.user("cloud").phone(answer_after=0.1)
    call = stage.alice.dial("cloud").wait("connected").hang_up()
    assert phone.title != "cloud"
    assert call.verdict.startswith("✓ connected")
    assert len(set(call.messages.src_name)) == 3


def test_a_phone_replaced_in_a_call_leaves_the_lab_in_order(either: Stage) -> None:
    call = either.alice.dial("bob").wait("connected")
    either.shop.user("bob").phone(transport="TLS")
    either.lab.run(0.2)
    assert either.bob.state == "idle"
    call.hang_up()
    assert either.alice.dial("bob").wait("connected").state == "connected"
    assert not either.lab.errors
    assert not either.lab.world.errors


def test_declining_by_hand(make_stage: MakeStage) -> None:
    stage = make_stage(bob={}).forwards()
    call = stage.alice.dial("bob").wait("ringing")
    stage.bob.decline()
    with pytest.raises(CallFailed, match="603 Decline, said by bob"):
        call.wait("connected")
    with pytest.raises(VoxlabError, match="nobody is calling"):
        stage.bob.answer()
    with pytest.raises(VoxlabError, match="nobody is calling"):
        stage.bob.decline()


def test_the_callee_may_hang_up(either: Stage) -> None:
    call = either.alice.dial("bob").wait("connected")
    either.lab.run(0.1)
    either.bob.hang_up()
    call.wait("ended")
    assert either.lab.calls.ended_by.iloc[0] == "bob"


# -- links that lose --------------------------------------------------------------------------------------------------


def test_a_lost_invite_is_sent_again_and_shows_as_such(stage: Stage) -> None:
    stage.lab.link("alice").toward("cloud").drop(lambda data: data.startswith(b"INVITE"), times=3)
    call = stage.alice.dial("bob").wait("connected")
    invites = call.messages[
        (call.messages.leg == "A") & (call.messages.method == "INVITE") & (call.messages.kind == "request")
    ]
    assert list(invites.retransmission) == [False, True, True, True, False]
    assert np.diff(invites.time_s)[:3] == pytest.approx([0.5, 1.0, 2.0])  # RFC 3261 s.17.1.1.2, timer A
    assert call.ladder().text().count("↻") == 3


def test_a_network_that_is_dead_fails_the_call_with_timer_b(stage: Stage) -> None:
    stage.lab.link("alice", "cloud").drop(lambda _: True, times=None)
    call = stage.alice.dial("bob")
    with pytest.raises(CallFailed, match="Timer B"):
        call.wait("connected")
    assert stage.lab.now == pytest.approx(32, abs=0.1)
    stage.lab.link("alice").heal()
    stage.alice.dial("bob").wait("connected")


def test_a_lost_ack_ends_the_call_after_32_seconds(stage: Stage) -> None:
    stage.lab.link("alice").toward("cloud").drop(lambda data: data.startswith(b"ACK sip:192"), times=None)
    call = stage.alice.dial("bob").wait("connected")
    start = stage.lab.now
    call.wait("ended")
    assert stage.lab.now - start == pytest.approx(32, abs=0.1)  # RFC 3261 s.13.3.1.4
    assert first_lines(stage, "BYE sip:alice")
    stage.lab.run(1)
    assert (stage.alice.state, stage.bob.state) == ("idle", "idle")
    assert call.ladder().text(fold=None).count("↻") >= 10


def test_a_link_that_does_not_exist_is_named(stage: Stage) -> None:
    with pytest.raises(VoxlabError, match="there is no host 'carol'; there are cloud, alice, bob"):
        stage.lab.link("carol")


# -- too much ---------------------------------------------------------------------------------------------------------


def test_past_max_calls_new_ones_are_refused_and_the_rest_is_served(make_stage: MakeStage) -> None:
    stage = make_stage(max_calls=1).forwards()
    carol = stage.shop.user("carol").phone()
    call = stage.alice.dial("bob").wait("connected")
    with pytest.raises(CallFailed, match="503 Service Unavailable"):
        carol.dial("bob").wait("connected")
    refused = next(m.data for m in stage.lab.journal.messages() if m.data.startswith(b"SIP/2.0 503"))
    assert b"\r\nRetry-After: " in refused
    carol.register()
    assert carol.registration == "registered"
    stage.shop.user("dave").phone()
    stage.alice.send_info("text/plain", "still here")
    stage.lab.run(1)
    assert len(first_lines(stage, "INFO")) == 2
    call.hang_up()
    stage.lab.run(1)
    assert carol.dial("bob").wait("connected").state == "connected"


def test_a_lab_that_takes_no_calls_still_registers() -> None:
    with Lab(max_calls=0) as lab:
        shop = lab.account("acme").application("shop")
        alice = shop.user("alice").phone()
        assert alice.registration == "registered"
        with pytest.raises(CallFailed, match="503"):
            alice.dial("bob").wait("connected")
