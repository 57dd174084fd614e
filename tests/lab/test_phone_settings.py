"""What to type into a real phone: what the lab really serves, and a password only for who asks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from voxlab import Lab
from voxlab.base.errors import VoxlabError
from voxlab.lab.user import User

SECRET = "R0se-bud!7"


@pytest.fixture(params=[False, True], ids=["simulated", "live"])
def alice(request: pytest.FixtureRequest) -> Iterator[User]:
    with Lab(live=request.param) as lab:
        yield lab.account("acme").application("shop").user("alice", password=SECRET)


def test_it_names_what_the_lab_serves(alice: User) -> None:
    settings = alice.phone_settings()
    assert (settings.uri, settings.auth_user) == (alice.uri, "alice")
    assert dict(settings.servers) == dict(alice.lab.cloud.addresses)
    assert f"UDP {settings.proxy.port}" in repr(settings)
    assert settings.reach.startswith("○ phones on this machine" if alice.lab.live else "✗ this lab is simulated")
    assert "transport=tcp" in settings.baresip("TCP")
    with pytest.raises(VoxlabError, match="does not listen on 'SCTP'"):
        settings.baresip("SCTP")


def test_the_password_shows_only_when_revealed_and_never_in_the_picture(alice: User) -> None:
    hidden, shown = alice.phone_settings(), alice.phone_settings(reveal=True)
    for text in (repr(hidden), str(hidden), hidden._repr_html_(), hidden.baresip(), shown.qr_svg()):
        assert SECRET not in text
    assert "auth_pass" not in hidden.baresip()
    assert f";auth_pass={SECRET};" in shown.baresip()
    assert SECRET in repr(shown)
    assert shown.qr_svg() == hidden.qr_svg()


def test_a_password_that_would_break_a_line_is_left_to_be_typed(alice: User) -> None:
    alice.lab.account("acme").application("shop").user("alice", password='a;b "c"')
    settings = alice.phone_settings(reveal=True)
    assert "auth_pass" not in settings.baresip()
    assert "cannot carry" in repr(settings)


def test_a_password_that_only_its_hash_is_left_of_is_not_made_up(alice: User) -> None:
    alice.record.password = None  # as a store brings a user back
    assert "not known any more" in repr(alice.phone_settings())
    with pytest.raises(VoxlabError, match="is not known any more"):
        alice.phone_settings(reveal=True)


def test_behind_a_nat_the_advertised_address_is_told() -> None:
    with Lab(live=True, advertise="203.0.113.5") as lab:
        settings = lab.account("acme").application("shop").user("alice").phone_settings()
        assert settings.proxy.host == "203.0.113.5"
        assert settings.reach == "✓ phones that can reach 203.0.113.5"
