from __future__ import annotations

import itertools

import pytest

from voxlab.base.datagram import Address, Flow
from voxlab.base.errors import VoxlabError
from voxlab.base.ids import Ids
from voxlab.elements.keyring import Keyring
from voxlab.elements.registrant import Place, Registrant
from voxlab.elements.registration import TABLE, Action, Input, State
from voxlab.sip.digest import Challenge, Credentials, ha1
from voxlab.sip.digest import response as digest_response
from voxlab.sip.message import Request

FLOW = Flow("UDP", Address("127.0.0.2", 5062), Address("127.0.0.1", 5060))
PLACE = Place("sip:alice@shop.acme.voxlab.test", "sip:alice@127.0.0.2:5062", FLOW)
REALM = "voxlab.test"


class Alice:
    """A registrant with the registrar's part played by hand."""

    def __init__(self, **options: float) -> None:
        self.machine = Registrant(PLACE, Keyring("alice", "wonderland", Ids.seeded(1)), Ids.seeded(2), **options)  # type: ignore[arg-type]
        self.now = 100.0
        self.sent: list[Request] = []

    @property
    def state(self) -> State:
        return self.machine.state

    @property
    def last(self) -> Request:
        return self.sent[-1]

    def drain(self) -> list[Request]:
        requests = [request for request, flow in self.machine.requests() if flow == FLOW]
        self.sent += requests
        return requests

    def register(self) -> None:
        self.machine.register(self.now)
        self.drain()

    def unregister(self) -> None:
        self.machine.unregister(self.now)
        self.drain()

    def answer(self, status: int, *headers: tuple[str, str]) -> None:
        self.last.push_via("SIP/2.0/UDP 127.0.0.2:5062;branch=z9hG4bK1")
        self.machine.receive(self.last.response(status, to_tag="r", headers=headers), self.now)
        self.drain()

    def challenge(self, nonce: str, *, stale: bool = False, status: int = 401, realm: str = REALM) -> None:
        name = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
        self.answer(status, (name, str(Challenge(realm, nonce, "MD5", ("auth",), stale))))

    def accept(self, expires_s: int = 3600) -> None:
        self.answer(200, ("Contact", f"<{PLACE.contact}>;expires={expires_s}"))

    def run_until_due(self) -> float:
        due_s = self.machine.next_timeout()
        assert due_s is not None
        self.machine.handle_timeout(due_s - 0.001)
        assert self.drain() == []
        waited_s, self.now = due_s - self.now, due_s
        self.machine.handle_timeout(self.now)
        self.drain()
        return waited_s


def shown(request: Request, name: str = "Authorization") -> Credentials:
    return Credentials.parse(request.headers.get(name) or "")


@pytest.fixture
def alice() -> Alice:
    return Alice()


def test_nothing_is_sent_before_somebody_asks(alice: Alice) -> None:
    assert alice.state is State.UNREGISTERED
    assert alice.drain() == []
    assert alice.machine.next_timeout() is None


def test_the_first_register_is_what_section_10_2_asks_for(alice: Alice) -> None:
    alice.register()
    (request,) = alice.sent
    assert (request.method, request.uri_text) == ("REGISTER", "sip:shop.acme.voxlab.test")
    assert str(request.to.uri) == str(request.from_.uri) == "sip:alice@shop.acme.voxlab.test"
    assert request.from_.tag
    assert request.to.tag is None
    assert request.headers.get("CSeq") == "1 REGISTER"
    assert request.headers.get("Expires") == "3600"
    assert [str(contact.uri) for contact in request.contacts] == ["sip:alice@127.0.0.2:5062"]
    assert request.max_forwards == 70
    assert request.headers.get("Authorization") is None
    assert alice.state is State.REGISTERING


