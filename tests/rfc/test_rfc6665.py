"""RFC 6665 (events), RFC 3903 (PUBLISH), RFC 3856, RFC 4235, RFC 3842 and RFC 3428 outside calls, in virtual time."""

from __future__ import annotations

import pytest

from tests.lab.stage import MakeStage, Stage
from tests.scenario.peer import HERE, Peer
from voxlab import VoxlabError
from voxlab.base.ids import Ids
from voxlab.dialog.notifier import Notifier
from voxlab.dialog.subscriber import Subscriber
from voxlab.dialog.subscription import Send, StateTold
from voxlab.dialog.subscription_tables import State
from voxlab.elements.event_state import EventState, message_summary, presence
from voxlab.sip.message import Request
from voxlab.sip.parser import parse
from voxlab.transaction.timers import Timers

WATCHED = "sip:bob@example.com"


def subscriber() -> tuple[Subscriber, Request]:
    machine = Subscriber("presence", WATCHED, "us1", "<sip:us@192.0.2.1>", Timers(), expires_s=600, credentials=None)
    machine.subscribe("<sip:us@example.com>", "c1", "application/pidf+xml", 0.0)
    request: Request = only(machine, Send).request  # type: ignore[attr-defined]
    request.push_via("SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1")
    return machine, request


def only(machine: Subscriber | Notifier, kind: type) -> object:
    (found,) = [output for output in machine.poll() if isinstance(output, kind)]
    return found


def notify(state: str, cseq: int = 1, from_tag: str = "them", body: bytes = b"<x/>") -> Request:
    lines = [
        "NOTIFY sip:us@192.0.2.1 SIP/2.0", "Via: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bKn", "Max-Forwards: 70",
        f"From: <{WATCHED}>;tag={from_tag}", "To: <sip:us@example.com>;tag=us1", "Call-ID: c1", f"CSeq: {cseq} NOTIFY",
        "Contact: <sip:bob@192.0.2.2>", "Event: presence", f"Subscription-State: {state}",
        "Content-Type: application/pidf+xml", f"Content-Length: {len(body)}", "", "",
    ]  # fmt: skip
    found = parse("\r\n".join(lines).encode() + body)
    assert isinstance(found, Request)
    return found


def told(machine: Subscriber) -> list[tuple[str, str]]:
    return [(output.state, output.reason) for output in machine.poll() if isinstance(output, StateTold)]


def test_s4_1_2_4_a_subscription_without_a_notify_for_64_t1_is_given_up() -> None:
    machine, request = subscriber()
    machine.response(request.response(200, to_tag="them", headers=[("Expires", "600")]), request, 0.1)
    assert machine.next_timeout() == 32.0
    machine.handle_timeout(32.0)
    assert (machine.state, told(machine)) == (State.TERMINATED, [("terminated", "timeout")])


def test_s4_4_1_the_notify_may_come_before_the_200_and_makes_the_dialog() -> None:
    machine, request = subscriber()
    machine.notify(notify("active;expires=300"), 9, 0.1)
    assert told(machine) == [("active", "")]
    machine.response(request.response(200, to_tag="them", headers=[("Expires", "300")]), request, 0.2)
    machine.handle_timeout(machine.next_timeout() or 0.0)
    refresh = only(machine, Send).request  # type: ignore[attr-defined]
    assert (refresh.cseq, refresh.to_tag, refresh.headers.get("Event")) == (2, "them", "presence")


def test_s4_1_2_2_it_is_refreshed_before_it_expires_and_over_when_that_fails() -> None:
    machine, request = subscriber()
    machine.response(request.response(200, to_tag="them", headers=[("Expires", "300")]), request, 0.0)
    machine.notify(notify("active"), 9, 0.1)
    machine.poll()
    assert machine.next_timeout() == 250.0
    machine.handle_timeout(250.0)
    sent = only(machine, Send).request  # type: ignore[attr-defined]
    sent.push_via("SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK2")
    machine.response(sent.response(481), sent, 250.1)
    assert machine.is_over


def test_s4_1_2_1_after_423_it_asks_for_the_longer_time() -> None:
    machine, request = subscriber()
    machine.response(request.response(423, to_tag="t", headers=[("Min-Expires", "900")]), request, 0.1)
    again = only(machine, Send).request  # type: ignore[attr-defined]
    assert (again.headers.get("Expires"), again.headers.get("CSeq")) == ("900", "2 SUBSCRIBE")


