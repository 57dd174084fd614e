"""RFC 3261 s.10: what a registrar must do, requirement by requirement."""

from __future__ import annotations

import re

import pytest

from tests.elements.registering import ALICE, DOMAIN, HERE, UDP, Bench, Intervals, contacts
from voxlab.base.datagram import Address, Flow
from voxlab.base.records import AuthenticationVerdict, MessageRefused, RegistrationChanged


@pytest.fixture
def bench() -> Bench:
    return Bench()


# -- s.10.3 step 1


@pytest.mark.parametrize(
    "uri", [f"sip:{DOMAIN}", f"sips:{DOMAIN}", f"sip:{DOMAIN.upper()}", f"sip:{DOMAIN}:5060;transport=tcp"]
)
def test_s10_3_step_1_a_request_for_a_domain_of_ours_is_processed(bench: Bench, uri: str) -> None:
    assert bench.register(ALICE, uri=uri).status == 200


@pytest.mark.parametrize("uri", ["sip:elsewhere.example", "sip:voxlab.test", "sip:192.0.2.1"])
def test_s10_3_step_1_a_request_for_another_domain_is_not_found(bench: Bench, uri: str) -> None:
    assert bench.send(bench.request(ALICE, uri=uri)).status == 404
    assert [record.status for record in bench.records() if isinstance(record, MessageRefused)] == [404]


def test_s10_3_step_1_a_request_to_our_own_address_means_the_domain_of_its_to(bench: Bench) -> None:
    assert bench.register(ALICE, uri="sip:127.0.0.1:5060").status == 200
    assert bench.bindings() == ["sip:alice@127.0.0.2:5062"]


HERE_FOR_A_DOMAIN = "sip:127.0.0.1:5060"


def test_a_device_that_takes_our_address_for_its_domain_is_the_only_user_of_that_name(bench: Bench) -> None:
    assert bench.register(ALICE, uri=HERE_FOR_A_DOMAIN, to="<sip:alice@127.0.0.1:5060>").status == 200
    assert bench.bindings() == ["sip:alice@127.0.0.2:5062"]
    assert bench.register("Contact: *", "Expires: 0", uri=HERE_FOR_A_DOMAIN, to="<sip:alice@127.0.0.1>").status == 200
    assert bench.bindings() == []


@pytest.mark.parametrize("user", ["bob", "nobody"])
def test_a_name_at_our_address_that_two_domains_have_or_none_has_looks_the_same_as_a_wrong_password(
    bench: Bench, user: str
) -> None:
    answers = []
    for name, password in ((user, "builder"), ("alice", "wrong")):
        authorization = bench.credentials(username=name, password=password, uri=HERE_FOR_A_DOMAIN)
        to = f"<sip:{name}@127.0.0.1>"
        request = bench.request(ALICE, to=to, uri=HERE_FOR_A_DOMAIN, authorization=authorization)
        answers.append(bench.send(request).raw.decode())
    shown = {re.sub(rf'branch=\w+|nonce="\w+"|tag=\w+|CSeq: \d+|{user}|alice', "", answer) for answer in answers}
    assert len(shown) == 1
    assert shown.pop().startswith("SIP/2.0 401")


def test_the_journal_says_which_domains_share_a_name(bench: Bench) -> None:
    refused = bench.register(ALICE, uri=HERE_FOR_A_DOMAIN, to="<sip:bob@127.0.0.1>", username="bob", user="bob")
    assert refused.status == 401
    (verdict,) = [record.verdict for record in bench.records() if isinstance(record, AuthenticationVerdict)]
    assert verdict.startswith("unknown user: sip:bob@127.0.0.1 names an address of ours")
    assert f"there is a bob at {DOMAIN}, help.acme.voxlab.test" in verdict


def test_the_full_name_tells_who_is_meant_but_not_whose_bindings_these_are(bench: Bench) -> None:
    refused = bench.register(ALICE, uri=HERE_FOR_A_DOMAIN, to="<sip:bob@127.0.0.1>", username=f"bob@{DOMAIN}")
    assert refused.status == 403


def test_s8_2_2_1_a_scheme_that_has_no_registrar_is_refused_with_416(bench: Bench) -> None:
    assert bench.send(bench.request(ALICE, uri="tel:+4930")).status == 416