def test_a_challenge_is_answered_with_the_next_cseq_and_the_same_call_id(alice: Alice) -> None:
    alice.register()
    alice.challenge("n1")
    first, second = alice.sent
    assert alice.state is State.CHALLENGED
    assert second.headers.get("Call-ID") == first.headers.get("Call-ID")
    assert second.headers.get("CSeq") == "2 REGISTER"
    credentials = shown(second)
    assert (credentials.username, credentials.realm, credentials.nonce) == ("alice", REALM, "n1")
    expected = digest_response(
        ha1("alice", REALM, "wonderland"),
        "REGISTER",
        second.uri_text,
        "n1",
        qop="auth",
        nc="00000001",
        cnonce=credentials.cnonce,
    )
    assert credentials.response == expected


def test_a_407_is_answered_in_the_header_field_of_proxies(alice: Alice) -> None:
    alice.register()
    alice.challenge("n1", status=407)
    assert shown(alice.last, "Proxy-Authorization").nonce == "n1"


def test_a_proxy_and_a_registrar_may_both_challenge(alice: Alice) -> None:
    alice.register()
    alice.challenge("p1", status=407, realm="proxy.example")
    alice.challenge("r1")
    assert shown(alice.last).nonce == "r1"
    assert shown(alice.last, "Proxy-Authorization").nonce == "p1"
    assert shown(alice.last, "Proxy-Authorization").nc == "00000002"
    alice.accept()
    assert alice.state is State.REGISTERED


def test_rejected_credentials_are_not_tried_again(alice: Alice) -> None:
    alice.register()
    alice.challenge("n1")
    alice.challenge("n2")
    assert alice.state is State.FAILED
    assert (alice.machine.code, alice.machine.reported_state) == (401, "failed")
    assert len(alice.sent) == 2
    assert alice.machine.next_timeout() is None


def test_the_same_nonce_is_never_answered_twice(alice: Alice) -> None:
    alice.register()
    alice.challenge("n1")
    alice.challenge("n1", stale=True)
    assert alice.state is State.FAILED
    assert len(alice.sent) == 2


def test_a_stale_nonce_is_replaced_and_nobody_is_rejected(alice: Alice) -> None:
    alice.register()
    alice.challenge("n1")
    alice.challenge("n2", stale=True)
    assert shown(alice.last).nonce == "n2"
    alice.accept()
    assert alice.state is State.REGISTERED


def test_a_server_that_calls_every_nonce_stale_is_given_up(alice: Alice) -> None:
    alice.register()
    for number in range(10):
        if alice.state is not State.FAILED:
            alice.challenge(f"n{number}", stale=True)
    assert alice.state is State.FAILED
    assert len(alice.sent) == 4


@pytest.mark.parametrize(
    "header",
    [
        "Basic realm=x",
        "Digest realm=x",
        'Digest realm="x", nonce="y", algorithm=SHA-7',
        'Digest realm="x", nonce="y", qop="other"',
    ],
)
def test_a_challenge_that_cannot_be_answered_is_a_refusal(alice: Alice, header: str) -> None:
    alice.register()
    alice.answer(401, ("WWW-Authenticate", header))
    assert alice.state is State.FAILED


def test_a_challenge_by_two_algorithms_is_answered_by_the_topmost_that_is_known(alice: Alice) -> None:
    alice.register()
    alice.answer(
        401,
        *(("WWW-Authenticate", str(Challenge(REALM, "n1", name, ("auth",)))) for name in ("SHA-7", "SHA-256", "MD5")),
    )
    assert shown(alice.last).algorithm == "SHA-256"
    assert len(alice.last.headers.get_all("Authorization")) == 1


def test_a_registration_is_refreshed_before_it_lapses(alice: Alice) -> None:
    alice.register()
    alice.accept(3600)
    assert (alice.state, alice.machine.reported_state) == (State.REGISTERED, "successful")
    assert alice.machine.expires_at_s == 3700.0
    assert alice.run_until_due() == pytest.approx(3240.0)
    assert alice.state is State.REFRESHING
    assert alice.last.headers.get("CSeq") == "2 REGISTER"
    alice.accept(3600)
    assert alice.state is State.REGISTERED


