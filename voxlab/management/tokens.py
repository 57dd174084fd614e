"""Who asks: a JSON Web Token signed with RS256 (RFC 7519, RFC 7518 s.3.3), whose header names the key and whose issuer
is the number of the account.

The true reason of a refusal is not told to whoever has no key. Must not know methods.
"""

from __future__ import annotations

from voxlab.management.errors import AUTHORIZATION_FAILED, ApiError
from voxlab.platform.access import ApiKey
from voxlab.platform.account import Account
from voxlab.platform.platform import Platform

LEEWAY_S = 30.0
"""Clocks differ; clients issue tokens for some 24 s, from 5 s ago."""

LIFETIME_S = 3600.0
"""No token is good for longer than that, whatever it says."""


def account_of(platform: Platform, authorization: str | None, address: str) -> Account:
    """Return the account that a request is for.

    Parameters
    ----------
    authorization : str or None
        The header field of that name: ``Bearer`` and the token.
    address : str
        Where the request comes from.

    Raises
    ------
    ApiError
        100 whatever is wrong: unknown key, bad signature, expired, another account's, an address that may not.
    """
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise ApiError(AUTHORIZATION_FAILED, "send Authorization: Bearer with a token signed by your key")
    key = _verified(platform, token.strip())
    account = platform.accounts.get(key.account) if key is not None else None
    if account is None:
        raise ApiError(AUTHORIZATION_FAILED)
    if not platform.access_list(account.name).judge(address)[0]:
        raise ApiError(AUTHORIZATION_FAILED, f"requests from {address} are not allowed by the account's access list")
    return account


def _verified(platform: Platform, token: str) -> ApiKey | None:
    """Return the key that signed a token that holds, None if it does not."""
    import jwt

    try:
        key = platform.api_keys.get(str(jwt.get_unverified_header(token).get("kid")))
        if key is None:
            return None
        claims = jwt.decode(
            token, key.public_key, algorithms=["RS256"], leeway=LEEWAY_S, options={"require": ["iss", "iat", "exp"]}
        )
    except jwt.PyJWTError:
        return None
    number = platform.ledger.entry("account", key.account).number
    fits = str(claims["iss"]) == str(number) and float(claims["exp"]) - float(claims["iat"]) <= LIFETIME_S
    return key if fits else None