def test_s10_2_a_user_part_in_the_request_uri_is_overlooked_unless_strict(bench: Bench) -> None:
    assert bench.register(ALICE, uri=f"sip:alice@{DOMAIN}").status == 200
    strict = Bench(strict=True)
    assert strict.send(strict.request(ALICE, uri=f"sip:alice@{DOMAIN}")).status == 400
    assert strict.register(ALICE).status == 200


# -- s.10.3 step 2


def test_s10_3_step_2_an_unknown_extension_that_is_required_is_refused_and_named(bench: Bench) -> None:
    response = bench.send(bench.request(ALICE, "Require: path, gruu, sec-agree"))
    assert (response.status, response.headers.get("Unsupported")) == (420, "gruu, sec-agree")


def test_s10_3_step_2_what_is_only_supported_is_no_reason_to_refuse(bench: Bench) -> None:
    assert bench.register(ALICE, "Supported: path, outbound").status == 200


# -- s.10.3 step 3


def test_s10_3_step_3_a_request_without_credentials_is_challenged_with_401(bench: Bench) -> None:
    response = bench.send(bench.request(ALICE))
    assert response.status == 401
    assert response.headers.get("WWW-Authenticate", "") is not None
    assert 'realm="voxlab.test"' in (response.headers.get("WWW-Authenticate") or "")
    assert response.to_tag
    assert bench.bindings() == []
    assert bench.records() == []


def test_s10_3_step_3_right_credentials_are_accepted_and_the_verdict_recorded(bench: Bench) -> None:
    assert bench.register(ALICE).status == 200
    verdict, changed = bench.records()
    assert verdict == AuthenticationVerdict(1000.0, "cloud", "REGISTER", "alice", "voxlab.test", "accepted", "c1")
    assert changed == RegistrationChanged(
        1000.0, f"alice@{DOMAIN}", "sip:alice@127.0.0.2:5062", "registered", 3600.0, "c1"
    )


@pytest.mark.parametrize("username", ["alice", f"alice@{DOMAIN}"])
def test_the_name_alone_and_the_full_name_are_both_accepted(bench: Bench, username: str) -> None:
    assert bench.register(ALICE, username=username).status == 200


def test_a_wrong_password_and_an_unknown_user_look_the_same_on_the_wire_and_not_in_the_journal(bench: Bench) -> None:
    answers = []
    for user, password in (("alice", "wrong"), ("nobody", "wrong")):
        authorization = bench.credentials(username=user, password=password)
        answers.append(bench.send(bench.request(ALICE, user=user, authorization=authorization)))
    assert [response.status for response in answers] == [401, 401]
    shown = [
        re.sub(r'branch=\w+|nonce="\w+"|tag=\w+|CSeq: \d+|nobody|alice', "", answer.raw.decode()) for answer in answers
    ]
    assert shown[0] == shown[1]
    verdicts = [record.verdict for record in bench.records() if isinstance(record, AuthenticationVerdict)]
    assert verdicts == ["wrong response", "unknown user"]


def test_s22_basic_is_neither_asked_for_nor_accepted(bench: Bench) -> None:
    assert bench.send(bench.request(ALICE, authorization="Basic YWxpY2U6d29uZGVybGFuZA==")).status == 401


def test_s22_3_credentials_for_another_realm_are_those_of_others(bench: Bench) -> None:
    other = 'Digest username="alice", realm="elsewhere", nonce="n", uri="sip:x", response="0"'
    request = bench.request(ALICE, f"Authorization: {other}", authorization=bench.credentials())
    assert bench.send(request).status == 200


def test_broken_digest_credentials_are_a_bad_request(bench: Bench) -> None:
    assert bench.send(bench.request(ALICE, authorization="Digest username=")).status == 400


def test_a_nonce_that_is_too_old_is_stale_and_the_password_not_doubted(bench: Bench) -> None:
    authorization = bench.credentials()
    bench.now += 10_000
    response = bench.send(bench.request(ALICE, authorization=authorization))
    assert response.status == 401
    assert "stale=true" in (response.headers.get("WWW-Authenticate") or "")
    assert bench.bindings() == []


def test_a_nonce_count_works_once(bench: Bench) -> None:
    authorization = bench.credentials()
    assert bench.send(bench.request(ALICE, authorization=authorization)).status == 200
    assert bench.send(bench.request(ALICE, authorization=authorization)).status == 401


# -- s.10.3 step 4