@pytest.mark.parametrize(("granted_s", "refresh_s"), [(3600, 3240), (320, 288), (120, 88), (60, 30), (10, 5), (1, 1)])
def test_there_is_time_for_a_refresh_that_nobody_answers_but_never_a_storm(granted_s: int, refresh_s: float) -> None:
    alice = Alice()
    alice.register()
    alice.accept(granted_s)
    assert alice.run_until_due() == pytest.approx(refresh_s)


def test_a_refresh_shows_credentials_before_anybody_asks(alice: Alice) -> None:
    alice.register()
    alice.challenge("n1")
    alice.accept()
    alice.run_until_due()
    assert (shown(alice.last).nonce, shown(alice.last).nc) == ("n1", "00000002")
    alice.accept()
    assert len(alice.sent) == 3


def test_a_refresh_with_a_nonce_that_the_server_forgot_is_not_a_rejection(alice: Alice) -> None:
    alice.register()
    alice.challenge("n1")
    alice.accept()
    alice.run_until_due()
    alice.challenge("n2")
    assert (alice.state, shown(alice.last).nonce, shown(alice.last).nc) == (State.REFRESHING, "n2", "00000001")
    alice.challenge("n3")
    assert alice.state is State.FAILED


def test_our_own_contact_is_found_among_others_by_the_rules_for_uris(alice: Alice) -> None:
    alice.register()
    alice.answer(
        200,
        ("Contact", "<sip:alice@127.0.0.9>;expires=7"),
        ("Contact", "<sip:alice@127.0.0.2:5062;newparam=5>;expires=1800, <sip:bob@127.0.0.2:5062>;expires=9"),
        ("Expires", "8"),
    )
    assert alice.machine.expires_at_s == alice.now + 1800


@pytest.mark.parametrize(
    ("headers", "granted_s"),
    [
        ([("Contact", f"<{PLACE.contact}>"), ("Expires", "1200")], 1200),
        ([("Expires", "900")], 900),
        ([], 3600),
        ([("Contact", "<sip:broken")], 3600),
        ([("Contact", f"<{PLACE.contact}>;expires=soon")], 3600),
    ],
)
def test_an_answer_without_our_interval_grants_expires_or_what_was_asked(
    headers: list[tuple[str, str]], granted_s: int
) -> None:
    alice = Alice()
    alice.register()
    alice.answer(200, *headers)
    assert alice.machine.expires_at_s == alice.now + granted_s


def test_a_423_makes_the_next_request_last_as_long_as_is_asked(alice: Alice) -> None:
    alice = Alice(expires_s=30)
    alice.register()
    alice.answer(423, ("Min-Expires", "120"))
    assert alice.state is State.REGISTERING
    assert alice.last.headers.get("Expires") == "120"
    alice.accept(120)
    alice.run_until_due()
    assert alice.last.headers.get("Expires") == "120"


@pytest.mark.parametrize("headers", [[], [("Min-Expires", "3600")], [("Min-Expires", "soon")]])
def test_a_423_that_asks_for_nothing_longer_is_a_failure_and_no_loop(headers: list[tuple[str, str]]) -> None:
    alice = Alice()
    alice.register()
    alice.answer(423, *headers)
    assert alice.state is State.BACKING_OFF
    assert len(alice.sent) == 1


@pytest.mark.parametrize("status", [403, 408, 480, 500, 503, 504])
def test_a_failure_that_may_pass_is_tried_again_after_a_while(status: int) -> None:
    alice = Alice()
    alice.register()
    alice.answer(status)
    assert (alice.state, alice.machine.code, alice.machine.reported_state) == (State.BACKING_OFF, status, "failed")
    assert 15.0 <= alice.run_until_due() <= 30.0
    assert alice.state is State.REGISTERING


@pytest.mark.parametrize("status", [302, 400, 404, 405, 416, 420, 501, 600, 603])
def test_a_failure_that_will_not_pass_stays_until_somebody_asks_again(status: int) -> None:
    alice = Alice()
    alice.register()
    alice.answer(status)
    assert (alice.state, alice.machine.next_timeout()) == (State.FAILED, None)
    alice.register()
    assert alice.state is State.REGISTERING


