from __future__ import annotations

from functools import partial

import pytest

from voxlab.base.datagram import Address, Flow
from voxlab.base.ids import Ids
from voxlab.base.records import AuthenticationVerdict, MessageRefused
from voxlab.elements.authentication import Authenticator
from voxlab.elements.location import Binding, LocationService
from voxlab.elements.routing import Answer, Challenge, Handle, Reject
from voxlab.platform.numbering import Dialect
from voxlab.platform.platform import Platform
from voxlab.platform.policy import PlatformPolicy, Target, destination_of
from voxlab.platform.registration import SipRegistration
from voxlab.platform.secret import Secret
from voxlab.sip.digest import answer
from voxlab.sip.digest_server import DigestServer
from voxlab.sip.message import Request
from voxlab.sip.parser import parse
from voxlab.sip.uri import Uri

DOMAIN = "shop.acme.voxlab.test"
HERE = Address("127.0.0.1", 5060)
PHONE = Flow("UDP", HERE, Address("127.0.0.2", 5062))
STREAM = Flow("TCP", HERE, Address("127.0.0.2", 41000), 3)
CARRIER = Flow("UDP", HERE, Address("198.51.100.7", 5060))


class Cloud:
    """A platform with one application, two users, one trunk and a rule for everything."""

    def __init__(self) -> None:
        ids = Ids.seeded(5)
        self.platform = Platform(ids)
        self.account = self.platform.account("acme")
        self.shop = self.account.application("shop")
        self.alice = self.shop.user("alice", password="wonderland", display_name="Alice")
        self.bob = self.shop.user("bob", password="builder")
        self.scenario = self.shop.scenario("forward", len)
        self.trunk = self.account.trunk("gigafon", allow=["198.51.100.0/24"])
        self.location = LocationService()
        self.policy = PlatformPolicy(
            self.platform,
            Authenticator(DigestServer(self.platform.realm, ids), self.platform),
            self.location,
            host="cloud",
            addresses=("127.0.0.1",),
        )

    def ask(self, request: Request, flow: Flow = PHONE) -> Answer:
        return self.policy.route(request, flow, 10.0)

    def call(
        self, uri: str, from_: str = f"sip:alice@{DOMAIN}", *, to: str = "", flow: Flow = PHONE, **user: str
    ) -> Answer:
        """Send an INVITE, and once more with credentials if it is challenged and a user is given."""
        first = self.ask(invite(uri, from_, to), flow)
        if not isinstance(first, Challenge) or not user:
            return first
        values = [value for _, value in first.headers]
        text = answer(values, "INVITE", uri, user["username"], user["password"], cnonce="abc")
        return self.ask(invite(uri, from_, to, f"Proxy-Authorization: {text}\r\n"), flow)

    def by_alice(self, uri: str, **parts: str) -> Answer:
        return self.call(uri, username="alice", password="wonderland", **parts)  # type: ignore[arg-type]

    def reasons(self) -> list[str]:
        return [record.reason for record in self.policy.poll() if isinstance(record, MessageRefused)]


def invite(uri: str, from_: str, to: str = "", extra: str = "") -> Request:
    message = parse(
        (
            f"INVITE {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.2:5062;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n"
            f"From: <{from_}>;tag=f1\r\nTo: <{to or uri}>\r\nCall-ID: c1\r\nCSeq: 1 INVITE\r\n"
            f"Contact: <sip:alice@127.0.0.2:5062>\r\n{extra}Content-Length: 0\r\n\r\n"
        ).encode()
    )
    assert isinstance(message, Request)
    return message


def target(answer: Answer) -> Target:
    assert isinstance(answer, Handle), answer
    assert isinstance(answer.target, Target)
    return answer.target


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


# -- who calls


def test_who_says_to_be_one_of_our_users_is_asked_with_407(cloud: Cloud) -> None:
    challenge = cloud.call(f"sip:bob@{DOMAIN}")
    assert isinstance(challenge, Challenge)
    assert (challenge.status, challenge.realm) == (407, "voxlab.test")
    assert {name for name, _ in challenge.headers} == {"Proxy-Authenticate"}
    assert cloud.policy.poll() == []