def test_s10_3_step_4_nobody_changes_the_bindings_of_another(bench: Bench) -> None:
    authorization = bench.credentials(username="bob")
    response = bench.send(bench.request(ALICE, user="alice", authorization=authorization))
    assert response.status == 403
    assert response.reason == "Forbidden"
    assert bench.bindings() == []
    (why,) = [record.reason for record in bench.records() if isinstance(record, MessageRefused)]
    assert why == f"bob@{DOMAIN} may not change the bindings of alice@{DOMAIN}"


# -- s.10.3 step 5


def test_s10_3_step_5_an_address_of_record_of_another_domain_is_not_found(bench: Bench) -> None:
    response = bench.register(ALICE, to="<sip:alice@help.acme.voxlab.test>")
    assert response.status == 404


@pytest.mark.parametrize(
    "to",
    [
        f"<sip:%61lice@{DOMAIN}>",
        f"<sip:alice@{DOMAIN.upper()};user=phone>",
        f'"Alice" <sips:alice@{DOMAIN}:5061;transport=tls>',
    ],
)
def test_s10_3_step_5_the_address_of_record_is_made_canonical(bench: Bench, to: str) -> None:
    assert bench.register(ALICE, to=to).status == 200
    assert bench.bindings() == ["sip:alice@127.0.0.2:5062"]


# -- s.10.3 step 6


def test_s10_2_3_without_a_contact_the_bindings_are_listed_and_left_alone(bench: Bench) -> None:
    assert contacts(bench.register()) == {}
    bench.register(ALICE, "Expires: 600")
    assert contacts(bench.register()) == {"sip:alice@127.0.0.2:5062": 600}


def test_s10_2_2_a_star_removes_every_binding(bench: Bench) -> None:
    bench.register(ALICE, "Contact: <sip:alice@127.0.0.9>")
    response = bench.register("Contact: *", "Expires: 0")
    assert (response.status, contacts(response), bench.bindings()) == (200, {}, [])
    assert [record.state for record in bench.records() if isinstance(record, RegistrationChanged)] == ["removed"] * 2


@pytest.mark.parametrize(
    "lines",
    [
        ("Contact: *",),
        ("Contact: *", "Expires: 1"),
        ("Contact: *", "Expires: soon"),
        ("Contact: *", ALICE, "Expires: 0"),
        ("Contact: *, <sip:alice@127.0.0.9>", "Expires: 0"),
    ],
)
def test_s10_3_step_6_a_star_stands_alone_and_with_expires_0(bench: Bench, lines: tuple[str, ...]) -> None:
    bench.register(ALICE)
    assert bench.register(*lines).status == 400
    assert bench.bindings() == ["sip:alice@127.0.0.2:5062"]


def test_s10_3_step_6_a_star_that_is_late_removes_nothing(bench: Bench) -> None:
    bench.register(ALICE, "Contact: <sip:alice@127.0.0.9>", cseq=50)
    bench.register("Contact: <sip:alice@127.0.0.9>", call_id="c2", cseq=60)
    assert bench.register("Contact: *", "Expires: 0", cseq=50).status == 500
    assert len(bench.bindings()) == 2
    assert bench.register("Contact: *", "Expires: 0", call_id="c3", cseq=1).status == 200
    assert bench.bindings() == []


# -- s.10.3 step 7


@pytest.mark.parametrize(
    ("lines", "granted_s"),
    [
        ((f"{ALICE};expires=700", "Expires: 800"), 700),
        ((ALICE, "Expires: 800"), 800),
        ((ALICE,), 3600),
        ((ALICE, "Expires: soon"), 3600),
        ((f"{ALICE};expires=-1",), 3600),
        ((f"{ALICE};expires", "Expires: 800"), 800),
        ((ALICE, "Expires: 99999999999999999999"), 7200),
        ((f"{ALICE};expires=7201",), 7200),
    ],
)
def test_s10_3_step_7_the_parameter_goes_before_the_header_field_and_that_before_the_default(
    bench: Bench, lines: tuple[str, ...], granted_s: int
) -> None:
    assert contacts(bench.register(*lines)) == {"sip:alice@127.0.0.2:5062": granted_s}


def test_s10_3_step_7_an_interval_that_is_too_brief_gets_423_with_min_expires(bench: Bench) -> None:
    response = bench.register(f"{ALICE};expires=59")
    assert (response.status, response.headers.get("Min-Expires")) == (423, "60")
    assert bench.bindings() == []
    assert bench.register(f"{ALICE};expires=60").status == 200


def test_s10_3_step_7_an_hour_is_never_too_brief() -> None:
    bench = Bench(intervals=Intervals(least_s=5000))
    assert bench.register(f"{ALICE};expires=3599").status == 423
    assert bench.register(f"{ALICE};expires=3600").status == 200


