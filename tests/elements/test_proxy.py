"""The proxy against mutilated messages: whatever arrives, nothing raises, and when time has passed nothing is left."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.elements.proxying import OUR_DOMAIN, Street
from tests.elements.rig import SDP, answer_to
from tests.elements.rig import request as write_request
from voxlab.base.datagram import Flow
from voxlab.elements.target_set import Target, TargetSet, preference

_SCRAPS = [
    b"",
    b"\r\n",
    b"\r\n ",
    b" ",
    b",",
    b";",
    b":",
    b"<",
    b">",
    b'"',
    b"x",
    b"\xff",
    b"\0",
    b"0",
    b"lr",
    b"@",
    b"\r\nRoute: ",
]


def dialog() -> tuple[Street, list[tuple[bool, bytes]]]:
    """Return a proxy, and what both sides send in a call and might send at any time."""
    street = Street()
    invite = write_request("INVITE", street.caller, street.proxy, body=SDP, uri=f"sip:bob@{OUR_DOMAIN}", contact=True)
    street.rig.send(street.caller, street.proxy, invite)
    got = street.got()
    route = f"Route: {got.headers.get('record-route')}"
    inside = {"uri": street.uri(street.callee), "to_tag": "c0"}
    script = [(True, invite)]
    answers = (100, 180, 200, 302, 407, 486, 503, 603)
    script += [(False, answer_to(got, status, "c0", contact="<sip:bob@192.0.2.3>").raw) for status in answers]
    for cseq, method in enumerate(("ACK", "BYE", "INFO", "INVITE", "CANCEL"), 1):
        script.append((True, write_request(method, street.caller, street.proxy, route, cseq=cseq, **inside)))  # type: ignore[arg-type]
    return street, script


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=60)
@given(st.data())
def test_no_mutilated_message_raises_and_nothing_is_left_of_it(data: st.DataObject) -> None:
    street, script = dialog()
    node, now = street.proxy.node, street.rig.now
    for _ in range(data.draw(st.integers(1, 6))):
        from_caller, raw = data.draw(st.sampled_from(script))
        mutilated = bytearray(raw)
        for _ in range(data.draw(st.integers(0, 3))):
            at = data.draw(st.integers(0, len(mutilated)))
            mutilated[at : at + data.draw(st.integers(0, 4))] = data.draw(st.sampled_from(_SCRAPS))
        peer = street.caller if from_caller else street.callee
        now += 0.01
        node.receive(Flow("UDP", street.proxy.address, peer.address), bytes(mutilated), now)
        node.poll(now)
    for _ in range(500):
        due = node.next_timeout()
        if due is None:
            break
        now = max(now, due)
        node.handle_timeout(now)
        node.poll(now)
    assert not len(node.layer)
    assert repr(node.proxy) == "Proxy(0 requests, 0 branches)"


def test_targets_are_handed_out_by_falling_q_and_none_twice() -> None:
    targets = TargetSet(
        [Target("sip:a@x", q=0.5), Target("sip:b@x"), Target("sip:A@x;unknown=1", q=0.5), Target("sip:c@x")]
    )
    assert [target.uri for target in targets.next_group()] == ["sip:b@x", "sip:c@x"]
    assert targets.add([Target("sip:b@X"), Target("sip:d@x", q=0.1)]) == 1  # s.19.1.4: the host has no case
    assert [target.uri for target in targets.next_group()] == ["sip:a@x", "sip:A@x;unknown=1"]
    assert [target.uri for target in targets.next_group()] == ["sip:d@x"]
    assert targets.next_group() == []


def test_a_target_set_has_bounds() -> None:
    targets = TargetSet([Target(f"sip:user{number}@x") for number in range(50)], max_targets=10)
    assert len(targets) == 10
    assert targets.add([Target("sip:more@x")]) == 0


def test_a_preference_is_a_number_from_0_to_1() -> None:
    assert [preference(text) for text in (None, "0.5", "1", "0", "2", "-1", "much", "0.12345")] == [
        1.0, 0.5, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0,
    ]  # fmt: skip