def test_who_proves_it_reaches_the_scenario_of_the_first_rule_that_matches(cloud: Cloud) -> None:
    found = target(cloud.by_alice(f"sip:bob@{DOMAIN}"))
    assert (found.application, found.rule, found.scenario) == (cloud.shop, cloud.shop.rules[0], cloud.scenario)
    assert found.destination == "bob"
    assert (found.caller.user, found.caller.trunk, found.caller.number) == (cloud.alice, None, "alice")
    assert (found.caller.display_name, found.caller.account) == ("Alice", "acme")
    assert [record.verdict for record in cloud.policy.poll() if isinstance(record, AuthenticationVerdict)] == [
        "accepted"
    ]


def test_the_full_name_proves_it_too(cloud: Cloud) -> None:
    assert isinstance(cloud.call(f"sip:bob@{DOMAIN}", username=f"alice@{DOMAIN}", password="wonderland"), Handle)


@pytest.mark.parametrize(("username", "verdict"), [("alice", "wrong response"), ("nobody", "unknown user")])
def test_a_wrong_password_and_an_unknown_user_are_both_asked_again(cloud: Cloud, username: str, verdict: str) -> None:
    assert isinstance(cloud.call(f"sip:bob@{DOMAIN}", username=username, password="wrong"), Challenge)
    assert [record.verdict for record in cloud.policy.poll() if isinstance(record, AuthenticationVerdict)] == [verdict]


def test_nobody_calls_in_the_name_of_another(cloud: Cloud) -> None:
    answer = cloud.call(f"sip:bob@{DOMAIN}", username="bob", password="builder")
    assert isinstance(answer, Reject)
    assert (answer.status, answer.reason) == (403, None)
    assert cloud.reasons() == [f"From says alice@{DOMAIN}, the credentials are those of bob@{DOMAIN}"]


def test_an_anonymous_from_with_our_credentials_is_judged_by_them(cloud: Cloud) -> None:
    uri = f"sip:bob@{DOMAIN}"
    challenge = cloud.call(uri)
    assert isinstance(challenge, Challenge)
    text = answer([value for _, value in challenge.headers], "INVITE", uri, "alice", "wonderland", cnonce="abc")
    request = invite(uri, "sip:anonymous@anonymous.invalid", "", f"Proxy-Authorization: {text}\r\n")
    assert target(cloud.ask(request)).caller.user is cloud.alice


def test_credentials_for_somebody_else_s_realm_are_none(cloud: Cloud) -> None:
    foreign = 'Digest username="a", realm="elsewhere", nonce="n", uri="sip:x", response="0"'
    request = invite(f"sip:bob@{DOMAIN}", "sip:carol@elsewhere.example", "", f"Proxy-Authorization: {foreign}\r\n")
    assert isinstance(cloud.ask(request), Reject)


def test_a_connection_that_a_user_registered_over_speaks_for_that_user_only(cloud: Cloud) -> None:
    binding = Binding(Uri.parse("sip:alice@127.0.0.2"), STREAM, 60.0, "c", 1)
    cloud.location.replace(cloud.alice.aor, (binding,))
    assert target(cloud.call(f"sip:bob@{DOMAIN}", flow=STREAM)).caller.user is cloud.alice
    assert isinstance(cloud.call(f"sip:alice@{DOMAIN}", f"sip:bob@{DOMAIN}", flow=STREAM), Challenge)
    assert isinstance(cloud.call(f"sip:bob@{DOMAIN}", flow=STREAM._replace(connection=4)), Challenge)


def test_an_address_that_a_user_registered_from_speaks_for_nobody(cloud: Cloud) -> None:
    cloud.location.replace(cloud.alice.aor, (Binding(Uri.parse("sip:alice@127.0.0.2"), PHONE, 60.0, "c", 1),))
    assert isinstance(cloud.call(f"sip:bob@{DOMAIN}", flow=PHONE), Challenge)


def test_another_operator_is_known_by_the_addresses_of_its_trunk(cloud: Cloud) -> None:
    found = target(cloud.call(f"sip:bob@{DOMAIN}", "sip:+4930555001@gigafon.example", flow=CARRIER))
    assert (found.caller.trunk, found.caller.user, found.caller.number) == (cloud.trunk, None, "+4930555001")
    assert found.caller.account == "acme"


def test_a_trunk_does_not_vouch_for_our_own_users(cloud: Cloud) -> None:
    assert isinstance(cloud.call(f"sip:bob@{DOMAIN}", flow=CARRIER), Challenge)


