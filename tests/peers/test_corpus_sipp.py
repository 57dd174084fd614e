"""The SIPp scenarios of other projects against `voxlab serve`, in the roles that they were written for.

Each passes on both ends: exit code 0 of the caller alone proves nothing. Where one asks for a condition, or for what no
RFC asks for, it is put right in a copy made at run time, and the reason stands at the repair; a repair that finds
nothing to put right is a failure. The corpus lies beside the checkout and is no part of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from .calls import register
from .harness.ports import own_address
from .harness.process import Program, missing
from .harness.serve import Served
from .harness.sipp import OWN, SHIPPED

CORPUS = Path(__file__).resolve().parents[2] / "../shared/corpora/sipp"
pytestmark = [
    pytest.mark.peers,
    pytest.mark.timeout(120),
    pytest.mark.skipif(missing("sipp") is not None, reason=str(missing("sipp"))),
    pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpora are not there: put shared/corpora beside the checkout"),
]
PASSWORD = "rosebud-7"
DEVICE_PORT, CALLER_PORT = 5080, 5061  # 5061: reg_auth_ok asks for it
CAMERA = "34020000002000000002"  # whom long_message is for
PLATFORM = f"""
import asyncio

def setup(lab):
    account = lab.account("acme")
    account.trunk("carrier", allow=["HOST/32"])  # the callers of the corpus show no credentials
    shop = account.application("shop")
    for name in ("alice", "bob", "carol", "dave", "erin", "user1", "{CAMERA}"):
        shop.user(name, password="{PASSWORD}")
    shop.rule("long numbers", pattern="[0-9]{{100,}}", route="sip:HOST:{DEVICE_PORT}")
    shop.rule("passed on", pattern="frank", route="users")
    shop.user("frank", password="{PASSWORD}")

    @shop.scenario(pattern="alice|early|test|answerer")
    async def answer(call):
        if call.destination in ("alice", "early"):
            await call.start_early_media()
            await asyncio.sleep(0.5)
        await call.answer()
        if call.destination != "early":
            await asyncio.sleep(0.2)
            await call.hang_up()

    @shop.scenario()
    async def forward(call):
        await call.forward_to_user()
"""


class Repair(NamedTuple):
    """What is put in the place of a pattern, in a copy; HOST stands for the cloud's address."""

    pattern: str
    text: str


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    host = own_address()
    with Served(PLATFORM.replace("HOST", host), tmp_path_factory.mktemp("voxlab"), host=host) as served:
        served.until_ready()
        yield served


# -- running one scenario, or one at each end


def sipp(cloud: Served, folder: Path, name: str, *arguments: str, repairs: tuple[Repair, ...] = ()) -> Program:
    """Start SIPp with a scenario of the corpus, or else of ours."""
    source = next(
        path for path in (CORPUS / f"{name}.xml", OWN / f"{name}.xml", SHIPPED / f"{name}.xml") if path.exists()
    )
    text = source.read_text(encoding="utf-8", errors="surrogateescape")
    for pattern, replacement in repairs:
        text, found = re.subn(pattern, replacement.replace("HOST", cloud.host), text, flags=re.DOTALL)
        assert found, f"{name}: nothing to put right where {pattern!r} was expected"
    folder.mkdir(parents=True, exist_ok=True)
    copy = folder / f"{name}.xml"
    copy.write_text(text, encoding="utf-8", errors="surrogateescape")
    common = [
        "-key",
        "uri_transport",
        "udp",
        "-i",
        cloud.host,
        "-m",
        "1",
        "-nostdin",
        "-timeout",
        "20",
        "-timeout_error",
    ]
    common += ["-trace_err", "-error_file", str(folder / f"{name}.errors")]
    return Program(["sipp", "-sf", str(copy), *common, *arguments], folder, name)


def server(cloud: Served) -> str:
    return f"{cloud.host}:{cloud.port}"


def plays(
    cloud: Served, folder: Path, name: str, *arguments: str, service: str = "bob", repairs: tuple[Repair, ...] = ()
) -> None:
    """Let a scenario of the corpus call or register; it has to end well."""
    who = ("-p", str(CALLER_PORT), "-s", service, "-au", service, "-ap", PASSWORD)
    with sipp(cloud, folder, name, *who, *arguments, server(cloud), repairs=repairs) as caller:
        code = caller.wait(30)
        errors = folder / f"{name}.errors"
        assert code == 0, f"{name}: {code}\n{errors.read_text(errors='replace') if errors.exists() else caller.tail()}"


