"""``voxlab message``: the contract that scripts rely on, and what a person sees."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from voxlab.cli import main

INVITE = (
    b"INVITE sip:bob@biloxi.example.com SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP client.atlanta.example.com:5060;branch=z9hG4bK74bf9\r\n"
    b"Max-Forwards: 70\r\n"
    b'From: "Alice \x1b[31m" <sip:alice@atlanta.example.com>;tag=9fxced76sl\r\n'
    b"t: Bob <sip:bob@biloxi.example.com>\r\n"
    b"Call-ID: 3848276298220188511@atlanta.example.com\r\n"
    b"CSeq: 1 INVITE\r\n"
    b"Contact: <sip:alice@client.atlanta.example.com>\r\n"
    b"Content-Type: application/sdp\r\n"
    b"Content-Length: 118\r\n\r\n"
    b"v=0\r\no=alice 1 1 IN IP4 192.0.2.101\r\ns=-\r\nc=IN IP4 192.0.2.101\r\nt=0 0\r\n"
    b"m=audio 49172 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
)


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Return the JSON that a command wrote."""
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    return said


@pytest.fixture
def invite(tmp_path: Path) -> str:
    file = tmp_path / "invite.sip"
    file.write_bytes(INVITE)
    return str(file)


def test_an_accepted_request_is_told_with_its_headers_as_written(
    invite: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["message", invite, "--json"]) == 0
    said = told(capsys)
    assert list(said) == ["accepted", "kind", "method", "status", "headers", "problems"]
    assert said["accepted"] is True
    assert (said["kind"], said["method"], said["status"]) == ("request", "INVITE", None)
    assert said["headers"][3] == ["t", "Bob <sip:bob@biloxi.example.com>"]
    assert said["problems"] == []


def test_an_accepted_response_has_a_status_and_no_method(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [line for line in INVITE.split(b"\r\n\r\n")[0].split(b"\r\n")[1:] if not line.startswith(b"Content")]
    file = tmp_path / "ok.sip"
    file.write_bytes(b"\r\n".join([b"SIP/2.0 200 OK", *lines, b"Content-Length: 0", b"", b""]))
    assert main(["message", str(file), "--json"]) == 0
    said = told(capsys)
    assert (said["kind"], said["method"], said["status"]) == ("response", None, 200)


def test_a_refused_message_is_exit_code_2_and_says_where_and_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "bad.sip"
    file.write_bytes(INVITE.replace(b"CSeq: 1 INVITE", b"CSeq: one INVITE"))
    assert main(["message", str(file), "--json"]) == 2
    said = told(capsys)
    assert list(said) == ["accepted", "status", "reason", "header", "offset", "rfc"]
    assert (said["accepted"], said["status"], said["header"]) == (False, 400, "CSeq")
    assert file.read_bytes()[said["offset"] :].startswith(b"one INVITE")
    assert said["rfc"].startswith("RFC 3261 s.")


def test_strict_refuses_what_lenient_lists_as_a_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "lf.sip"
    file.write_bytes(
        INVITE.split(b"\r\n\r\n")[0].replace(b"Length: 118", b"Length: 0").replace(b"\r\n", b"\n") + b"\n\n"
    )
    assert main(["message", str(file), "--json"]) == 0
    problems = told(capsys)["problems"]
    assert [problem["reason"] for problem in problems] == ["a line ends with LF alone"]
    assert main(["message", str(file), "--strict", "--json"]) == 2
    assert told(capsys)["reason"] == "a line ends with LF alone"


def test_a_dash_reads_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(INVITE)))
    assert main(["message", "-"]) == 0
    assert "✓ a request: INVITE" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words", [["message"], ["message", "/no/such/file"], ["message", "."], ["message", "--nonsense", "x"], ["nonsense"]]
)
def test_trouble_of_our_own_is_exit_code_1_and_one_sentence(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err
    assert "Traceback" not in said.err


def test_the_explanation_names_parts_and_sections_within_80_cells(
    invite: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["message", invite]) == 0
    said = capsys.readouterr().out
    assert "RFC 3261 s.20.42" in said
    assert "branch       z9hG4bK74bf9" in said
    assert "RFC 8866 s.5.14" in said
    assert max(map(len, said.splitlines())) <= 80


def test_nothing_in_a_message_moves_the_cursor(invite: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["message", invite])
    assert "\x1b" not in capsys.readouterr().out


def test_ascii_means_ascii(invite: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["message", invite, "--ascii"]) == 0
    assert capsys.readouterr().out.isascii()


def test_a_reader_that_has_had_enough_causes_no_traceback(invite: str) -> None:
    command = f"'{sys.executable}' -m voxlab message '{invite}' | head -n 1"
    run = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert run.stdout.startswith("✓")
    assert run.stderr == ""


def test_every_torture_message_is_explained_or_refused(shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = sorted((shared / "corpora" / "torture" / "rfc4475").glob("*.dat"))
    assert len(files) >= 49
    for file in files:
        for switches in ([], ["--strict"]):
            assert main(["message", str(file), *switches]) in {0, 2}, file.name
            assert capsys.readouterr().err == ""