def test_the_wait_doubles_with_each_failure_up_to_a_limit(alice: Alice) -> None:
    alice.register()
    waits = []
    for _ in range(12):
        alice.answer(503)
        waits.append(alice.run_until_due())
    for failures, waited_s in enumerate(waits):
        longest_s = min(1800.0, 30.0 * 2**failures)
        assert longest_s / 2 <= waited_s <= longest_s + 1e-6
    alice.accept()
    alice.run_until_due()
    alice.answer(503)
    assert alice.run_until_due() <= 30.0


def test_retry_after_is_waited_for(alice: Alice) -> None:
    alice.register()
    alice.answer(503, ("Retry-After", "300 (maintenance);duration=60"))
    assert alice.run_until_due() >= 300.0


def test_retry_after_makes_a_failure_one_that_passes(alice: Alice) -> None:
    alice.register()
    alice.answer(404, ("Retry-After", "60"))
    assert alice.state is State.BACKING_OFF


@pytest.mark.parametrize(("cause", "code"), [("timeout", 408), ("transport", 503)])
def test_no_answer_counts_as_one(cause: str, code: int) -> None:
    alice = Alice()
    alice.register()
    alice.machine.failed(cause, alice.now)
    assert (alice.state, alice.machine.code) == (State.BACKING_OFF, code)
    assert alice.machine.next_timeout() is not None


def test_unregistering_removes_our_own_contact_only(alice: Alice) -> None:
    alice.register()
    alice.accept()
    alice.unregister()
    assert alice.state is State.UNREGISTERING
    assert alice.last.headers.get("Expires") == "0"
    assert [str(contact.uri) for contact in alice.last.contacts] == [PLACE.contact]
    alice.answer(200)
    assert (alice.state, alice.machine.reported_state) == (State.UNREGISTERED, "deactivated")
    assert alice.machine.expires_at_s is None
    assert alice.machine.next_timeout() is None


def test_the_removal_is_challenged_too(alice: Alice) -> None:
    alice.register()
    alice.accept()
    alice.unregister()
    alice.challenge("n1")
    assert (alice.state, alice.last.headers.get("Expires")) == (State.UNREGISTERING, "0")
    assert shown(alice.last).nonce == "n1"
    alice.answer(200)
    assert alice.state is State.UNREGISTERED


@pytest.mark.parametrize("status", [403, 500, 401])
def test_a_removal_that_fails_is_over_all_the_same(status: int) -> None:
    alice = Alice()
    alice.register()
    alice.accept()
    alice.unregister()
    alice.answer(status)
    assert alice.state is State.UNREGISTERED


def test_a_command_waits_for_the_answer_to_the_request_under_way(alice: Alice) -> None:
    alice.register()
    alice.unregister()
    assert len(alice.sent) == 1
    alice.accept()
    assert (alice.state, alice.last.headers.get("Expires"), len(alice.sent)) == (State.UNREGISTERING, "0", 2)
    alice.register()
    assert len(alice.sent) == 2
    alice.answer(200)
    assert (alice.state, alice.last.headers.get("Expires"), len(alice.sent)) == (State.REGISTERING, "3600", 3)
    alice.accept()
    assert alice.state is State.REGISTERED


def test_a_change_of_mind_before_the_answer_costs_nothing(alice: Alice) -> None:
    alice.register()
    alice.unregister()
    alice.register()
    alice.accept()
    assert (alice.state, len(alice.sent)) == (State.REGISTERED, 1)


def test_a_binding_that_may_still_stand_is_removed_during_the_back_off(alice: Alice) -> None:
    alice.register()
    alice.accept()
    alice.run_until_due()
    alice.answer(503)
    alice.unregister()
    assert alice.last.headers.get("Expires") == "0"
    assert alice.machine.next_timeout() is None