def test_a_stranger_gets_403_and_the_journal_the_reason(cloud: Cloud) -> None:
    answer = cloud.call(f"sip:bob@{DOMAIN}", "sip:mallory@elsewhere.example")
    assert isinstance(answer, Reject)
    assert (answer.status, answer.reason, answer.headers) == (403, None, ())
    (record,) = cloud.policy.poll()
    assert record == MessageRefused(
        10.0,
        "cloud",
        PHONE.remote,
        403,
        "127.0.0.2 is in no trunk's whitelist, and From sip:mallory@elsewhere.example is no user of ours",
    )


@pytest.mark.parametrize(
    "uri", [f"sip:bob@{DOMAIN}", f"sip:nobody@{DOMAIN}", "sip:bob@elsewhere.example", "sip:bob@127.0.0.1"]
)
def test_a_stranger_learns_nothing_about_what_there_is(cloud: Cloud, uri: str) -> None:
    answer = cloud.call(uri, "sip:mallory@elsewhere.example")
    assert isinstance(answer, Reject)
    assert (answer.status, answer.reason, answer.headers) == (403, None, ())


# -- whom they want


def test_a_domain_that_is_nobody_s_is_not_found(cloud: Cloud) -> None:
    answer = cloud.by_alice("sip:bob@elsewhere.example")
    assert isinstance(answer, Reject)
    assert answer.status == 404
    assert cloud.reasons() == ["no application has the domain 'elsewhere.example'"]


def test_a_destination_that_no_rule_takes_is_not_found_and_explained(cloud: Cloud) -> None:
    cloud.shop.rule("forward", pattern=r"\+49.*")
    answer = cloud.by_alice(f"sip:bob@{DOMAIN}")
    assert isinstance(answer, Reject)
    assert answer.status == 404
    assert cloud.reasons() == [f"✗ 'bob' in {DOMAIN}: no rule matches, so callers get 404"]


def test_a_request_uri_without_a_user_part_names_nobody(cloud: Cloud) -> None:
    answer = cloud.by_alice(f"sip:{DOMAIN}")
    assert isinstance(answer, Reject)
    assert answer.status == 404


def test_a_request_to_our_address_means_the_domain_of_to_or_else_the_caller_s_own(cloud: Cloud) -> None:
    other = cloud.account.application("help")
    other.scenario("forward", len)
    assert target(cloud.by_alice("sip:bob@127.0.0.1:5060", to=f"sip:bob@{other.domain}")).application is other
    assert target(cloud.by_alice("sip:bob@127.0.0.1:5060")).application is cloud.shop
    assert target(cloud.by_alice("tel:+4930999100")).destination == "+4930999100"


def test_a_carrier_that_calls_our_address_reaches_the_only_application_of_the_account(cloud: Cloud) -> None:
    carol = "sip:carol@gigafon.example"
    assert target(cloud.call("sip:+4930999100@127.0.0.1", carol, flow=CARRIER)).application is cloud.shop
    cloud.account.application("help")
    answer = cloud.call("sip:+4930999100@127.0.0.1", carol, flow=CARRIER)
    assert isinstance(answer, Reject)
    assert answer.status == 404


def test_a_carrier_that_calls_our_address_reaches_the_only_user_of_that_name_in_the_account(cloud: Cloud) -> None:
    help_ = cloud.account.application("help")
    help_.user("dora")
    help_.scenario("forward", len)
    cloud.platform.account("bikes").application("shop").user("bob")
    call = partial(cloud.call, from_="sip:carol@gigafon.example", flow=CARRIER)
    assert target(call("sip:bob@127.0.0.1:5060")).application is cloud.shop
    assert target(call("sip:dora@127.0.0.1:5060")).application is help_
    help_.user("bob")
    assert [call(f"sip:{user}@127.0.0.1") for user in ("bob", "nobody")] == [
        Reject(404, None, f"sip:{user}@127.0.0.1 names no domain, account 'acme' has several, and {homes} has a {user}")
        for user, homes in (("bob", f"{DOMAIN}, {help_.domain}"), ("nobody", "none of its applications"))
    ]


def test_who_says_to_be_at_our_address_is_asked_and_is_the_only_user_of_that_name(cloud: Cloud) -> None:
    found = target(cloud.by_alice("sip:bob@127.0.0.1", from_="sip:alice@127.0.0.1:5060"))
    assert (found.caller.user, found.application) == (cloud.alice, cloud.shop)
    other = cloud.platform.account("bikes").application("shop")
    other.user("alice", password="cheshire")
    other.user("bob")
    assert isinstance(cloud.by_alice("sip:bob@127.0.0.1", from_="sip:alice@127.0.0.1:5060"), Challenge)