def test_s4_1_3_a_notify_of_another_dialog_or_an_old_one_changes_nothing() -> None:
    machine, _ = subscriber()
    machine.notify(notify("active", 5), 9, 0.1)
    machine.poll()
    machine.notify(notify("terminated;reason=noresource", 6, from_tag="stranger"), 10, 0.2)
    machine.notify(notify("terminated;reason=noresource", 4), 11, 0.3)
    machine.notify(notify("nonsense", 7), 12, 0.4)
    statuses = [output.response.status for output in machine.poll() if hasattr(output, "response")]
    assert (statuses, machine.state) == ([481, 500, 400], State.ACTIVE)


# -- through the cloud


def watching(make_stage: MakeStage) -> Stage:
    stage = make_stage(bob={"answer_after": 0.1, "audio": "silence"}).forwards()
    stage.alice.watch("bob")
    return stage


def test_presence_is_told_at_once_and_whenever_it_changes(make_stage: MakeStage) -> None:
    stage = watching(make_stage)
    assert "<basic>open</basic>" in stage.alice.told[-1][3]
    stage.bob.publish("at lunch", available=False)
    stage.lab.run(0.1)
    assert "at lunch" in stage.alice.told[-1][3]
    before = len(stage.alice.told)
    stage.bob.publish("back")
    stage.lab.run(0.1)
    assert len(stage.alice.told) == before + 1
    assert "<basic>open</basic>" in stage.alice.told[-1][3]


def test_presence_follows_registration_where_nothing_is_published(make_stage: MakeStage) -> None:
    stage = watching(make_stage)
    stage.bob.unregister()
    stage.lab.run(0.1)
    assert "<basic>closed</basic>" in stage.alice.told[-1][3]
    stage.bob.register()
    stage.lab.run(0.1)
    assert "<basic>open</basic>" in stage.alice.told[-1][3]
    assert sum(m.data.startswith(b"NOTIFY") for m in stage.lab.journal.messages()) == len(stage.alice.told)


def test_a_subscription_is_refreshed_and_ends_when_it_is_taken_away(make_stage: MakeStage) -> None:
    stage = watching(make_stage)
    stage.lab.run(8000)
    assert len(stage.lab.cloud.events.subscriptions) == 1
    stage.alice.unwatch("bob")
    assert stage.lab.cloud.events.subscriptions.watched("presence") == []
    assert len(stage.machine("alice").events.subscriptions) == 0


def test_watching_twice_is_one_subscription(make_stage: MakeStage) -> None:
    stage = watching(make_stage)
    stage.alice.watch("bob")
    assert len(stage.lab.cloud.events.subscriptions) == 1


def test_a_notifier_whose_subscriber_has_gone_forgets_it(make_stage: MakeStage) -> None:
    stage = watching(make_stage)
    stage.machine("alice").events.subscriptions._subscribers.clear()  # as after a restart
    stage.bob.publish("x")
    stage.lab.run(1)
    assert len(stage.lab.cloud.events.subscriptions) == 0


def test_the_dialog_package_tells_of_calls(make_stage: MakeStage) -> None:
    stage = watching(make_stage)
    stage.alice.watch("bob", "dialog")
    call = stage.alice.dial("bob").wait("connected")
    stage.lab.run(1)
    assert "<state>confirmed</state>" in stage.alice.told[-1][3]
    call.hang_up()
    stage.lab.run(1)
    assert "<dialog id" not in stage.alice.told[-1][3]


def test_a_message_waiting_summary_can_be_watched(make_stage: MakeStage) -> None:
    stage = watching(make_stage)
    stage.alice.watch("bob", "message-summary")
    assert stage.alice.told[-1][3].startswith("Messages-Waiting: no\r\n")


def test_nobody_watches_who_does_not_exist_nor_an_unknown_package(make_stage: MakeStage) -> None:
    stage = watching(make_stage)
    with pytest.raises(VoxlabError, match="404"):
        stage.alice.watch("nobody")
    with pytest.raises(VoxlabError, match="there are presence, dialog, message-summary"):
        stage.alice.watch("bob", "weather")


@pytest.mark.parametrize(
    ("method", "lines", "status"),
    [
        ("SUBSCRIBE", "Event: weather", 489),
        ("PUBLISH", "Event: presence", 403),  # a stranger publishes for nobody
        ("SUBSCRIBE", "Event: presence", 200),
    ],
)
def test_what_a_whitelisted_stranger_may_ask(make_stage: MakeStage, method: str, lines: str, status: int) -> None:
    stage = make_stage()
    peer = Peer(stage)
    text = (
        f"{method} sip:bob@{stage.shop.domain} SIP/2.0\r\nVia: SIP/2.0/UDP {HERE};branch=z9hG4bKx\r\n"
        "Max-Forwards: 70\r\n"
        f"From: <sip:p@example.net>;tag=1\r\nTo: <sip:bob@{stage.shop.domain}>\r\nCall-ID: s1\r\nCSeq: 1 {method}\r\n"
        f"Contact: <sip:p@{HERE}>\r\n{lines}\r\nContent-Length: 0\r\n\r\n"
    )
    stage.lab.world.submit(peer.endpoint.send, peer.flow, text.encode())
    assert peer.response(status, method).to_tag


