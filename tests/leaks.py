"""What this process holds, read from /proc; empty where there is none."""

from __future__ import annotations

from pathlib import Path

PROC = Path("/proc/self")
# Python's own bookkeeping, shared by all pools of a process and ended with it.
OF_THE_INTERPRETER = (
    "multiprocessing.resource_tracker",
    "multiprocessing.forkserver",
    "voxlab.net.plane.warm",  # where nothing is compiled yet, it is meanwhile; once, and ended with the process
)
NET_TABLES = ("tcp", "tcp6", "udp", "udp6")
LISTEN, UNCONNECTED = "0A", "07"  # states of include/net/tcp_states.h; UDP shows 07 while it is bound and not connected


def child_processes() -> dict[int, str]:
    """Return the command line of every child of this process by its id, zombies included."""
    children = {}
    for listing in PROC.glob("task/*/children"):
        for pid in map(int, listing.read_text().split()):
            command = command_line(pid)
            if not any(name in command for name in OF_THE_INTERPRETER):
                children[pid] = command
    return children


def command_line(pid: int) -> str:
    """Return the command line of a process; a zombie has none."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace") or "(zombie)"
    except OSError:
        return "(gone)"


def open_sockets() -> dict[str, str]:
    """Return the local address (as the kernel prints it) of every listening or bound IP socket of ours by its inode."""
    ours = own_socket_inodes()
    sockets = {}
    for table in NET_TABLES:
        path = PROC / "net" / table
        rows = path.read_text().splitlines()[1:] if path.exists() else []
        for fields in map(str.split, rows):
            local, state, inode = fields[1], fields[3], fields[9]
            if inode in ours and state in {LISTEN, UNCONNECTED}:
                sockets[inode] = f"{table} {local}"
    return sockets


def own_socket_inodes() -> set[str]:
    """Return the inodes of the sockets that this process has open."""
    inodes = set()
    for descriptor in PROC.glob("fd/*"):
        try:
            target = str(descriptor.readlink())
        except OSError:  # the descriptor of the listing itself
            continue
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    return inodes