def test_whether_there_is_such_a_user_at_our_address_no_answer_shows(cloud: Cloud) -> None:
    known, unknown = (cloud.call("sip:bob@127.0.0.1", f"sip:{user}@127.0.0.1") for user in ("alice", "nobody"))
    assert isinstance(known, Challenge)
    assert isinstance(unknown, Challenge)
    assert (known.status, known.why, len(known.headers)) == (unknown.status, unknown.why, len(unknown.headers))


def test_nobody_calls_in_the_name_of_another_at_our_address(cloud: Cloud) -> None:
    answer = cloud.by_alice("sip:bob@127.0.0.1", from_="sip:bob@127.0.0.1")
    assert isinstance(answer, Reject)
    assert answer.status == 403


def test_another_account_s_applications_are_out_of_reach(cloud: Cloud) -> None:
    other = cloud.platform.account("bikes").application("shop")
    other.scenario("forward", len)
    for refusal in (
        cloud.by_alice(f"sip:bob@{other.domain}"),
        cloud.call(f"sip:bob@{other.domain}", "sip:carol@gigafon.example", flow=CARRIER),
    ):
        assert isinstance(refusal, Reject)
        assert refusal.status == 403


def test_a_user_may_call_the_other_applications_of_the_account(cloud: Cloud) -> None:
    other = cloud.account.application("help")
    other.scenario("forward", len)
    found = target(cloud.by_alice(f"sip:desk@{other.domain}"))
    assert (found.application, found.caller.user) == (other, cloud.alice)


@pytest.mark.parametrize(
    ("uri", "destination"),
    [
        ("sip:bob@shop", "bob"),
        ("sip:%2B4930999100@shop", "+4930999100"),
        ("sip:+4930999100;phone-context=x@shop;user=phone", "+4930999100"),
        ("tel:+49-30-999100", "+4930999100"),
        ("sip:(030)999.100@shop;user=phone", "030999100"),
        ("sip:a-b.c@shop", "a-b.c"),
        ("sip:shop", ""),
    ],
)
def test_the_destination_is_the_user_part_without_what_only_dresses_a_number(uri: str, destination: str) -> None:
    assert destination_of(Uri.parse(uri)) == destination


# -- what is wrong with a request


def test_a_scheme_that_calls_nobody_is_416(cloud: Cloud) -> None:
    answer = cloud.ask(invite("mailto:bob@example.com", f"sip:alice@{DOMAIN}"))
    assert isinstance(answer, Reject)
    assert answer.status == 416


def test_what_cannot_be_read_becomes_an_answer_and_no_exception(cloud: Cloud) -> None:
    answer = cloud.ask(
        invite(f"sip:bob@{DOMAIN}", f"sip:alice@{DOMAIN}", "", "Proxy-Authorization: Digest username\r\n")
    )
    assert isinstance(answer, Reject)
    assert answer.status == 400
    assert len(cloud.reasons()) == 1


# -- two operators: the order of precedence, one step after the other

GIGAFON = "sip:+4930555001@gigafon.example"
DID = "+4930999100"
BIKES = Flow("UDP", HERE, Address("203.0.113.5", 5060))


def registered(cloud: Cloud) -> SipRegistration:
    """Let the platform be a phone of another telephony, whose registrar is at the address of CARRIER."""
    known = SipRegistration(1, "acme", "acme-office", "gigafon.example", Secret("x"), "c0ffee")
    known.application, known.addresses = cloud.shop, frozenset({CARRIER.remote.host})
    cloud.platform.registrations[known.contact_user] = known
    return known


def test_a_call_over_our_registration_goes_to_its_rule_whatever_the_pattern_says(cloud: Cloud) -> None:
    known = registered(cloud)
    known.rule = cloud.shop.rule("office", scenario="forward", pattern="nothing matches this")
    found = target(cloud.call("sip:c0ffee@127.0.0.1:5060", GIGAFON, flow=CARRIER))
    assert (found.rule, found.destination, found.caller.registration) == (known.rule, "acme-office", known)
    assert (found.caller.number, found.caller.trunk) == ("+4930555001", None)
    known.rule = None
    assert target(cloud.call("sip:c0ffee@127.0.0.1", GIGAFON, flow=CARRIER)).rule.name == "forward"


