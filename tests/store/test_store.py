"""A lab on a file comes back: definitions, history, registrations; one at a time; old, later, other files."""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from tests.lab.stage import MakeStage
from voxlab import Lab
from voxlab.analysis.history import HISTORY_COLUMNS
from voxlab.base.errors import LabClosed, VoxlabError
from voxlab.store import schema
from voxlab.store.history import CLOSED, KILLED
from voxlab.store.writer import Writer


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "acme.db"


def call(lab: Lab, seconds: float = 1.0) -> None:
    """Let alice talk with bob."""
    shop = lab.account("acme").application("shop")

    @shop.scenario()
    async def forward(call: Any) -> None:
        await call.forward_to_user()

    alice = shop.user("alice").phone()
    shop.user("bob").phone(answer_after=0.05)
    connected = alice.dial("bob").wait("connected", timeout=20)
    lab.run(seconds)
    connected.hang_up()
    lab.world.wait(lambda: not lab.exchange.sessions, 20)


# -- coming back


def test_definitions_and_history_come_back_in_a_lab_on_the_same_file(file: Path) -> None:
    with Lab(store=file) as lab:
        call(lab)
        lab.account("acme").trunk("gigafon", allow=["198.51.100.0/24", "203.0.113.7"])
        shop = lab.account("acme").application("shop")
        shop.rule("numbers", scenario="forward", pattern=r"\+49.*", exclude="110")
        before = [repr(rule) for rule in shop.rules]
    with Lab(store=file) as lab:
        shop = lab.account("acme").application("shop")
        assert [user.name for user in shop.users] == ["alice", "bob"]
        assert [repr(rule) for rule in shop.rules] == before
        assert [str(network) for network in lab.platform.accounts["acme"].trunks["gigafon"].allow] == [
            "198.51.100.0/24", "203.0.113.7/32",
        ]  # fmt: skip
        assert lab.history.index.tolist() == [1]
        call(lab)
        assert lab.history.index.tolist() == [1, 2]
        assert lab.history.answered.tolist() == [True, True]
        assert lab.history.duration_s.round(1).tolist() == [1.0, 1.0]


def test_what_is_taken_away_stays_away(file: Path) -> None:
    with Lab(store=file) as lab:
        shop = lab.account("acme").application("shop")
        shop.user("alice")
        lab.account("acme").application("gone")
        lab.define(shop.record.remove_user, "alice")
        lab.define(lab.platform.accounts["acme"].remove_application, "gone")
    with Lab(store=file) as lab:
        assert list(lab.platform.accounts["acme"].applications) == ["shop"]
        assert lab.account("acme").application("shop").users == ()


def test_a_rule_whose_scenario_is_not_defined_again_refuses_and_the_journal_says_why(file: Path) -> None:
    with Lab(store=file) as lab:
        call(lab)
    with Lab(store=file) as lab:
        shop = lab.account("acme").application("shop")
        attempt = shop.user("alice").phone().dial("bob")
        attempt.wait("ended", timeout=20)
        refused = [note for note in lab.journal.notes if type(note).__name__ == "MessageRefused"]
        assert [note.status for note in refused] == [480]
        assert "'forward' is known by name only" in refused[0].reason
        assert "known by name only" in str(shop.explain("bob"))
        call(lab)  # which defines it
        assert lab.history.answered.tolist() == [True, True]


def test_a_password_that_only_the_user_knows_is_asked_for_by_name(file: Path) -> None:
    with Lab(store=file, seed=1) as lab:
        lab.account("acme").application("shop").user("alice")
    with Lab(store=file, seed=2) as lab:
        alice = lab.account("acme").application("shop").user("alice")
        with pytest.raises(VoxlabError, match="keeps its hash only"):
            alice.phone()


def test_the_file_belongs_to_its_owner_alone_and_holds_no_password(file: Path) -> None:
    with Lab(store=file) as lab:
        lab.account("acme").application("shop").user("alice", password="open-sesame")
        assert {path.stat().st_mode & 0o777 for path in file.parent.iterdir()} == {0o600}
    assert b"open-sesame" not in b"".join(path.read_bytes() for path in file.parent.iterdir())


def test_the_store_of_another_domain_says_which_lab_it_needs(file: Path) -> None:
    with Lab(store=file, domain="lab.example") as lab:
        lab.account("acme").application("shop")
    with pytest.raises(VoxlabError, match=r"Lab\(domain='lab\.example'\)"):
        Lab(store=file)


# -- the file


def test_one_lab_at_a_time_has_a_store(file: Path) -> None:
    with Lab(store=file):
        with pytest.raises(VoxlabError, match="open in another lab"):
            Lab(store=file)
        with pytest.raises(VoxlabError, match="open in another lab"):
            Lab(store=file)