def test_s10_3_step_7_expires_0_removes_a_binding_and_is_never_too_brief(bench: Bench) -> None:
    bench.register(ALICE, "Contact: <sip:alice@127.0.0.9>")
    response = bench.register(f"{ALICE};expires=0")
    assert list(contacts(response)) == ["sip:alice@127.0.0.9"]
    assert bench.register("Contact: <sip:alice@127.0.0.77>;expires=0").status == 200


def test_s10_3_step_7_equivalent_contacts_are_one_binding(bench: Bench) -> None:
    bench.register("Contact: <sip:alice@127.0.0.2:5062>")
    response = bench.register("Contact: <sip:%61lice@127.0.0.2:5062;newparam=5>")
    assert list(contacts(response)) == ["sip:%61lice@127.0.0.2:5062;newparam=5"]
    assert [record.state for record in bench.records() if isinstance(record, RegistrationChanged)] == ["refreshed"]


@pytest.mark.parametrize("other", ["sip:alice@127.0.0.2", "sip:ALICE@127.0.0.2:5062", "sips:alice@127.0.0.2:5062"])
def test_s19_1_4_contacts_that_are_not_equivalent_are_two_bindings(bench: Bench, other: str) -> None:
    bench.register(ALICE)
    assert len(contacts(bench.register(f"Contact: <{other}>"))) == 2


def test_s10_3_step_7_a_request_out_of_order_changes_nothing(bench: Bench) -> None:
    bench.register(f"{ALICE};expires=600", cseq=50)
    for cseq in (50, 49):
        assert bench.register(f"{ALICE};expires=0", cseq=cseq).status == 500
    assert contacts(bench.register(cseq=51)) == {"sip:alice@127.0.0.2:5062": 600}
    assert bench.register(f"{ALICE};expires=0", cseq=52).status == 200
    assert bench.bindings() == []


def test_s10_3_step_7_a_device_that_started_anew_has_another_call_id_and_any_cseq(bench: Bench) -> None:
    bench.register(ALICE, cseq=50)
    assert contacts(bench.register(f"{ALICE};expires=600", call_id="c2", cseq=1)) == {"sip:alice@127.0.0.2:5062": 600}


@pytest.mark.parametrize(
    "bad",
    [
        "Contact: <sip:alice@127.0.0.8>;expires=5",
        "Contact: <sip:alice@127.0.0.9>",
        "Contact: <sip:unclosed",
        "Contact: <sip:>",
    ],
)
def test_s10_3_a_request_is_processed_completely_or_not_at_all(bench: Bench, bad: str) -> None:
    bench.register("Contact: <sip:alice@127.0.0.9>;expires=600", cseq=50)
    bench.records()
    response = bench.register("Contact: <sip:alice@127.0.0.7>", bad, cseq=50)
    assert response.status in {400, 423, 500}
    assert bench.bindings() == ["sip:alice@127.0.0.9"]
    assert not [record for record in bench.records() if isinstance(record, RegistrationChanged)]


def test_s10_3_step_7_of_a_contact_given_twice_the_last_counts(bench: Bench) -> None:
    assert contacts(bench.register(f"{ALICE};expires=600", f"{ALICE};expires=700")) == {"sip:alice@127.0.0.2:5062": 700}
    assert contacts(bench.register(f"{ALICE};expires=600", f"{ALICE};expires=0")) == {}


def test_more_contacts_than_allowed_are_refused_as_a_whole() -> None:
    bench = Bench(max_contacts=2)
    bench.register(ALICE)
    response = bench.register("Contact: <sip:a@h>, <sip:b@h>")
    assert (response.status, response.reason) == (403, "Too Many Contacts")
    assert bench.bindings() == ["sip:alice@127.0.0.2:5062"]


def test_a_full_location_service_asks_for_patience() -> None:
    bench = Bench(max_bindings=1)
    bench.register(ALICE)
    response = bench.register("Contact: <sip:bob@127.0.0.3>", user="bob")
    assert (response.status, response.headers.get("Retry-After")) == (503, "60")


# -- s.10.3 step 8


