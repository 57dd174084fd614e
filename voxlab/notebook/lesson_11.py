"""The exercises of lesson 11, codecs and quality: who chooses, what fits through a thin line, keys in the sound."""

from __future__ import annotations

from typing import Any, Final

from voxlab.notebook.course import Criterion, Exercise, is_call

HEADERS_BYTES: Final = 40
"""IPv4, UDP and RTP before each payload: 20, 8 and 12."""
LINE_KBPS: Final = 50.0
KEYS: Final = "159#"
_PAIR: Final = 'check() takes both calls in a list: check("{id}", [sick, cured])'


def codecs(call: Any) -> set[str]:
    """Return the codecs that were spoken on any wire of a call."""
    return set(call.media.codec)


def codec(call: Any) -> str:
    """Return the one codec of a call, "" if there are several."""
    spoken = codecs(call)
    return spoken.pop() if len(spoken) == 1 else ""


def line_kbps(call: Any, who: str = "bob") -> float:
    """Return what the stream to a phone takes on the wire, headers included, in kilobits a second while it lasts.

    Infinity where there is no stream: nothing fits a line that was not used.
    """
    packets = call.packets[call.packets.dst_name == who]
    if len(packets) < 2:
        return float("inf")
    seconds = float(packets.time_s.max() - packets.time_s.min())
    return float((packets.size_bytes + HEADERS_BYTES).iloc[:-1].sum()) * 8.0 / 1000.0 / seconds


def offered(call: Any) -> list[str]:
    """Return what the caller's INVITE offers, in order of preference, voice alone."""
    offer = next((message.sdp for message in _messages(call) if message.sdp is not None), None)
    if offer is None:
        return []
    return [each.encoding for each in offer.media[0].codecs() if each.encoding != "telephone-event"]


def _messages(call: Any) -> list[Any]:
    return [call.message(number) for number in call.messages.index]


def seconds(call: Any) -> float:
    """Return how long the shortest stream to a phone lasted, 0 where one phone got none."""
    streams = call.media[call.media.src_name == "cloud"]
    return float(streams.duration_s.min()) if streams.dst_name.nunique() >= 2 else 0.0


def is_pair(thing: object) -> bool:
    """Whether this is two calls."""
    return isinstance(thing, list | tuple) and len(thing) == 2 and all(is_call(each) for each in thing)


def heard_by(call: Any, method: str) -> str:
    """Return the keys that bob's phone heard one way."""
    digits = call.digits[call.digits.who == "bob"]
    return "".join(digits[digits.method == method].key)


def _survived(pair: Any) -> str:
    return "yes" if heard_by(pair[0], "inband") == KEYS else "no"


EXERCISES = (
    Exercise(
        "11.1",
        "alice offers opus, PCMA, PCMU in this order; bob knows PCMU and PCMA, in that order. Which codec is spoken?",
        codec,
        (
            Criterion(
                "alice offered opus, then PCMA, then PCMU",
                lambda call: offered(call) == ["opus", "PCMA", "PCMU"],
                'shop.user("alice").phone(codecs=["opus", "PCMA", "PCMU"]) before she dials',
            ),
            Criterion(
                "both spoke the same: nothing was transcoded",
                lambda call: seconds(call) > 1.0 and codec(call) != "",
                'bob takes two of the three: shop.user("bob").phone(codecs=["PCMU", "PCMA"])',
            ),
        ),
    ),
    Exercise(
        "11.2",
        f"bob's line carries {LINE_KBPS:g} kbit/s each way, headers included. Which one fits: PCMU, G722 or opus?",
        codec,
        (
            Criterion(
                f"what bob got takes less than {LINE_KBPS:g} kbit/s on the wire",
                lambda call: line_kbps(call) < LINE_KBPS,
                "a packet of 20 ms carries 40 bytes of headers: 16 kbit/s before the first word; look at your table",
            ),
            Criterion(
                "bob could hear more than a telephone of old: more than 8000 samples a second",
                lambda call: seconds(call) > 0 and call.audio("bob").rate_hz > 8000,
                "larger packets of PCMU would come close to the line, but not above 4 kHz",
            ),
            Criterion(
                "they talked for 4 seconds or more",
                lambda call: seconds(call) >= 4.0,
                'talk(["..."], ["..."], seconds=5)',
            ),
        ),
    ),
    Exercise(
        "11.3",
        f'alice presses {KEYS} in the SOUND of an opus call. Does bob hear all four keys, "yes" or "no"?',
        _survived,
        (
            Criterion(
                "both calls were spoken in opus from end to end",
                lambda pair: all(codec(call) == "opus" for call in pair),
                'talk(["opus"], ["opus"], ...) both times',
            ),
            Criterion(
                "in the first one the keys were in the sound",
                lambda pair: heard_by(pair[0], "inband") != "" and set(pair[0].digits.method) == {"inband"},
                f'the first: talk(["opus"], ["opus"], dtmf="inband", keys="{KEYS}")',
            ),
            Criterion(
                f"in the second one bob heard {KEYS}, all of it",
                lambda pair: KEYS in {heard_by(pair[1], method) for method in ("rfc4733", "info")},
                f'the cure: another dtmf, "rfc4733" or "info", and keys="{KEYS}" again',
            ),
        ),
        "a pair of calls",
        is_pair,
        _PAIR,
    ),
)
