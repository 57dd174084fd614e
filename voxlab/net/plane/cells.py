"""The memory that the lab's thread and the media thread share: which cell of which array means what.

All cells are int64, all times nanoseconds of CLOCK_MONOTONIC. A source or destination is a key: the port and the IPv4
address of a sockaddr_in as the wire has them, 48 bits; `NOBODY` is none. Must not know who reads and writes.
"""

from __future__ import annotations

from typing import Final

NOBODY: Final = -1
KEY_BITS: Final = 48
KEY_MASK: Final = (1 << KEY_BITS) - 1
ADDRESS_SHIFT: Final = 16
"""A key's upper 32 bits are the address."""

BATCH: Final = 32
"""Datagrams of one system call."""
DATAGRAM_BYTES: Final = 2048
"""More than any RTP packet on Ethernet; what is longer is cut off by the kernel, counted and dropped."""
TRAILER_BYTES: Final = 148
"""The most that libsrtp adds to a packet."""
MAX_OVERDUE_FRAMES: Final = 25
"""What a talker that was held up sends late, as ``media.sender`` has it; older frames are skipped."""

# Control cells.
(
    STOP,
    EPOLL_FD,
    TIMER_FD,
    WAKE_FD,  # the lab's thread writes it
    BELL_FD,  # the media thread writes it
    MUTEX_AT,
    INBOX_AT,
    OUTBOX_AT,
    EVENTS_AT,
    SPEC_AT,
    DATA_AT,
    SPEECH_AT,
    OCTETS_AT,
    ROWS_AT,
    NOW_NS,
    REAL_AHEAD_NS,  # CLOCK_REALTIME less CLOCK_MONOTONIC
    RUNG,  # whether the lab's thread has been told that there is something to read
    RUNG_NS,
    ARMED_NS,  # when the timer fires, 0 for never
    PLAYING,  # how many players there are
    WAKES,
    OPEN_RTP,  # addresses of libsrtp's functions, 0 where there is none
    OPEN_RTCP,
    PROTECT_RTP,
    PROTECT_RTCP,
    TRANSLATOR_FD,  # a socket to who changes packets, -1 for nobody
    CONTROL,
) = range(27)

# What the media thread leaves is written into two books: what the lab's thread acts on, and what it only counts.
URGENT, COUNTED, BOOKS = range(3)
# The cells of a book: which half of it is written, rows and octets in that, and when to tell the lab's thread.
ACTIVE, COUNT, USED, BELL_NS, BOOK_CELLS = range(5)

# A side's cells: one end of one leg, its two sockets.
(
    RTP_FD,
    RTCP_FD,
    MODE,
    PARTNER,
    KEEP_PAYLOAD,
    SERIAL,  # never given twice: rows of who has left go to nobody
    OPENS,  # the SRTP context of what comes, 0 for plain RTP
    SEALS,  # that of what leaves
    TRANSLATES,  # whether payload types that are touched are the translator's, not the lab's thread's
    PACKETS,
    REPORTS,
    MALFORMED,
    NO_DESTINATION,
    REFUSED,
    UNOBSERVED,  # handled, but the records were full
    FORGED,
    REPLAYED,
    RTP_LATCH,  # six cells
) = range(18)
LATCH_SOURCE, LATCH_OPEN, LATCH_UNTIL_NS, LATCH_NETWORK, LATCH_MASK, STRANGERS, LATCH_CELLS = range(7)
RTCP_LATCH: Final = RTP_LATCH + LATCH_CELLS
TOUCHED: Final = RTCP_LATCH + LATCH_CELLS
"""First of the cells that say which RTP payload types are the lab's thread's though a side relays, 32 bits in each."""
TOUCHED_BITS: Final = 32
SIDE_CELLS: Final = TOUCHED + 128 // TOUCHED_BITS

# What happens to what comes to a side.
IDLE, DELIVER, RELAY = range(3)

# A player's cells: a source that one side speaks.
(
    NEXT_NS,
    FRAME_NS,
    FRAME,  # counted from the origin of the timestamps
    SOURCE_FROM,  # the frame at which this source began
    FRAME_OCTETS,
    FRAME_TICKS,
    SOUND_AT,
    SOUND_BYTES,
    LOOP,
    ENDS,  # with the sound nothing more is said, not even silence
    SILENCE,
    PAYLOAD_TYPE,
    MARKER,
    SSRC,
    SEQUENCE,
    FIRST_TIMESTAMP,
    SENT_PACKETS,
    SENT_OCTETS,
    TARGET,
    PLAYER_CELLS,
) = range(20)

# A row of the records.
(
    AT_NS,
    ROW_SIDE,
    CAME_TO,  # 0 for the RTP port, 1 for the RTCP port
    IS_CONTROL,
    FATE,
    SOURCE,
    DESTINATION,
    SIZE,
    OCTETS_FROM,  # where the whole datagram is kept, -1 if it is not
    HEAD,  # its first eight bytes
    HEAD_MORE,  # and the next
    LEFT_NS,
    ROW_CELLS,
) = range(13)
HEAD_BYTES: Final = 16

# Fates.
# SEALED: as it came, encrypted, before it was opened; another row tells what became of it.
# TRANSLATED: handed over to be changed; another row tells what left.
FOR_LAB, FORWARDED, SPOKEN, STRANGER, BROKEN, UNDELIVERABLE, UNSENT, SEALED, TRANSLATED = range(9)