def test_s10_3_step_8_every_binding_is_listed_with_what_is_left_of_it_a_header_line_each(bench: Bench) -> None:
    bench.register(f"{ALICE};expires=600")
    bench.now += 100
    response = bench.register("Contact: <sip:alice@127.0.0.9>;expires=700;q=0.5")
    assert contacts(response) == {"sip:alice@127.0.0.2:5062": 500, "sip:alice@127.0.0.9": 700}
    assert len(response.headers.get_all("Contact")) == 2
    assert "," not in "".join(response.headers.get_all("Contact"))
    assert [found.params.get("q") for found in response.contacts] == [None, "0.5"]


@pytest.mark.parametrize(
    ("waited_s", "left_s"), [(0.0, 600), (0.25, 600), (1.0, 599), (599.0, 1), (599.9, 1), (1 / 3, 600)]
)
def test_s10_3_step_8_what_is_left_is_rounded_up(waited_s: float, left_s: int) -> None:
    bench = Bench()
    bench.now = 1e6 + 1 / 3
    bench.register(f"{ALICE};expires=600")
    bench.now += waited_s
    assert contacts(bench.register()) == {"sip:alice@127.0.0.2:5062": left_s}


def test_s10_3_step_8_the_response_has_a_date_if_a_calendar_is_given() -> None:
    assert Bench().register(ALICE).headers.get("Date") is None
    dated = Bench(date=lambda now: f"second {now:.0f}")
    assert dated.register(ALICE).headers.get("Date") == "second 1000"


def test_s10_3_no_response_has_a_record_route(bench: Bench) -> None:
    assert bench.register(ALICE, "Record-Route: <sip:proxy;lr>").headers.get("Record-Route") is None


def test_s10_3_a_registrar_generates_no_6xx(bench: Bench) -> None:
    answers = [bench.send(bench.request(ALICE, uri=uri)).status for uri in ("tel:1", "sip:x", f"sip:{DOMAIN}")]
    assert all(status < 600 for status in answers)


# -- what the field adds


def test_a_phone_behind_a_nat_that_returns_from_a_new_port_leaves_no_second_binding(bench: Bench) -> None:
    private = "Contact: <sip:alice@10.0.3.7:5060>"
    bench.register(private)
    moved = Flow("UDP", HERE, Address("127.0.0.2", 61000))
    bench.register(private, flow=moved)
    (binding,) = bench.location.lookup(f"alice@{DOMAIN}", bench.now)
    assert binding.flow == moved


def test_of_equals_the_contact_refreshed_last_comes_first_and_a_higher_q_before_all(bench: Bench) -> None:
    bench.register("Contact: <sip:a@h>")
    bench.register("Contact: <sip:b@h>")
    bench.register("Contact: <sip:low@h>;q=0.1")
    assert bench.bindings() == ["sip:b@h", "sip:a@h", "sip:low@h"]
    bench.register("Contact: <sip:a@h>")
    assert bench.bindings() == ["sip:a@h", "sip:b@h", "sip:low@h"]


@pytest.mark.parametrize(("text", "q"), [("0.25", 0.25), ("1", 1.0), ("2", 1.0), ("nan", 1.0), ("x", 1.0), ("0", 0.0)])
def test_a_preference_that_cannot_be_read_counts_as_not_given(bench: Bench, text: str, q: float) -> None:
    bench.register(f"{ALICE};q={text}")
    assert bench.location.lookup(f"alice@{DOMAIN}", bench.now)[0].q == q


def test_the_instance_of_a_device_is_kept_and_listed(bench: Bench) -> None:
    response = bench.register(f'{ALICE};+sip.instance="<urn:uuid:0-1>";reg-id=1')
    assert response.contacts[0].params.get("+sip.instance") == "<urn:uuid:0-1>"
    assert bench.location.lookup(f"alice@{DOMAIN}", bench.now)[0].instance == "<urn:uuid:0-1>"


def test_a_binding_that_lapses_is_recorded_by_the_registrar(bench: Bench) -> None:
    bench.register(f"{ALICE};expires=60")
    bench.records()
    assert bench.registrar.next_timeout() == 1060.0
    bench.now = 1060.0
    bench.registrar.handle_timeout(bench.now)
    assert [(record.state, record.aor) for record in bench.records() if isinstance(record, RegistrationChanged)] == [
        ("expired", f"alice@{DOMAIN}")
    ]


def test_the_answer_goes_with_the_request(bench: Bench) -> None:
    request = bench.request(ALICE, authorization=bench.credentials())
    response = bench.send(request, UDP)
    assert (response.call_id, response.cseq, response.branch) == (request.call_id, request.cseq, request.branch)
    assert response.from_tag == "f1"
    assert response.to_tag
