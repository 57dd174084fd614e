"""Digest against published vectors, and a server that forgets nothing it must remember (RFC 7616, RFC 8760, RFC 3261
s.22).
"""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from voxlab.base.errors import SipSyntaxError, VoxlabError
from voxlab.base.ids import Ids
from voxlab.sip.digest import Challenge, Credentials, answer, ha1, is_supported, parse_challenges, response
from voxlab.sip.digest_server import DigestServer, Outcome, Verdict, same_target

from .corpora import NEEDS_CORPORA, vectors

URI = "sip:shop.acme.voxlab.test"


@NEEDS_CORPORA
@pytest.mark.parametrize(
    "vector", [pytest.param(v, id=v["source"]) for v in vectors("auth/digest.json", "response_vectors")]
)
def test_published_responses(vector: dict[str, Any]) -> None:
    algorithm = vector["algorithm"]
    if not is_supported(algorithm):
        with pytest.raises(VoxlabError, match="not available"):
            ha1("a", "b", "c", algorithm)
        return
    secret = ha1(vector["username"], vector["realm"], vector["password"], algorithm)
    qop, body = vector["qop"], vector.get("body", "").encode()
    value = response(
        secret, vector["method"], vector["uri"], vector["nonce"], algorithm=algorithm, qop=qop,
        nc=vector["nc"], cnonce=vector["cnonce"] or "", body=body,
    )  # fmt: skip
    # The value that RFC 7616 prints for SHA-512-256 is that of SHA-512 cut short; the erratum has the right one.
    right = (
        vector["response"]
        if vector["recomputed_ok"]
        else "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"
    )
    assert value == right


@NEEDS_CORPORA
def test_published_ha1() -> None:
    for vector in vectors("auth/digest.json", "ha1_vectors"):
        assert ha1(vector["username"], vector["realm"], vector["password"], vector["algorithm"]) == vector["HA1"]


def test_a_session_variant_binds_ha1_to_nonce_and_cnonce() -> None:
    plain = response("0" * 32, "REGISTER", URI, "n", algorithm="MD5", qop="auth", nc="00000001", cnonce="c")
    session = response("0" * 32, "REGISTER", URI, "n", algorithm="MD5-sess", qop="auth", nc="00000001", cnonce="c")
    bound = hashlib.md5(b"0" * 32 + b":n:c").hexdigest()
    assert session == response(bound, "REGISTER", URI, "n", algorithm="MD5", qop="auth", nc="00000001", cnonce="c")
    assert session != plain


def test_challenges_are_read_and_written() -> None:
    text = 'Digest realm="a \\"b\\", c", nonce="n,=1", opaque="o", stale=true, algorithm=SHA-256, qop="auth,auth-int"'
    challenge = Challenge.parse(text)
    assert challenge == Challenge('a "b", c', "n,=1", "SHA-256", ("auth", "auth-int"), True, "o")
    assert str(challenge) == text
    assert Challenge.parse('digest NONCE = n ,REALM="r"') == Challenge("r", "n")
    for broken in ("Basic realm=x", 'Digest realm="r"', "", "Digest"):
        with pytest.raises(SipSyntaxError):
            Challenge.parse(broken)
    assert parse_challenges(["Basic realm=x", text]) == (challenge,)


def test_credentials_are_read_and_written_and_hide_the_response() -> None:
    credentials = Credentials("al\\ice", "r", "n", URI, "f00d", "MD5", "auth", "0000000a", "c", "o")
    assert Credentials.parse(str(credentials)) == credentials
    assert "f00d" not in repr(credentials)
    for broken in (
        'Digest username="a"',
        str(credentials).replace("nc=0000000a", "nc=1"),
        "NoOneKnowsThisScheme opaque-data=here",
    ):
        with pytest.raises(SipSyntaxError):
            Credentials.parse(broken)


def test_the_topmost_challenge_that_can_be_answered_is_answered() -> None:
    offered = [str(Challenge("r", "n", name, ("auth",))) for name in ("AKAv1-MD5", "SHA-256", "MD5")]
    value = answer(offered, "REGISTER", URI, "alice", "secret", cnonce="c", nc=2)
    assert value is not None
    credentials = Credentials.parse(value)
    assert (credentials.algorithm, credentials.nc, credentials.qop) == ("SHA-256", "00000002", "auth")
    by_ha1 = answer(
        offered,
        "REGISTER",
        URI,
        "alice",
        cnonce="c",
        nc=2,
        ha1_by_algorithm={"SHA-256": ha1("alice", "r", "secret", "SHA-256")},
    )
    assert by_ha1 == value
    assert answer(offered[:1], "REGISTER", URI, "alice", "secret", cnonce="c") is None
    assert answer([Challenge("r", "n", qop=("other",))], "REGISTER", URI, "alice", "secret", cnonce="c") is None


