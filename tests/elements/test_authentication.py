from __future__ import annotations

import pytest

from tests.elements.registering import ALICE, DOMAIN, HERE, UDP, Bench, nonces
from voxlab.base.datagram import Address, Flow
from voxlab.base.records import AuthenticationVerdict
from voxlab.elements.lockout import Lockout

STRANGER = Flow("UDP", HERE, Address("127.0.0.66", 5062))


def guess(
    bench: Bench, *, flow: Flow = UDP, nonce_from: Flow = UDP, password: str = "wrong", username: str = "alice"
) -> int:
    challenge = bench.send(bench.request(), nonce_from)
    authorization = bench.credentials(username=username, password=password, nonce_of=challenge)
    return bench.send(bench.request(ALICE, authorization=authorization), flow).status


def verdicts(bench: Bench) -> list[str]:
    return [record.verdict for record in bench.records() if isinstance(record, AuthenticationVerdict)]


def test_too_many_wrong_answers_turn_a_sender_away_even_with_the_right_one() -> None:
    bench = Bench(lockout=Lockout(max_failures=3))
    assert [guess(bench) for _ in range(3)] == [401] * 3
    assert guess(bench, password="wonderland") == 403
    *before, third, locked = verdicts(bench)
    assert before == ["wrong response"] * 2
    assert third == f"wrong response; alice@{DOMAIN} is locked out at 127.0.0.2 for 60 s"
    assert locked == "locked out"


def test_a_lock_out_ends() -> None:
    bench = Bench(lockout=Lockout(max_failures=3, duration_s=60.0))
    assert [guess(bench) for _ in range(3)] == [401] * 3
    bench.now += 59.9
    assert guess(bench, password="wonderland") == 403
    bench.now += 0.1
    assert guess(bench, password="wonderland") == 200


def test_the_right_answer_clears_the_count() -> None:
    bench = Bench(lockout=Lockout(max_failures=3))
    for _ in range(3):
        assert [guess(bench) for _ in range(2)] == [401] * 2
        assert guess(bench, password="wonderland") == 200


def test_wrong_answers_long_ago_are_forgotten() -> None:
    bench = Bench(lockout=Lockout(max_failures=3, duration_s=60.0))
    for _ in range(8):
        assert guess(bench) == 401
        bench.now += 60.0
    assert guess(bench, password="wonderland") == 200


def test_nobody_can_lock_another_out_by_writing_his_address_on_a_packet() -> None:
    bench = Bench(lockout=Lockout(max_failures=3))
    for _ in range(20):
        assert guess(bench, nonce_from=STRANGER, flow=UDP) == 401
    assert guess(bench, password="wonderland") == 200


def test_a_lock_out_holds_for_one_user_at_one_address() -> None:
    bench = Bench(lockout=Lockout(max_failures=3))
    for _ in range(5):
        guess(bench)
    assert guess(bench, password="wonderland") == 403
    assert guess(bench, password="wonderland", flow=STRANGER, nonce_from=STRANGER) == 200
    assert bench.register("Contact: <sip:bob@127.0.0.3>", user="bob").status == 200


def test_both_names_of_a_user_count_together() -> None:
    bench = Bench(lockout=Lockout(max_failures=3))
    for username in ("alice", f"alice@{DOMAIN}", "alice"):
        assert guess(bench, username=username) == 401
    assert guess(bench, password="wonderland") == 403


def test_guessing_at_a_user_who_does_not_exist_ends_the_same_way() -> None:
    bench = Bench(lockout=Lockout(max_failures=3))
    names = ["nobody", f"nobody@{DOMAIN}", "nobody", "nobody"]
    assert [guess(bench, username=name) for name in names] == [401] * 3 + [403]


def test_stale_nonces_never_count() -> None:
    bench = Bench(lockout=Lockout(max_failures=1))
    authorization = bench.credentials()
    bench.now += 10_000
    assert bench.send(bench.request(ALICE, authorization=authorization)).status == 401
    assert verdicts(bench) == ["stale"]
    assert guess(bench, password="wonderland") == 200


def test_each_lock_lasts_twice_as_long_as_the_one_before_and_ends() -> None:
    lockout = Lockout(max_failures=2, duration_s=60.0, longest_s=200.0)
    now, lasted = 0.0, []
    for _ in range(4):
        assert [lockout.failed("192.0.2.1", "alice", now) for _ in range(2)] == [False, True]
        lasted.append(lockout.remaining_s("192.0.2.1", "alice", now))
        now += lasted[-1]
        assert not lockout.is_locked("192.0.2.1", "alice", now)
    assert lasted == [60.0, 120.0, 200.0, 200.0]


def test_who_kept_quiet_for_long_starts_anew() -> None:
    lockout = Lockout(max_failures=1, duration_s=60.0)
    lockout.failed("192.0.2.1", "alice", 0.0)
    lockout.failed("192.0.2.1", "alice", 60.0 + 600.0)
    assert lockout.remaining_s("192.0.2.1", "alice", 660.0) == 60.0


def test_a_lock_is_listed_and_lifted() -> None:
    lockout = Lockout(max_failures=1)
    for address, user in (("192.0.2.1", "alice"), ("192.0.2.1", "bob"), ("192.0.2.2", "alice")):
        assert lockout.failed(address, user, 5.0)
    first, *others = lockout.locks(6.0)
    assert (first.address, first.user, first.until_s, len(others)) == ("192.0.2.1", "alice", 65.0, 2)
    assert lockout.lift(user="alice") == 2
    assert [lock.user for lock in lockout.locks(6.0)] == ["bob"]
    assert lockout.lift("192.0.2.1", "bob") == 1
    assert lockout.locks(6.0) == []


def test_what_is_remembered_about_senders_is_bounded() -> None:
    lockout = Lockout(max_entries=100)
    for number in range(1000):
        lockout.failed(f"192.0.2.{number}", "alice", 0.0)
    assert len(lockout) == 100


def test_challenges_asked_for_in_between_do_not_save_a_guesser() -> None:
    bench = Bench(lockout=Lockout(max_failures=3))
    first = bench.send(bench.request())
    answers = [
        bench.credentials(password="wrong", nonce_of=first if n == 0 else bench.send(bench.request())) for n in range(3)
    ]
    for _ in range(200):
        bench.send(bench.request())
    for authorization in answers:
        bench.send(bench.request(ALICE, authorization=authorization))
    assert guess(bench, password="wonderland") == 403


def test_each_challenge_has_a_nonce_of_its_own_and_lists_the_algorithms_in_order() -> None:
    bench = Bench(algorithms=("SHA-256", "MD5"))
    first, second = bench.send(bench.request()), bench.send(bench.request())
    assert nonces(first).isdisjoint(nonces(second))
    offered = [
        value.partition("algorithm=")[2].partition(",")[0] for value in first.headers.get_all("WWW-Authenticate")
    ]
    assert offered == ["SHA-256", "MD5"]
    assert bench.register(ALICE).status == 200


@pytest.mark.parametrize(
    ("uri", "status"), [("sip:127.0.0.1:5060", 200), (f"sip:{DOMAIN}:5060", 200), ("sip:elsewhere.example", 401)]
)
def test_credentials_may_name_our_address_where_the_request_names_the_domain(uri: str, status: int) -> None:
    bench = Bench()
    authorization = bench.credentials(uri=uri)
    assert bench.send(bench.request(ALICE, authorization=authorization)).status == status
