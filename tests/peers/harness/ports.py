"""Addresses and ports for one test, and the question whether a SIP server answers (OPTIONS, RFC 3261 s.11)."""

from __future__ import annotations

import itertools
import os
import socket
import time
import uuid

_counter = itertools.count()


def own_address() -> str:
    """Return an address of 127.0.0.0/8 that no other test uses: two octets name the process, one counts."""
    pid = os.getpid()
    return f"127.{64 + (pid >> 8) % 128}.{pid % 256}.{1 + next(_counter) % 254}"


def free_port(address: str = "127.0.0.1") -> int:
    """Return a port free for UDP and TCP on `address` at this moment."""
    while True:
        with (
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        ):
            tcp.bind((address, 0))
            port: int = tcp.getsockname()[1]
            try:
                udp.bind((address, port))
            except OSError:
                continue
            return port


def answers_options(address: str, port: int, timeout_s: float = 10.0) -> bool:
    """Send OPTIONS over UDP until any SIP response comes back; False when none does in `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((address if address.startswith("127.") else "", 0))
        probe.settimeout(0.1)
        while time.monotonic() < deadline:
            try:
                probe.sendto(_options(address, port, *probe.getsockname()), (address, port))
                if probe.recv(65535).startswith(b"SIP/2.0 "):
                    return True
            except (TimeoutError, ConnectionRefusedError):
                continue
    return False


def _options(host: str, port: int, own_host: str, own_port: int) -> bytes:
    token = uuid.uuid4().hex
    return (
        f"OPTIONS sip:{host}:{port} SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP {own_host}:{own_port};branch=z9hG4bK{token};rport\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:probe@{own_host}>;tag={token[:8]}\r\nTo: <sip:{host}:{port}>\r\n"
        f"Call-ID: {token}@probe\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    ).encode()
