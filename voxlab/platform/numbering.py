"""Telephone numbers in the dialects of operators: E.164, with 00, national, bare digits, behind a technical prefix.

ITU-T E.164 s.6 and Annex A (country code, international and national prefix), RFC 3966 s.5.1.1 and s.5.1.4 (visual
separators; a global number begins with +). Must not know SIP messages: text goes in, text comes out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from voxlab.base.errors import VoxlabError, did_you_mean

STYLES = {
    "e164": "+4930555001",
    "plain": "4930555001",
    "00": "004930555001",
    "national": "030555001",
}
"""Each dialect with what it makes of +4930555001 where the country is 49."""

MAX_DIGITS = 15
"""ITU-T E.164 s.6.2.1."""

_GLOBAL = re.compile(r"\+[1-9][0-9]{1,14}")
_SEPARATORS = str.maketrans("", "", "-.() ")


def is_global(number: str) -> bool:
    """Whether ``number`` is written as E.164 has it: + and up to 15 digits."""
    return _GLOBAL.fullmatch(number) is not None


def checked_number(number: object, owner: str) -> str:
    """Return a number in E.164 form, separators removed.

    Raises
    ------
    VoxlabError
        For what is none; ``owner`` is how the error calls it, such as "a number of shop.acme.voxlab.test".
    """
    text = number.translate(_SEPARATORS) if isinstance(number, str) else ""
    if not is_global(text):
        hint = f"; did you mean '+{text.lstrip('+0')}'?" if text.lstrip("+0").isdigit() else ""
        raise VoxlabError(f"{owner} is + and up to {MAX_DIGITS} digits, such as '+4930999100', not {number!r}{hint}")
    return text


@dataclass(frozen=True, slots=True)
class Dialect:
    """How an operator writes numbers.

    Attributes
    ----------
    style : str
        One of ``STYLES``.
    country : str
        The country code that the national style leaves out, without +.
    prefix : str
        Digits that the operator wants before every number.
    """

    style: str = "e164"
    country: str = ""
    prefix: str = ""

    def __post_init__(self) -> None:
        if self.style not in STYLES:
            known = ", ".join(f"{name!r} ({example})" for name, example in STYLES.items())
            raise VoxlabError(f"{self.style!r} is no way to write numbers{did_you_mean(self.style, STYLES)}; {known}")
        if self.country and not (self.country.isdigit() and self.country[0] != "0" and len(self.country) <= 3):
            raise VoxlabError(f"a country code has one to three digits, such as '49', not {self.country!r}")
        if self.style == "national" and not self.country:
            raise VoxlabError("national numbers leave the country out: say which, country='49'")
        if self.prefix and not (self.prefix.isascii() and self.prefix.replace("#", "").replace("*", "").isdigit()):
            raise VoxlabError(f"a prefix is made of digits, * and #, not {self.prefix!r}")

    def write(self, number: str) -> str:
        """Return a number as this operator wants it; what is no E.164 number (a name, a short code) stays as it is."""
        if not is_global(number):
            return number
        digits = number[1:]
        if self.style == "national":
            own = digits.startswith(self.country)
            return self.prefix + ("0" + digits[len(self.country) :] if own else "00" + digits)
        return self.prefix + {"e164": number, "plain": digits, "00": f"00{digits}"}[self.style]

    def read(self, text: str) -> str:
        """Return what this operator wrote as E.164; what cannot be a number in its dialect stays as it is."""
        bare = text.translate(_SEPARATORS)
        if self.prefix and bare.startswith(self.prefix):
            bare = bare[len(self.prefix) :]
        if is_global(bare):
            return bare
        if not (bare.isascii() and bare.isdigit()):
            return text
        if bare.startswith("00"):
            found = f"+{bare[2:]}"
        elif self.style == "national" and bare.startswith("0"):
            found = f"+{self.country}{bare[1:]}"
        elif self.style == "plain":
            found = f"+{bare}"
        else:
            return text
        return found if is_global(found) else text

    def __str__(self) -> str:
        return f"{self.prefix}{STYLES[self.style]}"


E164 = Dialect()
"""Numbers as ITU-T E.164 has them."""
