"""Faults that are no matter of messages: settings of phones and carriers, turned and turned back.

A setting that somebody changes meanwhile stays as it was changed: that is a cure. Must not know treatments of messages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from voxlab.lab.phone_options import SILENCE, updated
from voxlab.platform.numbering import Dialect

if TYPE_CHECKING:
    from voxlab.lab.carrier import Carrier
    from voxlab.lab.faulty import Turn
    from voxlab.lab.phone import Phone


def _turned(phone: Phone, **wanted: Any) -> Callable[[], None]:
    """Give a phone other options for its calls to come, and return what gives the old ones back."""
    before = {name: getattr(phone.options, name) for name in wanted}
    phone.set_options(updated(phone.options, wanted))

    def back() -> None:
        kept = {name: before[name] for name, value in wanted.items() if getattr(phone.options, name) == value}
        if phone.machine is not None:
            phone.set_options(replace(phone.options, **kept))

    return back


def _codec_mismatch(phone: Phone, codec: str) -> Callable[[], None]:
    return _turned(phone, codecs=(codec,))


def _delayed_offer(phone: Phone) -> Callable[[], None]:
    return _turned(phone, delayed_offer=True)


def _early_media_silent(phone: Phone) -> Callable[[], None]:
    return _turned(phone, early_media=True, audio=SILENCE)


def _number_format(carrier: Carrier, style: str, country: str, prefix: str) -> Callable[[], None]:
    record, before, wanted = carrier.record, carrier.record.dialect, Dialect(style, country, prefix)
    record.dialect = wanted

    def back() -> None:
        if record.dialect is wanted:
            record.dialect = before

    return back


def _announce_then_fail(carrier: Carrier) -> Callable[[], None]:
    record, before = carrier.record, carrier.record.announces
    record.announces = True
    return lambda: setattr(record, "announces", before)


PHONE: Mapping[str, Turn] = {
    "codec_mismatch": _codec_mismatch,
    "delayed_offer": _delayed_offer,
    "early_media_silent": _early_media_silent,
}
CARRIER: Mapping[str, Turn] = {"number_format": _number_format, "announce_then_fail": _announce_then_fail}