def between(
    cloud: Served,
    folder: Path,
    name: str,
    callee: str,
    *,
    user: str = "bob",
    service: str = "bob",
    repairs: tuple[Repair, ...] = (),
    callee_repairs: tuple[Repair, ...] = (),
    callee_arguments: tuple[str, ...] = (),
) -> None:
    """Let one scenario call another, which has registered as a device of ``user``; both have to end well."""
    where = {"server": server(cloud), "host": cloud.host, "port": DEVICE_PORT}
    known = register(user, folder / "device", password=PASSWORD, **where)  # type: ignore[arg-type]
    assert known.successful == 1, known
    port = ("-p", str(DEVICE_PORT))
    with sipp(cloud, folder / "callee", callee, *port, *callee_arguments, repairs=callee_repairs) as device:
        device.wait_until(lambda: device.holds_port(DEVICE_PORT), 10, f"SIPp bound to {DEVICE_PORT}")
        plays(cloud, folder / "caller", name, service=service, repairs=repairs)
        code = device.wait(20)
        errors = folder / "callee" / f"{callee}.errors"
        assert code == 0, (
            f"{callee}: {code}\n{errors.read_text(errors='replace') if errors.exists() else device.tail()}"
        )


# -- registration

# The registrations of the corpus that come without credentials were written for a registrar that asks nobody; ours
# asks everybody, so each request is sent, challenged with 401 and sent again.
AUTHENTICATED = Repair(
    r"(<send retrans=\"500\">\s*<!\[CDATA\[)(.*?)\n(\s*)(Content-Length: 0.*?</send>)",
    r'\1\2\n\3\4\n<recv response="401" auth="true"/>\n\1\2\n\3[authentication]\n\3\4',
)
# RFC 3261 s.10.2: each request of a Call-ID counts on; s.10.3 step 7 has a registrar refuse one that does not.
COUNTED = Repair(r"CSeq: 1 REGISTER", "CSeq: [cseq] REGISTER")


def test_reg_auth_ok(cloud: Served, tmp_path: Path) -> None:
    # The scenario asks for one address of its own, and for a registrar that grants 25 to 30 s by default; ours an hour.
    own = Repair(r"127\.0\.0\.1:506\[1-2\]&gt;;expires=\(30\|2\[5-9\]\)", "HOST:5061&gt;;expires=3600")
    plays(cloud, tmp_path, "reg_auth_ok", service="alice", repairs=(own,))


def test_reg_wrong_password_401(cloud: Served, tmp_path: Path) -> None:
    plays(cloud, tmp_path, "reg_wrong_password_401", "-ap", "wrong")
    with pytest.raises(AssertionError):  # it tells one from the other
        plays(cloud, tmp_path / "right", "reg_wrong_password_401")


def test_reg_multi_contact_expiry(cloud: Served, tmp_path: Path) -> None:
    # Our registrar grants no less than a minute (s.10.3 step 7: 423), so every interval is ten times as long. The
    # pause in which the first bindings age would be too; that they do is shown in virtual time elsewhere.
    tenfold = (
        Repair(r"Expires: 10\b", "Expires: 100"),
        Repair(r"expires=\(10\|\[5-9\]\)", "expires=(100|9[5-9])"),
        Repair(r";expires=15\b", ";expires=150"),
        Repair(r";expires=20\b", ";expires=200"),
        Repair(r"expires=1\[0-5\]", "expires=1(50|4[5-9])"),
        Repair(r"expires=\(20\|1\[5-9\]\)", "expires=(200|19[5-9])"),
        Repair(r"<pause milliseconds=\"12000\"/>", ""),
    )
    names = Repair(r"\(alice\|bob\|charlie\|carol\)", "dave")
    plays(
        cloud, tmp_path, "reg_multi_contact_expiry", service="dave", repairs=(AUTHENTICATED, COUNTED, *tenfold, names)
    )


def test_unreg_star(cloud: Served, tmp_path: Path) -> None:
    names = Repair(r"\(alice\|bob\)", "erin")
    plays(cloud, tmp_path, "unreg_star", service="erin", repairs=(AUTHENTICATED, COUNTED, names))


def test_reg_query(cloud: Served, tmp_path: Path) -> None:
    # It asks that nothing is bound: carol has no device.
    plays(cloud, tmp_path, "reg_query", service="carol", repairs=(AUTHENTICATED, COUNTED))


# -- calls


@pytest.mark.parametrize(
    ("caller", "callee"),
    [
        ("basic_uac", "basic_uas"),
        ("busy_uac", "busy_uas"),
        ("utf8_headers", "basic_uas"),
        ("basic_uac", "uas"),  # ours insists on the ACK, which is optional to basic_uas
        ("callee_hangup_uac", "callee_hangup_uas"),
    ],
)
def test_a_pair_of_the_corpus(cloud: Served, tmp_path: Path, caller: str, callee: str) -> None:
    if callee != "callee_hangup_uas":
        between(cloud, tmp_path, caller, callee)
        return
    # The whole of From stood in its To, where the tag alone belongs (RFC 3261 s.12.2.1.1); the Request-URI of its BYE
    # is made from the positional address.
    tag = Repair(r"\.\*\(;tag=\.\*\)", ";tag=.*")
    between(
        cloud,
        tmp_path,
        caller,
        callee,
        callee_repairs=(tag,),
        callee_arguments=("-s", "sipp", server(cloud)),
    )