def test_a_message_reaches_every_device_and_the_sender_hears_the_answer(make_stage: MakeStage) -> None:
    stage = make_stage()
    mobile = stage.shop.user("bob").phone("mobile")
    stage.alice.send_message("hello", to="bob")
    for phone in (stage.bob, mobile):
        assert [(sender, text) for _, sender, text in phone.messages] == [("alice", "hello")]
    sent = [parse(m.data) for m in stage.lab.journal.messages() if m.data.startswith(b"MESSAGE")]
    assert all("contact" not in message.headers for message in sent)  # RFC 3428 s.4
    assert [m.max_forwards for m in sent if isinstance(m, Request)][-1] == 69
    with pytest.raises(VoxlabError, match="404"):
        stage.alice.send_message("hello", to="nobody")
    stage.bob.unregister()
    mobile.unregister()
    with pytest.raises(VoxlabError, match="480"):
        stage.alice.send_message("hello", to="bob")


# -- RFC 3903, the compositor by itself


def publication(etag: str = "", expires: str = "600", body: bytes = b"<a/>", event: str = "presence") -> Request:
    lines = [
        ("From", "<sip:b@x>;tag=1"),
        ("To", "<sip:b@x>"),
        ("Call-ID", "p"),
        ("CSeq", "1 PUBLISH"),
        ("Event", event),
    ]
    lines += [("Expires", expires)] + ([("SIP-If-Match", etag)] if etag else [])
    return Request.build("PUBLISH", "sip:b@x", lines, body)


def test_rfc_3903_s6_a_publication_is_made_refreshed_changed_and_removed_by_its_tag() -> None:
    state = EventState(Ids.seeded(1), lambda _package, _resource: b"known")
    first = state.publish(publication(), "b@x", 0.0)
    assert (first.status, first.changed) == (200, True)
    tag = dict(first.headers)["SIP-ETag"]
    refreshed = state.publish(publication(tag, body=b""), "b@x", 100.0)
    assert (refreshed.status, refreshed.changed, state.of("presence", "b@x", 650.0)[1]) == (200, False, b"<a/>")
    newer = dict(refreshed.headers)["SIP-ETag"]
    assert newer != tag
    assert state.publish(publication(tag), "b@x", 101.0).status == 412
    changed = state.publish(publication(newer, body=b"<b/>"), "b@x", 102.0)
    assert (changed.changed, state.of("presence", "b@x", 103.0)[1]) == (True, b"<b/>")
    gone = state.publish(publication(dict(changed.headers)["SIP-ETag"], "0", b""), "b@x", 104.0)
    assert (gone.status, gone.changed, state.of("presence", "b@x", 105.0)[1]) == (200, True, b"known")


def test_rfc_3903_s6_what_cannot_be_published_is_refused() -> None:
    state = EventState(Ids.seeded(1), lambda _package, _resource: b"known")
    assert state.publish(publication(expires="10"), "b@x", 0.0).status == 423
    assert state.publish(publication(event="weather"), "b@x", 0.0).status == 489
    assert state.publish(publication(body=b""), "b@x", 0.0).status == 400
    assert state.publish(publication(body=b"x" * 70_000), "b@x", 0.0).status == 413
    kept = state.publish(publication(), "b@x", 0.0)
    assert state.publish(publication(dict(kept.headers)["SIP-ETag"], body=b""), "b@x", 601.0).status == 412


def test_documents_name_what_they_are_about_and_escape_it() -> None:
    assert b'entity="pres:b@x"' in presence("b@x", is_open=True)
    assert b"<note>&lt;b&gt;</note>" in presence("b@x", is_open=False, note="<b>")
    assert message_summary("b@x", 2, 8).startswith(b"Messages-Waiting: yes\r\n")


def test_s4_1_2_3_a_subscription_given_up_before_it_stands_is_ended_as_soon_as_it_does() -> None:
    machine, request = subscriber()
    machine.unsubscribe(0.05)
    assert machine.poll() == []  # there is no dialog yet
    machine.response(request.response(200, to_tag="them", headers=[("Expires", "600")]), request, 0.1)
    assert only(machine, Send).request.headers.get("Expires") == "0"  # type: ignore[attr-defined]
    machine.notify(notify("terminated;reason=timeout"), 9, 0.2)
    assert machine.is_over
