"""A real Kamailio as GigaFon: trunk in, trunk out, the reverse trunk, and the platform as a telephone there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from .calls import DOMAIN, PASSWORD
from .harness.baresip import Baresip
from .harness.gigafon import DOMAIN as GIGAFON
from .harness.gigafon import GigaFon
from .harness.namespace import Street, cannot_build_streets
from .harness.process import missing
from .harness.serve import Served
from .phones import CALLEE_HZ, CALLER_HZ, account, talk

_reason = cannot_build_streets() or missing("baresip") or missing("kamailio")
pytestmark = [pytest.mark.peers, pytest.mark.slow, pytest.mark.skipif(_reason is not None, reason=str(_reason))]

OMA, OFFICE_NUMBER, OUR_NUMBER = "+4930555001", "+4930555900", "+4930999100"
PLATFORM = f"""
import json, os

def setup(lab):
    giga = os.environ["GIGAFON"]
    account = lab.account("acme")
    shop = account.application("shop")
    shop.user("alice", password="{PASSWORD}")

    @shop.scenario(pattern=r"alice")
    async def to_user(call):
        await call.forward_to_user()

    @shop.scenario(pattern=r"\\+4930999.*")
    async def reception(call):
        await call.forward_to_user("alice")

    @shop.scenario(pattern=r"\\+4930555.*")
    async def trunk_out(call):
        await call.forward_to_pstn()

    @shop.scenario(pattern=r"office")
    async def registration_out(call):
        await call.forward_to_sip("{OMA}", registration="acme-office")

    shop.number("{OUR_NUMBER}")
    account.trunk("gigafon", allow=[giga], gateway=giga, identity="pai")
    shop.sip_registration(
        "acme-office", proxy="{GIGAFON}", outbound_proxy=giga, password="{PASSWORD}", rule="reception"
    )
    with open(os.environ["RESOURCES"], "w") as file:
        json.dump(lab.media_resources(), file)
"""


def at_gigafon(number: str, server: str) -> str:
    """Return a line for the accounts file of a phone of GigaFon."""
    return (
        f"<sip:{number}@{GIGAFON};transport=udp>;auth_user={number};auth_pass={PASSWORD};regint=60"
        f';audio_codecs=PCMU;outbound="sip:{server};transport=udp";answermode=auto'
    )


class Stage:
    """Two telephonies in one street, and a phone of each."""

    def __init__(self, folder: Path, street: Street) -> None:
        self.folder = folder
        self.street = street
        self.at_cloud, self.at_giga, self.at_oma, self.at_alice = street.addresses
        self.resources = folder / "resources.json"

    def platform(self) -> Served:
        places = {"GIGAFON": self.at_giga, "RESOURCES": str(self.resources)}
        folder = self.folder / "voxlab"
        return Served(PLATFORM, folder, host=self.at_cloud, prefix=self.street.prefix, environment=places)

    def gigafon(self, *whitelist: str) -> GigaFon:
        return GigaFon(
            self.folder / "kamailio",
            self.street,
            host=self.at_giga,
            password=PASSWORD,
            whitelist=whitelist,
            platform=self.at_cloud,
            office="acme-office",
            office_number=OFFICE_NUMBER,
        )

    def phones(self, way: str) -> tuple[Baresip, Baresip]:
        """Return oma's phone, of GigaFon, and alice's, of the platform."""
        folder, server = self.folder / way, f"{self.at_cloud}:5060"
        oma = at_gigafon(OMA, f"{self.at_giga}:5060")
        alice = account("alice", server, extra=";answermode=auto")
        return (
            Baresip(folder / "oma", self.street, self.at_oma, oma, tone_hz=CALLER_HZ),
            Baresip(folder / "alice", self.street, self.at_alice, alice, tone_hz=CALLEE_HZ),
        )


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with Street(houses=4) as street:
        yield Stage(tmp_path, street)


def test_two_telephonies_call_each_other_by_trunk_and_by_registration_and_hear_each_other(stage: Stage) -> None:
    with stage.platform() as cloud:
        cloud.until_ready()
        sbcs = [entry["ip"] for entry in json.loads(stage.resources.read_text())["sbcs"]]
        assert sbcs == [stage.at_cloud]
        with stage.gigafon(*sbcs) as giga:
            giga.until_ready()
            for way, dials, target in (
                ("trunk-in", "oma", f"sip:{OUR_NUMBER}@{GIGAFON}"),
                ("trunk-out", "alice", f"sip:{OMA}@{DOMAIN}"),
                ("registration-in", "oma", f"sip:{OFFICE_NUMBER}@{GIGAFON}"),
                ("registration-out", "alice", f"sip:office@{DOMAIN}"),
            ):
                oma, alice = stage.phones(way)
                with oma, alice:
                    for phone in (oma, alice):
                        phone.until_ready()
                        phone.until_registered()
                    caller, callee = (oma, alice) if dials == "oma" else (alice, oma)
                    talk(caller, callee, target)
        assert cloud.stop() == 0, cloud.tail()


def test_a_whitelist_that_does_not_know_us_answers_403_and_the_registration_still_does(stage: Stage) -> None:
    # GigaFon first: whoever is registered nowhere yet tries again after seconds, and here nothing takes that long.
    with stage.gigafon("10.77.0.99") as giga:
        giga.until_ready()
        with stage.platform() as cloud:
            cloud.until_ready()
            oma, alice = stage.phones("stale")
            with oma, alice:
                for phone in (oma, alice):
                    phone.until_ready()
                    phone.until_registered()
                alice.dial(f"sip:{OMA}@{DOMAIN}")
                assert "403 Forbidden" in str(alice.until_event("CALL_CLOSED"))
                talk(oma, alice, f"sip:{OFFICE_NUMBER}@{GIGAFON}")
            assert cloud.stop() == 0, cloud.tail()
