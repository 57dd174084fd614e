"""Sessions and the wire between them, for the tests of this folder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.lab.stage import make_stage
from tests.media.wire import session
from voxlab.media.rtp_session import RtpSession


@pytest.fixture
def pair() -> Callable[..., tuple[RtpSession, RtpSession]]:
    """Make two sessions that record what they hear."""

    def make(**options: Any) -> tuple[RtpSession, RtpSession]:
        options = {"record_s": 60.0} | options
        return session(0xA11CE, **options), session(0xB0B, **options)

    return make


__all__ = ["make_stage", "pair"]
