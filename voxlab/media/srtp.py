"""SRTP and SRTCP of one leg: what is sent is protected, what comes is checked and opened (RFC 3711, RFC 4568 s.6.2).

The packets are libsrtp's work, through pylibsrtp, loaded when first needed. Where the keys come from is not known here:
from SDP, or from a DTLS handshake (RFC 5764 s.4.2), which would hand over the same two.
"""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from voxlab.base.errors import VoxlabError
from voxlab.media.batch import PacketBatch
from voxlab.media.rtp import is_rtcp

_PROFILES: Final = {
    "AES_CM_128_HMAC_SHA1_80": "SRTP_PROFILE_AES128_CM_SHA1_80",
    "AES_CM_128_HMAC_SHA1_32": "SRTP_PROFILE_AES128_CM_SHA1_32",
}
KEY_BYTES: Final = 30
_FUNCTIONS: Final = "srtp_unprotect", "srtp_unprotect_rtcp", "srtp_protect", "srtp_protect_rtcp"
OPEN_RTP, OPEN_RTCP, PROTECT_RTP, PROTECT_RTCP = range(4)

Crypt = Callable[[int, int, bytes], "bytes | int"]
"""``crypt(which, context, data)``: what one of the functions makes of a packet, or the status of a refusal."""
_STATUS_WORDS: Final = {7: "authentication", 9: "replay", 10: "replay"}  # srtp_err_status_t


class Handles(NamedTuple):
    """Addresses for whoever calls the library without Python.

    Attributes
    ----------
    functions : tuple of int
        ``srtp_unprotect``, ``srtp_unprotect_rtcp``, ``srtp_protect``, ``srtp_protect_rtcp``, each
        ``status(context, data, length)``.
    inward, outward : int
        The contexts of what comes and of what is sent; they live as long as the `Srtp`.
    """

    functions: tuple[int, ...]
    inward: int
    outward: int


class SrtpUnavailable(VoxlabError):
    """pylibsrtp is not installed."""


def _library() -> Any:
    try:
        return importlib.import_module("pylibsrtp")
    except (ImportError, OSError) as error:
        raise SrtpUnavailable(f"SRTP needs the package pylibsrtp: pip install pylibsrtp ({error})") from error


class Srtp:
    """Both directions of one leg.

    Parameters
    ----------
    suite : str
        ``AES_CM_128_HMAC_SHA1_80`` or ``AES_CM_128_HMAC_SHA1_32``.
    local, remote : bytes
        Master key and salt, 30 octets, of what we send and of what they send.

    Attributes
    ----------
    refused : Counter
        Packets dropped by the reason: "authentication" (forged, or damaged on the way), "replay", "malformed".

    Raises
    ------
    VoxlabError
        Another suite, keys of another length, or no library.
    """

    def __init__(self, suite: str, local: bytes, remote: bytes) -> None:
        if suite not in _PROFILES or len(local) != KEY_BYTES or len(remote) != KEY_BYTES:
            raise VoxlabError(
                f"SRTP here is {' or '.join(_PROFILES)} with two keys of {KEY_BYTES} octets, not {suite!r}"
            )
        library = _library()
        policy, self._error = library.Policy, library.Error
        profile = getattr(policy, _PROFILES[suite])
        outbound, inbound = policy.SSRC_ANY_OUTBOUND, policy.SSRC_ANY_INBOUND
        self._out = library.Session(policy(key=local, ssrc_type=outbound, srtp_profile=profile))
        self._in = library.Session(policy(key=remote, ssrc_type=inbound, srtp_profile=profile))
        self.refused: Counter[str] = Counter()
        self._handles: Handles | None = None
        self._crypt: Crypt | None = None

    def handles(self) -> Handles | None:
        """Return the addresses of the library's functions and of our contexts; None if it is of another make."""
        try:
            binding = importlib.import_module("pylibsrtp._binding")
            ffi, lib = binding.ffi, binding.lib
            found = [ffi.addressof(lib, name) for name in _FUNCTIONS]
            if any(len(ffi.typeof(each).args) != 3 for each in found):
                return None
            functions = tuple(int(ffi.cast("intptr_t", each)) for each in found)
            inward, outward = (int(ffi.cast("intptr_t", each._srtp[0])) for each in (self._in, self._out))
        except (ImportError, AttributeError, TypeError):
            return None
        return Handles(functions, inward, outward)

    def share(self, handles: Handles, crypt: Crypt) -> None:
        """Let somebody else use the contexts, too: from here on every packet of ours goes through ``crypt``."""
        self._handles, self._crypt = handles, crypt

    def protect(self, data: bytes) -> bytes:
        """Return an RTP packet or compound RTCP packet as it goes on the wire.

        Raises
        ------
        VoxlabError
            The library does not take it: it is too long, or its number has long passed.
        """
        control = is_rtcp(data)
        if self._crypt is None or self._handles is None:
            try:
                return bytes(self._out.protect_rtcp(data) if control else self._out.protect(data))
            except (self._error, ValueError) as error:
                raise VoxlabError(f"a packet of {len(data)} bytes cannot be protected: {error}") from error
        made = self._crypt(PROTECT_RTCP if control else PROTECT_RTP, self._handles.outward, data)
        if isinstance(made, int):
            raise VoxlabError(f"a packet of {len(data)} bytes cannot be protected: status {made}")
        return made

    def seal(self, data: bytes) -> bytes | None:
        """Return what `protect` does; None, and it is counted as "unsent", for what it refuses."""
        try:
            return self.protect(data)
        except VoxlabError:
            self.refused["unsent"] += 1
            return None

    def open(self, data: bytes) -> bytes | None:
        """Return what a packet from the wire holds; None, and it is counted, if it is not the peer's or came before."""
        if self._crypt is not None and self._handles is not None:
            found = self._crypt(OPEN_RTCP if is_rtcp(data) else OPEN_RTP, self._handles.inward, data)
            if isinstance(found, int):
                self.refused[_STATUS_WORDS.get(found, "malformed")] += 1
                return None
            return found
        try:
            return bytes(self._in.unprotect_rtcp(data) if is_rtcp(data) else self._in.unprotect(data))
        except (self._error, ValueError) as error:  # the latter for what is longer than its buffer
            self.refused[_reason(str(error))] += 1
            return None

    def protect_batch(self, batch: PacketBatch) -> PacketBatch | None:
        """Return packets as they go on the wire: the same headers, payloads longer by the authentication tag; without
        those that are counted as "unsent", None if none is left.
        """
        return _kept(batch, [self.seal(row.tobytes()) for row in batch.wire()])

    def open_batch(self, batch: PacketBatch) -> PacketBatch | None:
        """Return what came as it was before, without those that are counted; None if none is left."""
        return _kept(batch, [self.open(row.tobytes()) for row in batch.wire()])


def _reason(text: str) -> str:
    if "replay" in text:
        return "replay"
    return "authentication" if "authentication" in text else "malformed"


def _kept(batch: PacketBatch, made: list[bytes | None]) -> PacketBatch | None:
    good = np.array([each is not None for each in made])
    if not good.any():
        return None
    return _like(batch if good.all() else batch.take(good), [each for each in made if each is not None])


def _like(batch: PacketBatch, packets: list[bytes]) -> PacketBatch:
    matrix: npt.NDArray[np.uint8] = np.frombuffer(b"".join(packets), np.uint8).reshape(len(packets), -1)
    return PacketBatch.from_wire(batch.time_ns, matrix)._replace(sent_ns=batch.sent_ns)
