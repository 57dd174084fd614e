"""Compiled: what comes to a side is latched, counted and sent out of its partner, bytes untouched (RFC 3550 s.7, RFC
7362 s.5).

The same decisions as ``media.plane.Relay``, which the contract tests hold. Must not know who joined the sides.
"""

from __future__ import annotations

from typing import Any

from voxlab.net.plane import cells as c
from voxlab.net.plane import layout as at
from voxlab.net.plane import state as s
from voxlab.net.plane.compiling import uncounted
from voxlab.net.plane.crypt import opened, protected
from voxlab.net.plane.packets import is_compound, is_control, is_rtp
from voxlab.net.plane.records import mark, record
from voxlab.net.plane.syscalls import clock_gettime, epoll_ctl, errno, memcpy, read, recvmmsg, sendmmsg, write

NS = 1_000_000_000
OLDEST_NS = 10 * NS
CLOCK_TRIES = 4
CLOSE_ENOUGH_NS = 2_000
HEADER_BYTES = 16
HEADER_CELL = 16  # the words of ``spec`` that hold a translator's header
TRANSLATED_ROW = 2  # of ``speech``


@uncounted
def clock_ns(state: Any, clock: int) -> int:
    """Return a clock."""
    clock_gettime(clock, state.control[c.SPEC_AT])
    return state.spec[0] * NS + state.spec[1]