class Door:
    """One server, one user, one clock."""

    def __init__(self, **options: Any) -> None:
        self.server = DigestServer("r", Ids.seeded(1), **options)
        self.asked: list[tuple[str, str]] = []

    def ha1(self, username: str, algorithm: str) -> str | None:
        self.asked.append((username, algorithm))
        return ha1("alice", "r", "secret", algorithm) if username == "alice" else None

    def credentials(
        self,
        challenge: str,
        *,
        method: str = "REGISTER",
        uri: str = URI,
        user: str = "alice",
        password: str = "secret",
        nc: int = 1,
        body: bytes = b"",
    ) -> Credentials:
        value = answer([challenge], method, uri, user, password, cnonce="c", nc=nc, body=body)
        assert value is not None
        return Credentials.parse(value)

    def verify(
        self, credentials: Credentials, now: float, uri: str = URI, method: str = "REGISTER", body: bytes = b""
    ) -> Verdict:
        return self.server.verify(credentials, method, uri, self.ha1, now, body)


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256", "MD5-sess", "SHA-256-sess"])
@pytest.mark.parametrize("qop", [(), ("auth",), ("auth-int",), ("auth", "auth-int")])
def test_the_right_password_opens_and_a_wrong_one_does_not(algorithm: str, qop: tuple[str, ...]) -> None:
    door = Door(algorithms=(algorithm,), qop=qop)
    challenge = door.server.challenge(0.0)[0]
    assert (
        door.verify(door.credentials(challenge, password="guess", body=b"b"), 0.5, body=b"b").outcome is Outcome.WRONG
    )
    assert door.verify(door.credentials(challenge, body=b"b"), 1.0, body=b"b").ok
    assert door.asked == [("alice", algorithm.removesuffix("-sess"))] * 2


def test_nobody_is_refused_like_a_wrong_password() -> None:
    door = Door()
    challenge = door.server.challenge(0.0)[0]
    nobody, wrong = (
        door.verify(door.credentials(challenge, **who), 0.0) for who in ({"user": "mallory"}, {"password": "x"})
    )
    assert nobody == wrong
    assert nobody.outcome is Outcome.WRONG
    assert nobody.is_guess


def test_each_algorithm_gets_its_own_header_value_in_the_given_order() -> None:
    values = Door(algorithms=("SHA-256", "MD5")).server.challenge(0.0, stale=True)
    challenges = parse_challenges(values)
    assert [c.algorithm for c in challenges] == ["SHA-256", "MD5"]
    assert {(c.nonce, c.stale, c.qop) for c in challenges} == {(challenges[0].nonce, True, ("auth",))}
    assert [Challenge.parse(v).algorithm for v in Door().server.challenge(0.0)] == ["MD5"]


def test_a_nonce_count_works_once_and_counts_may_overtake_each_other() -> None:
    door = Door()
    challenge = door.server.challenge(0.0)[0]
    outcomes = [
        door.verify(door.credentials(challenge, nc=nc), 1.0).outcome for nc in (1, 1, 5, 3, 3, 4, 200, 199, 100, 5)
    ]
    ok, replay = Outcome.OK, Outcome.REPLAY
    assert outcomes == [ok, replay, ok, ok, replay, ok, ok, ok, replay, replay]


@pytest.mark.parametrize("nc", ["00000000", "0x000001", "zzzzzzzz", "-0000001", "٠٠٠٠٠٠٠١"])
def test_a_nonce_count_that_is_none_is_wrong(nc: str) -> None:
    door = Door()
    base = door.credentials(door.server.challenge(0.0)[0])
    secret = ha1("alice", "r", "secret")
    value = response(secret, "REGISTER", URI, base.nonce, qop="auth", nc=nc, cnonce="c")
    assert door.verify(base._replace(nc=nc, response=value), 0.0).outcome is Outcome.WRONG


