"""The tables of a store, by version, and how a file of an older version becomes one of the newest.

The version stands in SQLite's own ``user_version``. Must not know who reads or writes the tables.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from voxlab.base.errors import VoxlabError

_DEFINITIONS = """
CREATE TABLE accounts (name TEXT PRIMARY KEY, place INTEGER NOT NULL);
CREATE TABLE applications (domain TEXT PRIMARY KEY, account TEXT NOT NULL, name TEXT NOT NULL, place INTEGER NOT NULL);
CREATE TABLE users (
    domain TEXT NOT NULL, name TEXT NOT NULL, display_name TEXT NOT NULL, active INTEGER NOT NULL, ha1 TEXT NOT NULL,
    place INTEGER NOT NULL, PRIMARY KEY (domain, name));
CREATE TABLE scenarios (
    domain TEXT NOT NULL, name TEXT NOT NULL, source TEXT, place INTEGER NOT NULL, PRIMARY KEY (domain, name));
CREATE TABLE rules (
    domain TEXT NOT NULL, name TEXT NOT NULL, scenario TEXT, route TEXT, pattern TEXT, exclude TEXT,
    place INTEGER NOT NULL, PRIMARY KEY (domain, name));
CREATE TABLE trunks (account TEXT NOT NULL, name TEXT NOT NULL, record TEXT NOT NULL, place INTEGER NOT NULL,
    PRIMARY KEY (account, name));
CREATE TABLE numbers (number TEXT PRIMARY KEY, domain TEXT NOT NULL, rule TEXT, place INTEGER NOT NULL);
CREATE TABLE registrations (contact_user TEXT PRIMARY KEY, record TEXT NOT NULL, place INTEGER NOT NULL);
CREATE TABLE api_keys (
    key_id TEXT PRIMARY KEY, account TEXT NOT NULL, public_key TEXT NOT NULL, description TEXT NOT NULL,
    created_s REAL NOT NULL, place INTEGER NOT NULL);
CREATE TABLE addresses (
    account TEXT NOT NULL, network TEXT NOT NULL, allowed INTEGER NOT NULL, description TEXT NOT NULL,
    created_s REAL NOT NULL, place INTEGER NOT NULL, PRIMARY KEY (account, network));
CREATE TABLE ledger (
    kind TEXT NOT NULL, key TEXT NOT NULL, number INTEGER NOT NULL, created_s REAL NOT NULL, modified_s REAL NOT NULL,
    remarks TEXT NOT NULL, PRIMARY KEY (kind, key));
CREATE TABLE sessions (
    session INTEGER PRIMARY KEY, account TEXT NOT NULL, application TEXT NOT NULL, rule TEXT NOT NULL,
    scenario TEXT NOT NULL, caller TEXT NOT NULL, destination TEXT NOT NULL, host TEXT NOT NULL, start_s REAL NOT NULL,
    end_s REAL, finish_reason TEXT);
CREATE INDEX sessions_by_start ON sessions (start_s);
CREATE TABLE calls (
    call INTEGER PRIMARY KEY, session INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE, leg TEXT NOT NULL,
    call_id TEXT NOT NULL, incoming INTEGER NOT NULL, local_number TEXT NOT NULL, remote_number TEXT NOT NULL,
    start_s REAL NOT NULL, answer_s REAL, end_s REAL, status INTEGER, reason TEXT, ended_by TEXT);
CREATE INDEX calls_by_session ON calls (session);
CREATE INDEX calls_by_call_id ON calls (call_id);
"""

_BINDINGS = """
CREATE TABLE bindings (
    aor TEXT NOT NULL, contact TEXT NOT NULL, transport TEXT NOT NULL, local TEXT NOT NULL, remote TEXT NOT NULL,
    expires_s REAL NOT NULL, call_id TEXT NOT NULL, cseq INTEGER NOT NULL, more TEXT NOT NULL, place INTEGER NOT NULL,
    PRIMARY KEY (aor, contact));
"""

MIGRATIONS = (_DEFINITIONS, _BINDINGS)
"""What makes version n + 1 of version n; version 0 is an empty file. Never changed once released, only added to."""

VERSION = len(MIGRATIONS)


def migrate(connection: sqlite3.Connection, where: str) -> None:
    """Bring the tables of a store to the newest version, each step whole or not at all.

    Raises
    ------
    VoxlabError
        For a file of a later voxlab.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise VoxlabError(
            f"{where} was written by a later voxlab (schema {version}, this one knows {VERSION}): "
            "use that version, or another file"
        )
    for number, script in enumerate(MIGRATIONS[version:], version + 1):
        connection.executescript(f"BEGIN; {script}; PRAGMA user_version = {number}; COMMIT;")


def connect(path: Path | None) -> sqlite3.Connection:
    """Open a store, made if need be: a file that its owner alone may read (mode 0600), or memory if None.

    Raises
    ------
    VoxlabError
        For a file that is no store, that another lab has open, or that cannot be written.
    """
    if path is None:
        connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        migrate(connection, "memory")
        return connection
    try:
        path.touch(mode=0o600)
        path.chmod(0o600)
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0.2)
    except (OSError, sqlite3.Error) as error:
        raise VoxlabError(f"the store {path} cannot be opened: {error}") from None
    try:
        _prepare(connection)
        migrate(connection, str(path))
    except sqlite3.Error as error:
        connection.close()
        raise VoxlabError(_trouble(path, error)) from None
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    """Let one lab alone have the file, and let what is committed be on the disk, not on its way there."""
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.executescript("BEGIN IMMEDIATE; COMMIT;")  # takes the lock now, not with the first call


def _trouble(path: Path, error: sqlite3.Error) -> str:
    if "locked" in str(error):
        return f"the store {path} is open in another lab: one at a time may write it"
    if isinstance(error, sqlite3.DatabaseError) and "not a database" in str(error):
        return f"{path} is no store of voxlab: it is another kind of file"
    return f"the store {path} cannot be used: {error}"
