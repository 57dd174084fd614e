"""Media that goes through C libraries, packet by packet: SRTP, and one codec into another, beside the libraries alone.

These are the packets that the media thread hands over to the lab's thread. A figure is the CPU of one packet that a
bridge passes on; 1 s / 50 of it is how many streams a core carries at 20 ms a packet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from time import process_time

import numpy as np

from .report import Bound, Figure, Target, of_rounds

_PACKETS, _SSRC, _PTIME_S = 1_000, 0x1234_5678, 0.02
_KEY, _OTHER_KEY = bytes(range(30)), bytes(range(30, 60))
_SUITE = "AES_CM_128_HMAC_SHA1_80"
_WAYS = (("G722", "PCMU"), ("PCMU", "G722"), ("opus", "PCMU"), ("PCMU", "opus"))


def measure(quick: bool) -> Iterator[Figure]:
    """Yield what a packet of each kind costs."""
    from voxlab.kernels import warm

    warm()
    rounds = 3 if quick else 9
    yield _encrypted(rounds)
    for source, target in _WAYS:
        yield _transcoded(source, target, rounds)


def _encrypted(rounds: int) -> Figure:
    """A packet that comes encrypted with one key and leaves with another."""
    from pylibsrtp import Policy, Session

    from voxlab.media.srtp import Srtp

    wire = _protected(_speech("PCMU"))
    profile = Policy.SRTP_PROFILE_AES128_CM_SHA1_80

    def ours() -> Callable[[bytes], object]:
        leg = Srtp(_SUITE, _OTHER_KEY, _KEY)
        return lambda data: leg.protect(leg.open(data) or b"")

    def alone() -> Callable[[bytes], object]:
        inward = Session(Policy(key=_KEY, ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=profile))
        outward = Session(Policy(key=_OTHER_KEY, ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile))
        return lambda data: outward.protect(inward.unprotect(data))

    name = "SRTP packet opened and protected anew: CPU"
    return of_rounds(name, "us", *_interleaved(ours, alone, wire, rounds), "libsrtp", Target(Bound.AT_MOST, 1.5))


def _transcoded(source: str, target: str, rounds: int) -> Figure:
    """A packet that comes in one codec and leaves in another."""
    from voxlab.media.codecs import codec
    from voxlab.media.resampling import StreamResampler
    from voxlab.media.rtp import parse
    from voxlab.media.translation import Translation, routes

    wire = _speech(source)
    before, after = codec(source), codec(target)

    def ours() -> Callable[[bytes], object]:
        return Translation(routes([before], [after])).packet

    def alone() -> Callable[[bytes], object]:
        decoder, encoder = before.make_decoder(), after.make_encoder(_PTIME_S)
        rates = StreamResampler(before.sample_rate_hz, after.sample_rate_hz)
        return lambda data: encoder.frame(rates.frame(decoder.frame(parse(data).payload)))

    name = f"packet of {source} made one of {target}: CPU"
    return of_rounds(name, "us", *_interleaved(ours, alone, wire, rounds), "codecs", Target(Bound.AT_MOST, 1.5))


def _interleaved(
    ours: Callable[[], Callable[[bytes], object]],
    alone: Callable[[], Callable[[bytes], object]],
    wire: Sequence[bytes],
    rounds: int,
) -> tuple[list[float], list[float]]:
    """Return microseconds a packet of both, round by round; each round begins with fresh state."""
    found: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds + 1):
        for make, costs in zip((ours, alone), found, strict=True):
            handle = make()
            before_s = process_time()
            for data in wire:
                handle(data)
            if number:  # the first round loads libraries
                costs.append((process_time() - before_s) / len(wire) * 1e6)
    return found


def _speech(name: str) -> list[bytes]:
    """Return packets of noise with an envelope, 20 ms each."""
    from voxlab.media.codecs import codec
    from voxlab.media.rtp import RtpPacket, pack

    media = codec(name)
    count = round(_PTIME_S * media.sample_rate_hz)
    loud = 3_000 * (1 + np.sin(np.arange(_PACKETS * count) / (0.1 * media.sample_rate_hz)))
    noise = np.random.default_rng(1).standard_normal(_PACKETS * count) * loud
    samples = noise.clip(-32_768, 32_767).astype(np.int16)
    encoder, ticks = media.make_encoder(_PTIME_S), round(_PTIME_S * media.clock_rate_hz)
    frames = (encoder.frame(each) for each in samples.reshape(_PACKETS, count))
    return [pack(RtpPacket(media.payload_type, k, k * ticks, _SSRC, frame)) for k, frame in enumerate(frames)]


def _protected(packets: Sequence[bytes]) -> list[bytes]:
    from voxlab.media.srtp import Srtp

    sender = Srtp(_SUITE, _KEY, _OTHER_KEY)
    return [sender.protect(each) for each in packets]