def test_the_contact_of_our_registration_is_no_key_for_strangers(cloud: Cloud) -> None:
    registered(cloud)
    assert isinstance(cloud.call("sip:c0ffee@127.0.0.1", GIGAFON, flow=BIKES), Reject)
    assert cloud.reasons() == [
        "203.0.113.5 calls the contact of registration 'acme-office', whose registrar is at 198.51.100.7"
    ]


def test_a_registration_comes_before_a_from_of_ours_and_before_the_whitelist(cloud: Cloud) -> None:
    known = registered(cloud)
    assert target(cloud.call("sip:c0ffee@127.0.0.1", flow=CARRIER)).caller.registration is known
    assert target(cloud.call(f"sip:bob@{DOMAIN}", GIGAFON, flow=CARRIER)).caller.trunk is cloud.trunk


def test_a_registration_that_is_bound_to_nothing_takes_no_calls(cloud: Cloud) -> None:
    registered(cloud).application = None
    answer = cloud.call("sip:c0ffee@127.0.0.1", GIGAFON, flow=CARRIER)
    assert isinstance(answer, Reject)
    assert (answer.status, cloud.reasons()) == (404, ["registration 'acme-office' is bound to no application"])


def test_a_device_of_ours_in_the_network_of_a_trunk_still_proves_who_it_is(cloud: Cloud) -> None:
    found = target(cloud.by_alice(f"sip:bob@{DOMAIN}", flow=CARRIER))  # type: ignore[arg-type]
    assert (found.caller.user, found.caller.trunk) == (cloud.alice, None)


def test_a_from_of_ours_is_believed_only_from_a_trunk_that_is_trusted_with_it(cloud: Cloud) -> None:
    assert isinstance(cloud.call(f"sip:bob@{DOMAIN}", flow=CARRIER), Challenge)
    cloud.trunk.trusts_from = True
    found = target(cloud.call(f"sip:bob@{DOMAIN}", flow=CARRIER))
    assert (found.caller.trunk, found.caller.user, found.caller.number) == (cloud.trunk, None, "alice")
    assert isinstance(cloud.call(f"sip:bob@{DOMAIN}", flow=BIKES), Challenge)


def test_wrong_credentials_are_not_saved_by_the_whitelist(cloud: Cloud) -> None:
    answer = cloud.call(f"sip:bob@{DOMAIN}", flow=CARRIER, username="alice", password="wrong")
    assert isinstance(answer, Challenge)


def test_an_operator_reaches_a_number_of_ours_at_our_address(cloud: Cloud) -> None:
    rule = cloud.shop.rule("reception", scenario="forward", pattern="nothing matches this")
    cloud.platform.number(DID, cloud.shop, rule)
    found = target(cloud.call(f"sip:{DID}@127.0.0.1", GIGAFON, flow=CARRIER))
    assert (found.application, found.rule, found.destination) == (cloud.shop, rule, DID)


def test_an_operator_s_way_of_writing_numbers_is_understood(cloud: Cloud) -> None:
    cloud.platform.number(DID, cloud.shop)
    cloud.trunk.dialect = Dialect("national", "49", "77")
    found = target(cloud.call("sip:77030999100@127.0.0.1", "sip:77030555001@gigafon.example", flow=CARRIER))
    assert (found.destination, found.caller.number) == (DID, "+4930555001")


def test_nobody_s_calls_are_carried_through_at_our_expense(cloud: Cloud) -> None:
    cloud.platform.number(DID, cloud.shop)
    answer = cloud.call("sip:+19005550100@127.0.0.1", GIGAFON, flow=CARRIER)
    assert isinstance(answer, Reject)
    assert cloud.reasons() == ["+19005550100 is no number of account 'acme': calls are not carried through for others"]
    cloud.trunk.transit = True
    assert isinstance(cloud.call("sip:+19005550100@127.0.0.1", GIGAFON, flow=CARRIER), Handle)