def test_an_old_nonce_is_stale_and_a_nonce_from_the_future_too() -> None:
    door = Door(nonce_lifetime_s=10.0)
    challenge = door.server.challenge(100.0)[0]
    assert door.verify(door.credentials(challenge), 110.0).ok
    assert door.verify(door.credentials(challenge, nc=2), 110.1).outcome is Outcome.STALE
    assert door.verify(door.credentials(challenge, nc=3), 99.0).outcome is Outcome.STALE


def test_a_nonce_of_another_server_or_for_another_address_is_stale_whatever_the_password() -> None:
    door, other = Door(), DigestServer("r", Ids.seeded(2))
    challenge = other.challenge(0.0)[0]
    stale, wrong = (
        door.verify(door.credentials(challenge), 0.0),
        door.verify(door.credentials(challenge, password="x"), 0.0),
    )
    assert stale == wrong
    assert (stale.outcome, stale.is_guess) == (Outcome.STALE, False)
    challenge = door.server.challenge(0.0, audience="192.0.2.66")[0]
    assert door.verify(door.credentials(challenge), 0.0).outcome is Outcome.STALE
    assert door.verify(door.credentials(challenge, password="x"), 0.0).outcome is Outcome.STALE
    for forged in ("", "x" * 52, "é" * 52, Challenge.parse(door.server.challenge(0.0)[0]).nonce[:-1] + "g"):
        credentials = door.credentials(str(Challenge("r", forged, qop=("auth",))))
        assert door.verify(credentials, 0.0).outcome is Outcome.STALE


def test_without_qop_a_nonce_works_once() -> None:
    door = Door(qop=())
    challenge = door.server.challenge(0.0)[0]
    assert door.verify(door.credentials(challenge), 0.0).ok
    assert door.verify(door.credentials(challenge), 0.0).outcome is Outcome.STALE


def test_memory_for_nonces_is_bounded_and_what_was_forgotten_cannot_be_replayed() -> None:
    door = Door(tracked_nonces=10)
    challenges = [door.server.challenge(float(at))[0] for at in range(50)]
    for at, challenge in enumerate(challenges):
        assert door.verify(door.credentials(challenge), float(at)).ok
    assert len(door.server._used) == 10
    assert door.verify(door.credentials(challenges[0]), 50.0).outcome is Outcome.STALE
    assert door.verify(door.credentials(challenges[49]), 50.0).outcome is Outcome.REPLAY
    assert door.verify(door.credentials(challenges[49], nc=2), 50.0).ok


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"realm": "other"}, "realm"),
        ({"algorithm": "SHA-256"}, "not offered"),
        ({"qop": "auth-int"}, "not offered"),
        ({"uri": "sip:elsewhere.test"}, "Request-URI"),
    ],
)
def test_credentials_for_something_else_are_wrong_and_the_reason_says_so(change: dict[str, str], says: str) -> None:
    door = Door()
    verdict = door.verify(door.credentials(door.server.challenge(0.0)[0])._replace(**change), 0.0)
    assert verdict.outcome is Outcome.WRONG
    assert says in verdict.reason


def test_sha_256_without_qop_is_refused() -> None:
    door = Door(algorithms=("SHA-256",))
    credentials = door.credentials(str(Challenge("r", Challenge.parse(door.server.challenge(0.0)[0]).nonce, "SHA-256")))
    assert door.verify(credentials, 0.0).reason == "qop is missing"


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("sip:bob@a.test", "sip:bob@A.test:5060;transport=udp", True),
        ("sip:a.test", "sips:a.test", True),
        ("sip:bob@a.test", "sip:carol@a.test", False),
        ("sip:a.test", "sip:b.test", False),
        ("/dir/index.html", "sip:a.test", False),
        ("tel:+1", "tel:+1", True),
    ],
)
def test_the_uri_parameter_is_compared_by_user_and_host(left: str, right: str, same: bool) -> None:
    assert same_target(left, right) is same


def test_no_secret_stands_in_a_repr_and_unknown_algorithms_are_refused() -> None:
    server = Door().server
    assert repr(server) == "DigestServer('r', algorithms=('MD5',))"
    for algorithms in (("MD4",), ()):
        with pytest.raises(VoxlabError):
            DigestServer("r", Ids.seeded(1), algorithms=algorithms)


def test_one_seed_gives_one_sequence_of_nonces() -> None:
    first, second = (DigestServer("r", Ids.seeded(5)) for _ in range(2))
    assert [first.challenge(t) for t in (0.0, 1.0)] == [second.challenge(t) for t in (0.0, 1.0)]
    assert first.challenge(1.0) != first.challenge(1.0)
