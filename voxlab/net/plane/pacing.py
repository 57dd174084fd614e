"""Compiled: what a side speaks leaves on a grid of absolute deadlines (RFC 3550 s.5.1).

Frame ``k`` of a player has the timestamp ``first + k * ticks``, as in ``media.sender``; nothing drifts, and a lab's
thread that computes delays nothing. The timer is one timerfd for all players: it has no slack. Must not know codecs:
the sound is octets.
"""

from __future__ import annotations

from typing import Any

from voxlab.net.plane import cells as c
from voxlab.net.plane import layout as at
from voxlab.net.plane.compiling import uncounted
from voxlab.net.plane.crypt import protected
from voxlab.net.plane.records import record
from voxlab.net.plane.relay import clock_ns, queue, send_all
from voxlab.net.plane.syscalls import memcpy, memset, timerfd_settime

HEADER_BYTES = 12


@uncounted
def _put(row: Any, at_byte: int, value: int, count: int) -> None:
    for k in range(count):
        row[at_byte + k] = (value >> (8 * (count - 1 - k))) & 0xFF


@uncounted
def _write_header(player: Any, row: Any) -> None:
    row[0] = 0x80
    row[1] = player[c.PAYLOAD_TYPE] | (0x80 if player[c.MARKER] else 0)
    _put(row, 2, player[c.SEQUENCE], 2)
    _put(row, 4, player[c.FIRST_TIMESTAMP] + player[c.FRAME] * player[c.FRAME_TICKS], 4)
    _put(row, 8, player[c.SSRC], 4)


@uncounted
def _write_sound(player: Any, to_at: int) -> None:
    """Copy a frame of the sound, from its beginning again where it ends, or with silence behind."""
    wanted = player[c.FRAME_OCTETS]
    start = (player[c.FRAME] - player[c.SOURCE_FROM]) * wanted
    length = player[c.SOUND_BYTES]
    done = 0
    while done < wanted:
        if player[c.LOOP]:
            start %= length
        left = length - start
        if left <= 0:
            memset(to_at + done, player[c.SILENCE], wanted - done)
            return
        taken = min(left, wanted - done)
        memcpy(to_at + done, player[c.SOUND_AT] + start, taken)
        done += taken
        start += taken


@uncounted
def _skip_overdue(player: Any, now_ns: int) -> None:
    frames = (now_ns - player[c.NEXT_NS]) // player[c.FRAME_NS] + 1 - c.MAX_OVERDUE_FRAMES
    if frames > 0:
        player[c.FRAME] += frames
        player[c.NEXT_NS] += frames * player[c.FRAME_NS]
        player[c.MARKER] = 1


@uncounted
def _speak(state: Any, side: int) -> None:
    """Send the frame that is due, if there is one."""
    player = state.players[side]
    if player[c.ENDS] and (player[c.FRAME] - player[c.SOURCE_FROM]) * player[c.FRAME_OCTETS] >= player[c.SOUND_BYTES]:
        player[c.FRAME] += 1
        player[c.NEXT_NS] += player[c.FRAME_NS]
        player[c.MARKER] = 1
        return
    size = HEADER_BYTES + player[c.FRAME_OCTETS]
    speech_at = state.control[c.SPEECH_AT]
    _write_header(player, state.speech[0])
    _write_sound(player, speech_at + HEADER_BYTES)
    player[c.SENT_PACKETS] += 1
    player[c.SENT_OCTETS] += player[c.FRAME_OCTETS]
    player[c.SEQUENCE] = (player[c.SEQUENCE] + 1) & 0xFFFF
    player[c.FRAME] += 1
    player[c.NEXT_NS] += player[c.FRAME_NS]
    player[c.MARKER] = 0
    target = player[c.TARGET]
    if target == c.NOBODY:
        return
    if state.sides[side, c.SEALS]:
        size = protected(state, side, speech_at, size, False)
        if size < 0:
            state.sides[side, c.REFUSED] += 1
            return
    row = record(state, side, 0, False, c.SPOKEN, c.NOBODY, target, speech_at, size)
    queue(state, 0, 0, target, speech_at, size, row)
    state.sides[side, c.REFUSED] += send_all(state, state.sides[side, c.RTP_FD], 1)


@uncounted
def pace(state: Any) -> None:
    """Send what is due of all players, and set the timer for what comes next."""
    control = state.control
    next_ns = 0
    for k in range(control[c.PLAYING]):
        side = state.playing[k]
        player = state.players[side]
        if player[c.NEXT_NS] <= control[c.NOW_NS]:
            _skip_overdue(player, control[c.NOW_NS])
            while player[c.NEXT_NS] <= control[c.NOW_NS]:
                control[c.NOW_NS] = clock_ns(state, at.CLOCK_MONOTONIC)
                _speak(state, side)
        if next_ns == 0 or player[c.NEXT_NS] < next_ns:
            next_ns = player[c.NEXT_NS]
    if next_ns != control[c.ARMED_NS]:
        _arm(state, next_ns)


@uncounted
def _arm(state: Any, next_ns: int) -> None:
    """Set the timer, which also takes back that it fired; 0 stops it."""
    spec = state.spec
    spec[2], spec[3] = 0, 0
    spec[4], spec[5] = next_ns // 1_000_000_000, next_ns % 1_000_000_000
    timerfd_settime(state.control[c.TIMER_FD], at.TIMER_ABSTIME, state.control[c.SPEC_AT] + 16, 0)
    state.control[c.ARMED_NS] = next_ns