def test_cancel(cloud: Served, tmp_path: Path) -> None:
    # It insists on a 100. A server that answers within 200 ms need not send one (RFC 3261 s.17.2.1), and ours does.
    quick = Repair(r"<recv response=\"100\"/>", '<recv response="100" optional="true"/>')
    between(cloud, tmp_path, "cancel_uac", "cancel_uas", repairs=(quick,))


def test_redirect_302(cloud: Served, tmp_path: Path) -> None:
    # The Contact is the callee itself, no user of ours: a proxy of ours follows it for nobody and passes the 302 on,
    # so the caller has to expect it.
    expects = Repair(r"response=\"486\"", 'response="302"')
    between(cloud, tmp_path, "busy_uac", "redirect_302_uas", user="frank", service="frank", repairs=(expects,))


def test_prack_183_uac(cloud: Served, tmp_path: Path) -> None:
    plays(cloud, tmp_path, "prack_183_uac", service="alice")


def test_prack_uas(cloud: Served, tmp_path: Path) -> None:
    # A response that makes a dialog has a Contact (RFC 3261 s.12.1.1); its 180 has none. The blank is XML's.
    contact = Repair(r"(Require: 100rel)", r"Contact: <sip:[local_ip]:[local_port];transport=[transport]>\n      \1")
    blank = Repair(r"\"PRACK\"crlf", '"PRACK" crlf')
    between(cloud, tmp_path, "basic_uac", "prack_uas", callee_repairs=(contact, blank))


def test_update_early_uac(cloud: Served, tmp_path: Path) -> None:
    # Its UPDATE has an offer while that of the INVITE has no reliable answer yet, which gets 500 (RFC 3311 s.5.2): it
    # goes without.
    bare = Repair(r"(UPDATE sip:.*?)Content-Type: application/sdp.*?\]\]>", r"\1Content-Length: 0\n\n    ]]>")
    plays(cloud, tmp_path, "update_early_uac", service="early", repairs=(bare,))


def test_timer_422(cloud: Served, tmp_path: Path) -> None:
    # It wants an interval of 120 s refused; the least that may be asked for is 90 s (RFC 4028 s.5), which is our limit.
    brief = Repair(r"Session-Expires: 120", "Session-Expires: 60")
    plays(cloud, tmp_path, "timer_422", service="test", repairs=(brief,))


def test_late_offer_uac(cloud: Served, tmp_path: Path) -> None:
    # Its answer names a foreign address, to which no packet is to go.
    here = Repair(r"192\.168\.2\.25", "[local_ip]")
    plays(cloud, tmp_path, "late_offer_uac", service="answerer", repairs=(here,))


def test_codecs_488(cloud: Served, tmp_path: Path) -> None:
    # PCMU, which it offers, is spoken by everybody here: the payload type is made one that nobody knows.
    unknown = (Repair(r"RTP/AVP 0", "RTP/AVP 99"), Repair(r"a=rtpmap:0 PCMU/8000", "a=rtpmap:99 NOTHING/8000"))
    plays(cloud, tmp_path, "codecs_488", service="answerer", repairs=unknown)


def test_long_uri(cloud: Served, tmp_path: Path) -> None:
    # Its offer (SAVPF, a public address) is for the far end to answer: the rule passes the call on, to no user.
    between(cloud, tmp_path, "long_uri", "basic_uas")


# -- the rest


def test_message_uac(cloud: Served, tmp_path: Path) -> None:
    accepted = Repair(r"SIP/2\.0 200 OK", "SIP/2.0 202 Accepted")
    between(cloud, tmp_path, "message_uac", "uas_message", user="user1", callee_repairs=(accepted,))


def test_message_uac_that_is_answered_with_200(cloud: Served, tmp_path: Path) -> None:
    # It takes 202 only; RFC 3428 s.7 allows 200 as well, which most devices answer.
    either = Repair(r"response=\"202\"", 'response="200"')
    between(cloud, tmp_path, "message_uac", "uas_message", user="user1", repairs=(either,))


def test_long_message(cloud: Served, tmp_path: Path) -> None:
    between(cloud, tmp_path, "long_message", "uas_message", user=CAMERA)


def test_options_ping(cloud: Served, tmp_path: Path) -> None:
    plays(cloud, tmp_path, "options_ping")


def test_bare_ack(cloud: Served, tmp_path: Path) -> None:
    # It has nothing to receive, and proves nothing: an answer within a second is made a failure, and a call follows.
    listens = Repair(r"</scenario>", '<pause milliseconds="1000"/></scenario>')
    plays(cloud, tmp_path, "bare_ack", repairs=(listens,))
    between(cloud, tmp_path / "afterwards", "basic_uac", "basic_uas")


def test_no_scenario_of_the_corpus_is_forgotten() -> None:
    tried = set(re.findall(r'"([a-z0-9_]+)"', Path(__file__).read_text()))
    assert {path.stem for path in CORPUS.glob("*.xml")} <= tried