@uncounted
def read_clocks(state: Any) -> None:
    """Note what time it is, and how far CLOCK_REALTIME is ahead, from the pair of readings that was disturbed least."""
    best_ns = 1 << 62
    for _ in range(CLOCK_TRIES):
        before_ns = clock_ns(state, at.CLOCK_MONOTONIC)
        real_ns = clock_ns(state, at.CLOCK_REALTIME)
        now_ns = clock_ns(state, at.CLOCK_MONOTONIC)
        if now_ns - before_ns < best_ns:
            best_ns = now_ns - before_ns
            state.control[c.REAL_AHEAD_NS] = real_ns - (before_ns + best_ns // 2)
        state.control[c.NOW_NS] = now_ns
        if best_ns < CLOSE_ENOUGH_NS:
            return


@uncounted
def arrival_ns(state: Any, i: int) -> int:
    """Return when the kernel took a datagram; now, if it did not say, or if its clock was set meanwhile."""
    now_ns = state.control[c.NOW_NS]
    note = state.notes[i]
    if state.inbox[i, at.H_CONTROL_BYTES] < at.STAMP_HEADER:
        return now_ns
    if note[s.CONTROL] != at.STAMP_HEADER or note[s.CONTROL + 1] != at.STAMP_KIND:
        return now_ns
    stamp_ns = note[s.CONTROL + 2] * NS + note[s.CONTROL + 3] - state.control[c.REAL_AHEAD_NS]
    return stamp_ns if 0 <= now_ns - stamp_ns < OLDEST_NS else now_ns


@uncounted
def admits(latch: Any, source: int, now_ns: int) -> bool:
    """Tell whether a datagram is the peer's; a latch that is open takes the first source of the network allowed."""
    if (
        latch[c.LATCH_OPEN]
        and now_ns <= latch[c.LATCH_UNTIL_NS]
        and (source >> c.ADDRESS_SHIFT) & latch[c.LATCH_MASK] == latch[c.LATCH_NETWORK]
    ):
        latch[c.LATCH_SOURCE] = source
        latch[c.LATCH_OPEN] = 0
    if source == latch[c.LATCH_SOURCE]:
        return True
    latch[c.STRANGERS] += 1
    return False


@uncounted
def queue(state: Any, i: int, count: int, target: int, base_at: int, size: int, row: int) -> None:
    """Put a datagram of row ``i`` of the inbox, or of the speech, into the outbox."""
    note = state.notes[count]
    note[s.TO] = target << 16 | at.AF_INET
    note[s.TO_VECTOR] = base_at + i * c.DATAGRAM_BYTES
    note[s.TO_VECTOR + 1] = size
    note[s.RECORD] = row


@uncounted
def send_all(state: Any, fd: int, count: int) -> int:
    """Send the outbox; what the system does not take is dropped, as on any wire; return how many that were."""
    sent = 0
    refused = 0
    while sent < count:
        box_at = state.control[c.OUTBOX_AT] + 8 * at.HEADER_WORDS * sent
        taken = sendmmsg(fd, box_at, count - sent, at.MSG_DONTWAIT | at.MSG_NOSIGNAL)
        if taken > 0:
            sent += taken
        elif errno() != at.EINTR:
            mark(state, state.notes[sent, s.RECORD], c.FATE, c.UNSENT)
            refused += 1
            sent += 1
    return refused


@uncounted
def receive(state: Any, fd: int) -> int:
    """Take a batch of datagrams; return how many came."""
    return recvmmsg(fd, state.control[c.INBOX_AT], c.BATCH, at.MSG_DONTWAIT, 0)


@uncounted
def tidy(state: Any, count: int) -> None:
    """Make the inbox ready again: the kernel has written the lengths that it used."""
    for i in range(count):
        state.inbox[i, at.H_NAME_BYTES] = at.NAME_BYTES
        state.inbox[i, at.H_CONTROL_BYTES] = at.CONTROL_BYTES
        state.inbox[i, at.H_FLAGS] = 0


@uncounted
def is_touched(state: Any, side: int, i: int, size: int, source: int, control: bool) -> bool:
    """Tell whether what the peer sends a side that relays must be translated, which is the lab's thread's work."""
    cells = state.sides[side]
    if control or size < 2:
        return False
    kind = state.data[i, 1] & 0x7F
    if not (cells[c.TOUCHED + kind // c.TOUCHED_BITS] >> (kind % c.TOUCHED_BITS)) & 1:
        return False
    latch = cells[c.RTP_LATCH :]
    return latch[c.LATCH_OPEN] != 0 or source == latch[c.LATCH_SOURCE]


@uncounted
def judge(state: Any, side: int, i: int, size: int, source: int, control: bool, at_ns: int) -> int:
    """Return the fate of what came to a side that relays, and count it."""
    cells = state.sides[side]
    latch = cells[c.RTCP_LATCH :] if control else cells[c.RTP_LATCH :]
    if not admits(latch, source, at_ns):
        return c.STRANGER
    if not (is_compound(state.data, i, size) if control else is_rtp(state.data, i, size)):
        cells[c.MALFORMED] += 1
        return c.BROKEN
    cells[c.REPORTS if control else c.PACKETS] += 1
    return c.FORWARDED


@uncounted
def destination(state: Any, partner: int, control: bool) -> int:
    """Return where a partner's peer is."""
    if partner < 0:
        return c.NOBODY
    return state.sides[partner, (c.RTCP_LATCH if control else c.RTP_LATCH) + c.LATCH_SOURCE]


@uncounted
def way_out(state: Any, partner: int, control: bool) -> int:
    """Return the socket to send from: RTCP has a port of its own unless the peer takes both on one (RFC 5761)."""
    cells = state.sides[partner]
    muxed = cells[c.RTCP_LATCH + c.LATCH_SOURCE] == cells[c.RTP_LATCH + c.LATCH_SOURCE]
    return cells[c.RTCP_FD] if control and not muxed else cells[c.RTP_FD]


@uncounted
def take_one(state: Any, side: int, came_to: int, i: int) -> tuple[int, int, int, bool]:
    """Open, judge and record a datagram; return its fate, where it goes, its row, and whether it is RTCP.

    What it holds is what lies in ``data`` afterwards, as long as the inbox says.
    """
    size = state.inbox[i, at.H_LENGTH] & 0xFFFFFFFF
    from_at = state.control[c.DATA_AT] + i * c.DATAGRAM_BYTES
    partner = state.sides[side, c.PARTNER]
    source = (state.notes[i, s.NAME] >> 16) & c.KEY_MASK
    at_ns = arrival_ns(state, i)
    control = is_control(state.data, i, size)
    fate = c.FOR_LAB
    target = c.NOBODY
    if state.inbox[i, at.H_FLAGS] & at.MSG_TRUNC:
        state.sides[side, c.MALFORMED] += 1
        fate = c.BROKEN
    touched = is_touched(state, side, i, size, source, control)
    if fate != c.BROKEN and state.sides[side, c.MODE] == c.RELAY and (not touched or state.sides[side, c.TRANSLATES]):
        if state.sides[side, c.OPENS]:
            row = record(state, side, came_to, control, c.SEALED, source, c.NOBODY, from_at, size)
            mark(state, row, c.AT_NS, at_ns)
            size = opened(state, side, from_at, size, control)
            if size < 0:
                return c.BROKEN, target, row, control
            state.inbox[i, at.H_LENGTH] = size
        fate = judge(state, side, i, size, source, control, at_ns)
        if fate == c.FORWARDED and touched:
            fate = c.TRANSLATED
        elif fate == c.FORWARDED:
            target = destination(state, partner, control)
            if target == c.NOBODY:
                state.sides[side, c.NO_DESTINATION] += 1
                fate = c.UNDELIVERABLE
    shown = c.NOBODY if partner >= 0 and state.sides[partner, c.SEALS] else target  # what leaves has a row of its own
    row = record(state, side, came_to, control, fate, source, shown, from_at, size)
    mark(state, row, c.AT_NS, at_ns)
    return fate, target, row, control


@uncounted
def seal(state: Any, partner: int, i: int, size: int, target: int, control: bool) -> tuple[int, int]:
    """Protect what is sent on with the partner's key, and record it as it leaves; return its size and its row."""
    data_at = state.control[c.DATA_AT] + i * c.DATAGRAM_BYTES
    size = protected(state, partner, data_at, size, control)
    if size < 0:
        return size, -1
    return size, record(state, partner, 0, control, c.SPOKEN, c.NOBODY, target, data_at, size)


@uncounted
def hand_over(state: Any, side: int, i: int) -> None:
    """Give a packet to the translator, behind a header that comes back with what it makes of it."""
    size = state.inbox[i, at.H_LENGTH] & 0xFFFFFFFF
    scratch_at = state.control[c.SPEECH_AT] + TRANSLATED_ROW * c.DATAGRAM_BYTES
    if size + HEADER_BYTES > c.DATAGRAM_BYTES:
        state.sides[side, c.REFUSED] += 1
        return
    state.spec[HEADER_CELL], state.spec[HEADER_CELL + 1] = state.sides[side, c.SERIAL], side
    memcpy(scratch_at, state.control[c.SPEC_AT] + 8 * HEADER_CELL, HEADER_BYTES)
    memcpy(scratch_at + HEADER_BYTES, state.control[c.DATA_AT] + i * c.DATAGRAM_BYTES, size)
    if write(state.control[c.TRANSLATOR_FD], scratch_at, size + HEADER_BYTES) < 0:
        state.sides[side, c.REFUSED] += 1


@uncounted
def take_translated(state: Any) -> None:
    """Send on what the translator has made; if it is gone, forget it."""
    control = state.control
    scratch_at = control[c.SPEECH_AT] + TRANSLATED_ROW * c.DATAGRAM_BYTES
    for _ in range(c.BATCH):
        size = read(control[c.TRANSLATOR_FD], scratch_at, c.DATAGRAM_BYTES)
        if size <= 0:
            if size == 0 or errno() != at.EAGAIN:
                epoll_ctl(control[c.EPOLL_FD], at.EPOLL_CTL_DEL, control[c.TRANSLATOR_FD], control[c.SPEC_AT])
                control[c.TRANSLATOR_FD] = -1
            return
        memcpy(control[c.SPEC_AT] + 8 * HEADER_CELL, scratch_at, HEADER_BYTES)
        side = state.spec[HEADER_CELL + 1]
        if size > HEADER_BYTES and 0 <= side < len(state.sides):
            send_translated(state, side, scratch_at + HEADER_BYTES, size - HEADER_BYTES)


@uncounted
def send_translated(state: Any, side: int, data_at: int, size: int) -> None:
    """Send what became of a side's packet out of its partner, unless they were parted meanwhile."""
    cells = state.sides[side]
    partner = cells[c.PARTNER]
    if cells[c.SERIAL] != state.spec[HEADER_CELL] or cells[c.MODE] != c.RELAY or partner < 0:
        return
    target = destination(state, partner, False)
    if target == c.NOBODY:
        cells[c.NO_DESTINATION] += 1
        return
    if state.sides[partner, c.SEALS]:
        size = protected(state, partner, data_at, size, False)
        if size < 0:
            state.sides[partner, c.REFUSED] += 1
            return
    row = record(state, partner, 0, False, c.SPOKEN, c.NOBODY, target, data_at, size)
    queue(state, 0, 0, target, data_at, size, row)
    state.sides[partner, c.REFUSED] += send_all(state, way_out(state, partner, False), 1)


@uncounted
def take_batch(state: Any, side: int, came_to: int, count: int) -> None:
    """Take what came to one socket and send on what is to be sent on."""
    partner = state.sides[side, c.PARTNER]
    queued = 0
    through = -1
    for i in range(count):
        fate, target, row, control = take_one(state, side, came_to, i)
        if fate == c.TRANSLATED:
            hand_over(state, side, i)
        if fate != c.FORWARDED:
            continue
        out = way_out(state, partner, control)
        if out != through and queued:
            state.sides[partner, c.REFUSED] += send_all(state, through, queued)
            queued = 0
        through = out
        size = state.inbox[i, at.H_LENGTH] & 0xFFFFFFFF
        if state.sides[partner, c.SEALS]:
            size, row = seal(state, partner, i, size, target, control)
            if size < 0:
                state.sides[partner, c.REFUSED] += 1
                continue
        queue(state, i, queued, target, state.control[c.DATA_AT], size, row)
        queued += 1
    if queued:
        state.sides[partner, c.REFUSED] += send_all(state, through, queued)


@uncounted
def serve(state: Any, side: int, came_to: int) -> None:
    """Take one batch from a socket of a side; the rest keeps it readable."""
    mode = state.sides[side, c.MODE]
    fd = state.sides[side, c.RTCP_FD if came_to else c.RTP_FD]
    if fd < 0:
        return
    count = receive(state, fd)
    if count <= 0:
        return
    if mode != c.IDLE:
        take_batch(state, side, came_to, count)
    tidy(state, count)
