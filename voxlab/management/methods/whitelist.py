"""AddSipWhiteListItem, DelSipWhiteListItem, SetSipWhiteListItem, GetSipWhiteList: the networks that an account's trunks
take calls from without a password; IPv4, as on the reference platform.
"""

from __future__ import annotations

import ipaddress

from voxlab.base.errors import VoxlabError
from voxlab.management.errors import ApiError, wrong
from voxlab.management.question import Answer, Question
from voxlab.platform.ledger import Entry
from voxlab.platform.trunk import WhitelistItem

_LONGEST_DESCRIPTION = 255


def add_item(question: Question) -> Answer:
    """Add a network to the account's whitelist."""
    network = _network(question)
    description = question.given.text("description", longest=_LONGEST_DESCRIPTION) or ""
    if any(item.network == network for item in question.account.whitelist):
        raise wrong("sip_whitelist_network", f"{network} is on the list already")
    item = _allowed(question, str(network), description)
    return {"result": 1, "sip_whitelist_id": _entry(question, item).number}


def _allowed(question: Question, network: str, description: str, trunk: str | None = None) -> WhitelistItem:
    account = question.account
    try:
        return account.allow(network, description, **({} if trunk is None else {"trunk": trunk}))
    except VoxlabError as error:
        raise wrong("sip_whitelist_network", str(error)) from None


def _network(question: Question) -> ipaddress.IPv4Network:
    text = question.given.required("sip_whitelist_network")
    try:
        network = ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        network = None
    mask = text.strip().partition("/")[2]
    if not isinstance(network, ipaddress.IPv4Network) or ("." in mask and mask != str(network.netmask)):
        forms = "A.B.C.D, A.B.C.D/L or A.B.C.D/a.b.c.d"
        raise wrong("sip_whitelist_network", f"{text!r} is no IPv4 network: write {forms}")
    return network


def _entry(question: Question, item: WhitelistItem) -> Entry:
    return question.entry("sip_whitelist", question.account.name, item.trunk, str(item.network))


def _items(question: Question) -> list[WhitelistItem]:
    return [item for item in question.account.whitelist if item.network.version == 4]


def _chosen(question: Question, *, several: bool) -> list[WhitelistItem]:
    question.given.required("sip_whitelist_id")
    number_of = lambda item: _entry(question, item).number
    return question.chosen("sip_whitelist", _items(question), number_of, lambda item: str(item.network), several)


def del_item(question: Question) -> Answer:
    """Take networks off the whitelist; calls that stand go on."""
    for item in _chosen(question, several=True):
        question.account.disallow(item.number)
        question.platform.ledger.forget("sip_whitelist", (question.account.name, item.trunk, str(item.network)))
    return {"result": 1}


def set_item(question: Question) -> Answer:
    """Put another network in the place of one on the list; it keeps its number."""
    network = _network(question)
    (item,) = _chosen(question, several=False)
    description = question.given.cleared("description", longest=_LONGEST_DESCRIPTION)
    kept = item.description if description is None else description
    if any(other.network == network and other != item for other in question.account.whitelist):
        raise wrong("sip_whitelist_network", f"{network} is on the list already")
    entry = question.touched(_entry(question, item))
    _allowed(question, str(network), kept, item.trunk)
    if network != item.network:
        old, new = ((question.account.name, item.trunk, str(each)) for each in (item.network, network))
        question.platform.ledger.rename("sip_whitelist", old, new)
        question.account.disallow(item.number)
    return {"result": 1, "sip_whitelist_id": entry.number}


def get_items(question: Question) -> Answer:
    """List the networks."""
    number = question.given.integer("sip_whitelist_id")
    known = [item for item in _items(question) if number is None or _entry(question, item).number == number]
    if number is not None and not known:
        raise ApiError(169, f"there is none {number} in this account")
    return question.given.page(known, lambda item: _shown(question, item))


def _shown(question: Question, item: WhitelistItem) -> Answer:
    found: Answer = {
        "sip_whitelist_id": _entry(question, item).number,
        "sip_whitelist_network": str(item.network),
    }
    return found | ({"description": item.description} if item.description else {})


METHODS = {
    "AddSipWhiteListItem": add_item,
    "DelSipWhiteListItem": del_item,
    "SetSipWhiteListItem": set_item,
    "GetSipWhiteList": get_items,
}