def test_a_file_of_the_first_version_becomes_one_of_the_newest_with_all_that_it_holds(file: Path) -> None:
    connection = sqlite3.connect(file)
    connection.executescript(schema.MIGRATIONS[0])
    connection.execute("PRAGMA user_version = 1")
    connection.execute("INSERT INTO accounts VALUES ('acme', 0)")
    connection.execute("INSERT INTO applications VALUES ('shop.acme.voxlab.test', 'acme', 'shop', 0)")
    connection.commit()
    connection.close()
    with Lab(store=file) as lab:
        assert [each.name for each in lab.account("acme").applications] == ["shop"]
    connection = sqlite3.connect(file)
    assert connection.execute("PRAGMA user_version").fetchone() == (schema.VERSION,)
    assert connection.execute("SELECT count(*) FROM bindings").fetchone() == (0,)
    connection.close()


def test_a_migration_that_fails_leaves_the_file_as_it_was(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Lab(store=file) as lab:
        lab.account("acme")
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, "CREATE TABLE later (x); CREATE TABLE accounts (y)"))
    monkeypatch.setattr(schema, "VERSION", len(schema.MIGRATIONS))
    with pytest.raises(VoxlabError, match="cannot be used"):
        Lab(store=file)
    monkeypatch.undo()
    with Lab(store=file) as lab:
        assert list(lab.platform.accounts) == ["acme"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [("PRAGMA user_version = 99", "written by a later voxlab"), (None, "another kind of file")],
)
def test_a_file_that_will_not_do_is_refused_with_a_sentence(file: Path, content: str | None, sentence: str) -> None:
    if content is None:
        file.write_text("This is a letter, and long enough to be taken for a database by its size alone. " * 20)
    else:
        connection = sqlite3.connect(file)
        connection.execute(content)
        connection.close()
    with pytest.raises(VoxlabError, match=sentence):
        Lab(store=file)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(VoxlabError, match="nowhere"):
        Lab(store=tmp_path / "nowhere" / "acme.db")


# -- history


def test_history_without_a_file_lasts_as_long_as_the_lab(make_stage: MakeStage) -> None:
    stage = make_stage().forwards()
    assert list(stage.lab.history.columns) == list(HISTORY_COLUMNS)
    assert len(stage.lab.history) == 0
    call(stage.lab)
    assert stage.lab.history.callee.tolist() == ["bob"]
    stage.lab.reset()
    assert len(stage.lab.history) == 0


def test_a_refused_call_stands_in_the_history_with_its_status(make_stage: MakeStage) -> None:
    stage = make_stage(bob={"busy": True}).forwards()
    stage.alice.dial("bob").wait("ended")
    row = stage.lab.history.loc[1]
    assert (row.answered, row.status, row.destination) == (False, 486, "bob")


def test_a_call_that_stands_when_the_lab_is_closed_is_closed_with_it(file: Path) -> None:
    with Lab(store=file) as lab:
        call(lab)
        alice = lab.account("acme").application("shop").user("alice").phone()
        alice.dial("bob").wait("connected")
    with Lab(store=file) as lab:
        assert lab.history.finish_reason.tolist()[1] == CLOSED
        assert lab.history.answered.tolist() == [True, True]


def test_calls_of_a_process_that_was_killed_are_closed_at_the_next_start(file: Path) -> None:
    with Lab(store=file) as lab:
        call(lab)
    connection = sqlite3.connect(file)
    connection.execute("UPDATE sessions SET end_s = NULL, finish_reason = NULL")
    connection.execute("UPDATE calls SET end_s = NULL")
    connection.commit()
    connection.close()
    with Lab(store=file) as lab:
        assert lab.store.closed_at_start == 1
        assert lab.history.finish_reason.tolist() == [KILLED]
        assert lab.history.duration_s.notna().all()


# -- answers wait


def busy(writer: Writer) -> tuple[threading.Event, Future[Any]]:
    """Keep a writer busy until the event is set."""
    go, begun = threading.Event(), threading.Event()
    done = writer.submit(lambda _connection: (begun.set(), go.wait(60)))
    assert begun.wait(60)
    return go, done


def test_a_200_waits_until_its_call_is_on_record_and_so_does_its_retransmission(
    file: Path, make_stage: MakeStage
) -> None:
    stage = make_stage(live=True, store=file).forwards()
    lab = stage.lab
    go, _ = busy(lab.store._writer)
    attempt = stage.alice.dial("bob").wait("ringing", timeout=20)
    lab.world.wait(lambda: any(leg.letter == "B" and leg.state == "CONNECTED" for leg in legs(lab)), 20)
    answers = stage.count("SIP/2.0 200 OK")
    lab.run(0.7)  # long enough for the first retransmission
    assert attempt.state == "ringing"
    assert stage.count("SIP/2.0 200 OK") == answers
    go.set()
    attempt.wait("connected", timeout=20)
    assert lab.history.answered.tolist() == [True]


