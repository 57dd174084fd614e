"""GetAccountInfo, SetAccountInfo, GetChildrenAccounts."""

from __future__ import annotations

from urllib.parse import urlsplit

from voxlab.management.errors import FORBIDDEN_COMMAND, ApiError, wrong
from voxlab.management.parameters import date
from voxlab.management.question import Answer, Question

_TEXTS = {
    "account_first_name": 49,
    "account_last_name": 49,
    "language_code": 8,
    "location": 64,
    "account_custom_data": 8191,
    "callback_url": 2048,
    "callback_salt": 39,
}
"""What an account's owner may write on it, and how long it may be."""

_NOT_KEPT = (
    "new_account_password", "min_balance_to_notify", "account_notifications", "tariff_changing_notifications",
    "news_notifications", "billing_address_name", "billing_address_country_code", "billing_address_address",
    "billing_address_zip", "billing_address_phone", "store_outbound_sms", "store_inbound_sms",
)  # fmt: skip


def get_account_info(question: Question) -> Answer:
    """Return what is known about the account; of money nothing is, so nothing is said."""
    entry, account = question.of_account(), question.account
    said = entry.remarks
    info = {
        "account_id": entry.number,
        "account_name": account.name,
        "account_email": said.get("account_email", f"{account.name}@{question.platform.domain}"),
        "account_first_name": "",
        "account_last_name": "",
        "created": date(entry.created_s),
        "language_code": "en",
        "location": "UTC",
        "active": True,
        "frozen": False,
        "account_custom_data": "",
        "send_js_error": said.get("send_js_error") == "True",
    }
    return {"result": info | {name: said[name] for name in _TEXTS if name in said}}


def set_account_info(question: Question) -> Answer:
    """Change what the owner wrote on the account."""
    given, entry = question.given, question.of_account()
    kept = [name for name in _NOT_KEPT if name in given]
    if kept:
        raise ApiError(FORBIDDEN_COMMAND, f"this lab keeps no {', '.join(kept)} of an account")
    texts = {name: given.cleared(name, longest=longest) for name, longest in _TEXTS.items()}
    changed = {name: text for name, text in texts.items() if text is not None}
    email, errors = given.text("new_account_email", longest=254), given.boolean("send_js_error")
    if email is not None:
        if email.count("@") != 1 or email.startswith("@") or email.endswith("@"):
            raise wrong("new_account_email", f"{email!r} is no address of a mailbox")
        changed["account_email"] = email
    if url := changed.get("callback_url"):
        _check_url(url)
    if errors is not None:
        changed["send_js_error"] = str(errors)
    question.touched(entry).remarks.update(changed)
    return {"result": 1}


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise wrong("callback_url", f"http:// or https:// and a host, not {url!r}")


def get_children_accounts(_question: Question) -> Answer:
    """Return the accounts below this one: there is no such thing here."""
    return {"result": [], "total_count": 0, "count": 0}


METHODS = {
    "GetAccountInfo": get_account_info,
    "SetAccountInfo": set_account_info,
    "GetChildrenAccounts": get_children_accounts,
}