def test_answers_to_other_requests_and_provisional_ones_are_ignored(alice: Alice) -> None:
    alice.register()
    first = alice.last
    alice.answer(100)
    assert alice.state is State.REGISTERING
    alice.challenge("n1")
    alice.machine.receive(first.response(200), alice.now)
    assert alice.state is State.CHALLENGED
    alice.accept()
    alice.machine.receive(alice.last.response(403), alice.now)
    alice.machine.failed("timeout", alice.now)
    assert alice.state is State.REGISTERED


def test_each_change_of_state_is_an_event(alice: Alice) -> None:
    alice.register()
    alice.challenge("n1")
    alice.accept()
    events = alice.machine.poll()
    assert [(event.state, event.code) for event in events] == [
        (State.REGISTERING, 0),
        (State.CHALLENGED, 401),
        (State.REGISTERED, 200),
    ]
    assert events[-1].expires_at_s == 3700.0
    assert alice.machine.poll() == []


def test_two_registrants_of_one_seed_do_the_same() -> None:
    def bytes_of_a_life() -> list[bytes]:
        alice = Alice()
        alice.register()
        alice.challenge("n1")
        alice.answer(503)
        alice.run_until_due()
        return [request.raw for request in alice.sent]

    assert bytes_of_a_life() == bytes_of_a_life()


@pytest.mark.parametrize("expires_s", [0, -1, 2**32])
def test_a_registration_lasts_at_least_a_second(expires_s: int) -> None:
    with pytest.raises(VoxlabError, match="a registration lasts"):
        Alice(expires_s=expires_s)


@pytest.mark.parametrize("aor", ["sip:shop.acme.voxlab.test", "tel:+4930"])
def test_an_address_of_record_has_a_user_and_a_domain(aor: str) -> None:
    with pytest.raises(VoxlabError, match="no address-of-record: write sip:user@domain"):
        Registrant(PLACE._replace(aor=aor), Keyring("alice", "", Ids.seeded(1)), Ids.seeded(1))


def test_the_registrar_may_be_another_than_the_domain() -> None:
    machine = Registrant(
        PLACE._replace(registrar="sip:127.0.0.1:5060"), Keyring("alice", "", Ids.seeded(1)), Ids.seeded(1)
    )
    machine.register(0.0)
    assert machine.requests()[0][0].uri_text == "sip:127.0.0.1:5060"


def test_the_table_defines_every_pair() -> None:
    assert set(TABLE) == set(itertools.product(State, Input))


WAITING = {State.REGISTERING, State.CHALLENGED, State.REFRESHING, State.UNREGISTERING}
SENDING = {Action.SEND, Action.ANSWER, Action.LENGTHEN, Action.REMOVE}


@pytest.mark.parametrize(("state", "name"), sorted(TABLE, key=str))
def test_a_pair_of_the_table_keeps_the_promises_of_all_pairs(state: State, name: Input) -> None:
    action, after = TABLE[state, name]
    is_answer = name not in {Input.REGISTER, Input.UNREGISTER, Input.TIMER}
    if action in SENDING:
        assert after in WAITING, "whoever sends waits for an answer"
        assert is_answer or state not in WAITING, "s.10.2: no new request before the answer to the last"
    elif is_answer and state in WAITING and name is not Input.REMOVED:
        assert after not in WAITING, "an answer ends the wait or begins another request"
    if action is Action.NOTHING and state not in WAITING:
        assert after is state
    if name is Input.UNREGISTER:
        assert after in {State.UNREGISTERED, State.UNREGISTERING}
    if action is Action.BACK_OFF:
        assert after is State.BACKING_OFF
    assert (after is State.REGISTERED) is (
        action is Action.KEEP or (state is State.REGISTERED and action is Action.NOTHING)
    )


def test_the_password_is_in_no_repr() -> None:
    alice = Alice()
    alice.register()
    alice.challenge("n1")
    assert "wonderland" not in repr(alice.machine) + repr(alice.machine._keyring)