def legs(lab: Lab) -> list[Any]:
    """Return the legs that stand."""
    return [leg for session in lab.exchange.sessions.values() for leg in session.legs]


def test_an_answer_that_cannot_be_put_on_record_leaves_when_it_can(file: Path, make_stage: MakeStage) -> None:
    stage = make_stage(live=True, store=file).forwards()
    lab = stage.lab
    lab.store._writer.write([("ALTER TABLE calls RENAME TO elsewhere", ())]).result()
    attempt = stage.alice.dial("bob").wait("ringing", timeout=20)
    lab.world.wait(lambda: any(leg.letter == "B" and leg.state == "CONNECTED" for leg in legs(lab)), 20)
    lab.run(0.2)
    assert attempt.state == "ringing"
    assert any("could not be written" in str(error) for error in lab.errors)
    lab.store._writer.write([("ALTER TABLE elsewhere RENAME TO calls", ())]).result()
    attempt.wait("connected", timeout=20)  # with the next retransmission of the answer
    assert lab.history.answered.tolist() == [True]


def test_bytes_of_a_peer_that_are_no_utf8_do_not_keep_the_history_from_being_written(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "x.db")
    writer.write([("INSERT INTO accounts VALUES (?, 0)", (b"caf\xe9".decode("utf-8", "surrogateescape"),))]).result(60)
    found = writer.submit(lambda connection: connection.execute("SELECT name FROM accounts").fetchall()).result(60)
    assert found == [("caf\ufffd",)]
    writer.close()


def test_a_caller_who_gives_up_while_the_answer_waits_hears_487(file: Path, make_stage: MakeStage) -> None:
    stage = make_stage(live=True, store=file).forwards()
    lab = stage.lab
    go, _ = busy(lab.store._writer)
    attempt = stage.alice.dial("bob").wait("ringing", timeout=20)
    lab.world.wait(lambda: any(leg.letter == "B" and leg.state == "CONNECTED" for leg in legs(lab)), 20)
    stage.hang_up("alice")
    lab.run(0.1)
    go.set()
    lab.world.wait(lambda: not lab.exchange.sessions, 20)
    assert attempt.state == "ended"
    assert lab.errors == []


def test_what_waits_while_a_commit_is_under_way_goes_with_the_next(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "x.db")
    go, first = busy(writer)
    rest = [writer.write([("INSERT INTO accounts VALUES (?, 0)", (str(number),))]) for number in range(50)]
    go.set()
    for done in (first, *rest):
        done.result(60)
    assert writer.commits == 2
    writer.close()


def test_one_bad_job_of_a_group_fails_alone(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "x.db")
    go, _ = busy(writer)
    good = writer.write([("INSERT INTO accounts VALUES ('good', 0)", ())])
    bad = writer.write([("INSERT INTO accounts VALUES ('half', 0)", ()), ("NONSENSE", ())])
    last = writer.write([("INSERT INTO accounts VALUES ('last', 0)", ())])
    go.set()
    assert (good.exception(60), last.exception(60)) == (None, None)
    assert isinstance(bad.exception(60), sqlite3.Error)
    found = writer.submit(lambda connection: connection.execute("SELECT name FROM accounts").fetchall()).result(60)
    assert found == [("good",), ("last",)]
    writer.close()
    writer.close()
    with pytest.raises(LabClosed):
        writer.write([])


def test_devices_that_were_registered_can_be_called_after_a_restart(file: Path, make_stage: MakeStage) -> None:
    stage = make_stage(live=True, store=file)
    lab = stage.lab
    before = {aor: len(bindings) for aor, bindings in lab.cloud.location.aors()}
    lab.close()
    with Lab(live=True, store=file) as again:
        assert {aor: len(bindings) for aor, bindings in again.cloud.location.aors()} == before
        assert sorted(before) == ["alice@shop.acme.voxlab.test", "bob@shop.acme.voxlab.test"]
        remaining = [binding.expires_at_s for _, found in again.cloud.location.aors() for binding in found]
        assert all(0 < seconds <= 3600 for seconds in remaining)
        assert again.cloud.node.next_housekeeping() is not None


def test_a_routed_call_is_on_record_and_so_is_its_rule_after_a_restart(file: Path, make_stage: MakeStage) -> None:
    stage = make_stage(live=True, store=file)
    stage.shop.rule("direct", pattern="[a-z]+", route="users")
    call = stage.alice.dial("bob").wait("connected", timeout=20)
    row = stage.lab.history.loc[1]
    assert (row.answered, row.rule, row.scenario, row.destination) == (True, "direct", "route users", "bob")
    call.hang_up()
    stage.lab.close()
    with Lab(live=True, store=file) as lab:
        assert [str(rule.route) for rule in lab.account("acme").application("shop").rules] == ["users"]
