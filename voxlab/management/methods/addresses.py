"""AddAuthorizedAccountIP, DelAuthorizedAccountIP, GetAuthorizedAccountIPs, CheckAuthorizedAccountIP: who may use this
API, not who may call.
"""

from __future__ import annotations

import ipaddress

from voxlab.base.errors import VoxlabError
from voxlab.management.errors import ApiError, wrong
from voxlab.management.parameters import ALL, date
from voxlab.management.question import Answer, Question
from voxlab.platform.access import AccessList, AuthorizedAddress, address_or_network
from voxlab.platform.trunk import Network, host_address


def _listed(question: Question) -> AccessList:
    return question.platform.access_list(question.account.name)


def _network(question: Question, parameter: str) -> Network:
    try:
        return address_or_network(question.given.required(parameter))
    except VoxlabError as error:
        raise wrong(parameter, str(error)) from None


def add(question: Question) -> Answer:
    """List an address, as allowed or as forbidden."""
    given, network = question.given, _network(question, "authorized_ip")
    allowed, description = given.boolean("allowed") is not False, given.text("description", longest=255) or ""
    _listed(question).add(AuthorizedAddress(network, allowed, description, question.now_s))
    return {"result": 1}


def delete(question: Question) -> Answer:
    """Take addresses off the list: one, all that hold an address, or all."""
    given, listed = question.given, _listed(question)
    allowed = given.boolean("allowed")
    if given.text("authorized_ip") == ALL:
        chosen = list(listed.addresses.values())
    elif "authorized_ip" in given:
        found = listed.addresses.get(str(_network(question, "authorized_ip")))
        chosen = [] if found is None else [found]
    else:
        chosen = _holding(question, list(listed.addresses.values()))
    chosen = [each for each in chosen if allowed is None or each.allowed == allowed]
    if not chosen:
        raise ApiError(321)
    for each in chosen:
        del listed.addresses[str(each.network)]
    return {"result": 1}


def _holding(question: Question, addresses: list[AuthorizedAddress]) -> list[AuthorizedAddress]:
    host = host_address(question.given.required("contains_ip"))
    if host is None:
        raise wrong("contains_ip", "an IP address")
    return [each for each in addresses if host in each.network]


def get(question: Question) -> Answer:
    """List the addresses."""
    given = question.given
    found = list(_listed(question).addresses.values())
    if "contains_ip" in given:
        found = _holding(question, found)
    if "authorized_ip" in given:
        wanted = _network(question, "authorized_ip")
        found = [each for each in found if each.network == wanted]
    allowed, description = given.boolean("allowed"), given.text("description")
    found = [
        each
        for each in found
        if (allowed is None or each.allowed == allowed) and (description is None or description in each.description)
    ]
    return given.page(found, _shown)


def _shown(address: AuthorizedAddress) -> Answer:
    return {
        "authorized_ip": _written(address.network),
        "allowed": address.allowed,
        "description": address.description,
        "created": date(address.created_s),
    }


def _written(network: Network) -> str:
    """Return a network as it was given: a single address without its length."""
    return str(network.network_address) if network.num_addresses == 1 else str(network)


def check(question: Question) -> Answer:
    """Say whether requests from an address would be taken, and by which entry."""
    text = question.given.required("authorized_ip")
    try:
        ipaddress.ip_address(text)
    except ValueError:
        raise wrong("authorized_ip", f"{text!r} is no IP address") from None
    allowed, entry = _listed(question).judge(text)
    return {"result": allowed} | ({} if entry is None else {"authorized_ip": _written(entry.network)})


METHODS = {
    "AddAuthorizedAccountIP": add,
    "DelAuthorizedAccountIP": delete,
    "GetAuthorizedAccountIPs": get,
    "CheckAuthorizedAccountIP": check,
}
