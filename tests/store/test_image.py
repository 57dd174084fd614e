"""What is data on a platform comes back from its rows, whatever it is; what changed is all that is written."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from voxlab.base.ids import Ids
from voxlab.platform.access import AuthorizedAddress, address_or_network
from voxlab.platform.platform import Platform
from voxlab.platform.registration import SipRegistration
from voxlab.platform.secret import Secret
from voxlab.store.image import TABLES, Image, differences, image, restore
from voxlab.store.schema import connect
from voxlab.store.sealing import Seal

NAMES = st.sampled_from(["alice", "bob-2", "carol_3", "007"])
TITLES = st.text(st.characters(categories=["L", "N", "P", "Zs"]), min_size=1, max_size=20).filter(
    lambda text: bool(text.strip()) and text.isprintable()
)


def platform(seed: int = 1) -> Platform:
    """Return an empty platform."""
    return Platform(Ids.seeded(seed))


@st.composite
def platforms(draw: st.DrawFn) -> Platform:
    made = platform()
    for account in draw(st.lists(st.sampled_from(["acme", "globex"]), unique=True, min_size=1)):
        record = made.account(account)
        for index, network in enumerate(draw(st.lists(st.sampled_from(["198.51.100.", "203.0.113."]), unique=True))):
            start = 0 if account == "acme" else 128
            record.allow(
                f"{network}{start + index}", draw(st.text(max_size=9)), trunk=draw(st.sampled_from(["a", "b"]))
            )
        for name in draw(st.lists(st.sampled_from(["shop", "help"]), unique=True)):
            application = record.application(name)
            for user in draw(st.lists(NAMES, unique=True)):
                known = application.user(user, password=draw(st.none() | TITLES), display_name=draw(TITLES))
                known.active = draw(st.booleans())
            for title in draw(st.lists(TITLES, unique=True, max_size=3)):
                application.script(title, None, draw(st.none() | TITLES))
                pattern = draw(st.none() | st.sampled_from(["1.*", "[a-z]+"]))
                application.rule(title, scenario=title, pattern=pattern, exclude=draw(st.none() | st.just("9")))
            application.unbound_rule("unbound", pattern="5")
            if draw(st.booleans()):
                number = f"+4930{len(made.numbers) + 100}"
                made.number(number, application, draw(st.sampled_from([None, application.rules[0]])))
            key = f"contact{len(made.registrations)}"
            made.registrations[key] = SipRegistration(
                len(made.registrations) + 1, account, "office", "pbx.example", Secret(draw(TITLES)), key,
                application=application, rule=application.rules[0], state="failed", code=403, reason="Forbidden",
            )  # fmt: skip
        made.ledger.entry("account", account, now_s=5.0).remarks["callback_url"] = draw(st.text(max_size=5))
        entry = AuthorizedAddress(address_or_network("203.0.113.0/24"), draw(st.booleans()), "office", 3.5)
        made.access_list(account).add(entry)
    return made


def through_sqlite(*images: Image) -> dict[str, list[tuple[object, ...]]]:
    """Write images one after the other, each as what differs from the last; return what is in the tables then."""
    connection = connect(None)
    before: Image = {}
    for after in images:
        for sql, values in differences(before, after):
            connection.execute(sql, values)
        before = after
    orders = {name: "number" if name == "ledger" else "place" for name in TABLES}
    found = {
        name: connection.execute(f"SELECT * FROM {name} ORDER BY {order}").fetchall() for name, order in orders.items()
    }
    connection.close()
    return found


@settings(max_examples=40, deadline=None)
@given(platforms(), platforms())
def test_any_platform_comes_back_from_what_differs_from_any_other(before: Platform, after: Platform) -> None:
    seal = Seal(None)
    wanted = image(after, seal)
    found = platform()
    restore(found, through_sqlite(image(before, seal), wanted), seal)
    assert image(found, seal) == wanted


def test_nothing_is_written_for_what_has_not_changed() -> None:
    made, seal = platform(), Seal(None)
    shop = made.account("acme").application("shop")
    shop.user("alice", password="Secret-1!")
    before = image(made, seal)
    assert differences(before, image(made, seal)) == []
    shop.user("bob")
    assert [sql.split()[4] for sql, _ in differences(before, image(made, seal))] == ["users"]


def test_no_password_is_written() -> None:
    made, seal = platform(), Seal(None)
    made.account("acme").application("shop").user("alice", password="open-sesame")
    made.registrations["x"] = SipRegistration(1, "acme", "office", "pbx.example", Secret("open-sesame"), "x")
    assert "open-sesame" not in repr(image(made, seal))


def test_a_generated_password_of_a_seeded_lab_is_known_again_and_of_another_seed_is_not() -> None:
    made, seal = platform(seed=1), Seal(None)
    password = made.account("acme").application("shop").user("alice").password
    rows = through_sqlite(image(made, seal))
    same, other = platform(seed=1), platform(seed=2)
    restore(same, rows, seal)
    restore(other, rows, seal)
    one, two = (each.user_at("alice", "shop.acme.voxlab.test") for each in (same, other))
    assert one is not None
    assert two is not None
    assert (one.password, two.password) == (password, None)
    assert one.hashes == two.hashes


def test_a_sealed_word_opens_with_the_key_that_lies_beside_and_with_no_other(tmp_path: Path) -> None:
    key = tmp_path / "acme.db-key"
    sealed = Seal(key).seal(Secret("open-sesame"))
    assert "sesame" not in sealed
    assert key.stat().st_mode & 0o777 == 0o600
    assert Seal(key).open(sealed) == Secret("open-sesame")
    assert Seal(None).open(sealed) is None