def test_tenants_that_share_an_address_are_told_apart_by_domain_and_then_by_number(cloud: Cloud) -> None:
    bikes = cloud.platform.account("bikes")
    garage = bikes.application("garage")
    garage.scenario("ring", len)
    cloud.platform.number(DID, cloud.shop)
    cloud.platform.number("+4930888100", garage)
    theirs = bikes.trunk("gigafon", allow=["198.51.100.0/24"])
    by_domain = target(cloud.call(f"sip:bob@{garage.domain}", GIGAFON, flow=CARRIER))
    assert (by_domain.application, by_domain.caller.trunk) == (garage, theirs)
    assert target(cloud.call("sip:+4930888100@127.0.0.1", GIGAFON, flow=CARRIER)).caller.trunk is theirs
    assert target(cloud.call(f"sip:{DID}@127.0.0.1", GIGAFON, flow=CARRIER)).caller.trunk is cloud.trunk
    assert isinstance(cloud.call("sip:+4930777100@127.0.0.1", GIGAFON, flow=CARRIER), Reject)
    assert cloud.reasons() == [
        "198.51.100.7 is on the whitelists of acme and bikes, and neither the domain nor a number says whose"
    ]


def test_the_trunk_of_one_account_does_not_open_another(cloud: Cloud) -> None:
    garage = cloud.platform.account("bikes").application("garage")
    answer = cloud.call(f"sip:bob@{garage.domain}", GIGAFON, flow=CARRIER)
    assert isinstance(answer, Reject)
    assert (answer.status, answer.headers) == (403, ())


def test_a_trusted_operator_s_identity_goes_before_its_from_and_privacy_before_both(cloud: Cloud) -> None:
    uri = f"sip:bob@{DOMAIN}"
    pai = 'P-Asserted-Identity: "Oma" <sip:+4930555001@gigafon.example>\r\n'
    hidden = "sip:anonymous@anonymous.invalid"
    said = target(cloud.ask(invite(uri, hidden, "", pai), CARRIER)).caller
    assert (said.number, said.display_name) == ("+4930555001", "Oma")
    unsaid = target(cloud.ask(invite(uri, GIGAFON, "", pai + "Privacy: id\r\n"), CARRIER)).caller
    assert (unsaid.number, unsaid.display_name) == ("anonymous", "Anonymous")
    assert isinstance(cloud.ask(invite(uri, hidden, "", pai), BIKES), Reject)  # nobody trusts a stranger's word


def test_an_identity_that_cannot_be_read_is_refused_and_not_fatal(cloud: Cloud) -> None:
    broken = invite(f"sip:bob@{DOMAIN}", GIGAFON, "", "P-Asserted-Identity: <sip:\r\n")
    answer = cloud.ask(broken, CARRIER)
    assert isinstance(answer, Reject)
    assert answer.status == 400


def test_past_a_limit_an_operator_hears_503_and_when_to_try_again(cloud: Cloud) -> None:
    cloud.trunk.usage.limit(channels=1, calls_per_second=None)
    assert isinstance(cloud.call(f"sip:bob@{DOMAIN}", GIGAFON, flow=CARRIER), Handle)
    cloud.trunk.usage.began("a call")
    answer = cloud.call(f"sip:bob@{DOMAIN}", GIGAFON, flow=CARRIER)
    assert isinstance(answer, Reject)
    assert (answer.status, dict(answer.headers)["Retry-After"]) == (503, "1")
    assert cloud.reasons() == ["trunk 'gigafon': all 1 channels are in use"]
    cloud.trunk.usage.limit(channels=None, calls_per_second=1)
    assert isinstance(cloud.call(f"sip:bob@{DOMAIN}", GIGAFON, flow=CARRIER), Handle)
    assert isinstance(cloud.call(f"sip:bob@{DOMAIN}", GIGAFON, flow=CARRIER), Reject)


@pytest.mark.parametrize("number", ["112", "911", "110"])
def test_an_emergency_call_is_refused_with_an_explanation_on_the_wire(cloud: Cloud, number: str) -> None:
    for said in (
        cloud.by_alice(f"sip:{number}@{DOMAIN}"),
        cloud.call(f"sip:{number}@127.0.0.1", GIGAFON, flow=CARRIER),
    ):
        assert isinstance(said, Reject)
        assert (said.status, said.reason) == (403, "Emergency Calls Not Supported")
        assert dict(said.headers)["Warning"] == (
            '399 cloud "voxlab connects no emergency calls: use a telephone that does"'
        )
    assert isinstance(cloud.call(f"sip:{number}@{DOMAIN}", "sip:x@elsewhere.example"), Reject)
    assert "in no trunk's whitelist" in cloud.reasons()[-1]
