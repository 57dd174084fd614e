"""The image of a platform: everything on it that is data, as rows of the store's tables, and back.

A store writes what differs between two images. Scenarios are their owner's code: their names are kept, and the text of
those that came as text. Must not know SQL connections.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from voxlab.base.errors import VoxlabError
from voxlab.platform.access import AccessList, ApiKey, AuthorizedAddress
from voxlab.platform.account import Account
from voxlab.platform.application import Application
from voxlab.platform.ledger import Entry
from voxlab.platform.platform import Platform
from voxlab.platform.registration import SipRegistration
from voxlab.platform.rule import Rule
from voxlab.platform.secret import Secret, generated_password
from voxlab.store.sealing import Seal
from voxlab.store.trunk_image import outward_of, restore_outward

Row = tuple[Any, ...]
Image = dict[str, dict[Row, Row]]
"""By table, the rows by their primary keys."""


class Table(NamedTuple):
    """A table of the image: how many columns it has, and how many of them, from the left, are its key."""

    columns: int
    key: int


TABLES = {
    "accounts": Table(2, 1),
    "applications": Table(4, 1),
    "users": Table(6, 2),
    "scenarios": Table(4, 2),
    "rules": Table(7, 2),
    "trunks": Table(4, 2),
    "numbers": Table(4, 1),
    "registrations": Table(3, 1),
    "api_keys": Table(6, 1),
    "addresses": Table(6, 2),
    "ledger": Table(6, 2),
}
"""In the order in which they are read: what is referred to comes first."""


def image(platform: Platform, seal: Seal) -> Image:
    """Return what is on a platform now."""
    rows = {
        "accounts": ((account.name,) for account in platform.accounts.values()),
        "applications": ((each.domain, each.account, each.name) for each in _applications(platform)),
        "users": _users(platform),
        "scenarios": _scenarios(platform),
        "rules": _rules(platform),
        "trunks": _trunks(platform, seal),
        "numbers": _numbers(platform),
        "registrations": (
            (key, _described(registration, seal)) for key, registration in platform.registrations.items()
        ),
        "api_keys": (
            (key.key_id, key.account, key.public_key, key.description, key.created_s)
            for key in platform.api_keys.values()
        ),
        "addresses": _addresses(platform),
    }
    found = {name: _keyed(name, _placed(each)) for name, each in rows.items()}
    found["ledger"] = _keyed("ledger", _ledger(platform))
    return found


def differences(before: Image, after: Image) -> list[tuple[str, Row]]:
    """Return the statements, with their values, that turn one image into another."""
    statements: list[tuple[str, Row]] = []
    for name, table in TABLES.items():
        old, new = before.get(name, {}), after.get(name, {})
        insert = f"INSERT OR REPLACE INTO {name} VALUES ({', '.join('?' * table.columns)})"
        statements += [(insert, row) for key, row in new.items() if old.get(key) != row]
        gone = [key for key in old if key not in new]
        if gone:
            where = " AND ".join(f"{column} = ?" for column in _KEYS[name])
            statements += [(f"DELETE FROM {name} WHERE {where}", key) for key in gone]
    return statements


_KEYS = {
    "accounts": ("name",),
    "applications": ("domain",),
    "users": ("domain", "name"),
    "scenarios": ("domain", "name"),
    "rules": ("domain", "name"),
    "trunks": ("account", "name"),
    "numbers": ("number",),
    "registrations": ("contact_user",),
    "api_keys": ("key_id",),
    "addresses": ("account", "network"),
    "ledger": ("kind", "key"),
}


def _keyed(name: str, rows: Iterable[Row]) -> dict[Row, Row]:
    count = TABLES[name].key
    return {row[:count]: row for row in rows}


def _placed(rows: Iterable[Row]) -> Iterator[Row]:
    """Add each row's place, so that what is restored comes in the same order."""
    return ((*row, place) for place, row in enumerate(rows))


# -- from the platform to rows


def _applications(platform: Platform) -> Iterator[Application]:
    for account in platform.accounts.values():
        yield from account.applications.values()


def _users(platform: Platform) -> Iterator[Row]:
    for application in _applications(platform):
        for user in application.users.values():
            hashes = json.dumps({f"{name} {algorithm}": value for (name, algorithm), value in user.hashes.items()})
            yield application.domain, user.name, user.display_name, int(user.active), hashes


def _scenarios(platform: Platform) -> Iterator[Row]:
    for application in _applications(platform):
        for scenario in application.scenarios.values():
            yield application.domain, scenario.name, scenario.source


def _rules(platform: Platform) -> Iterator[Row]:
    for application in _applications(platform):
        for rule in application.rules:
            pattern = None if rule.is_default else rule.pattern
            scenario = rule.scenario.name if rule.scenario is not None else None
            yield application.domain, rule.name, scenario, rule.route, pattern, rule.exclude


def _trunks(platform: Platform, seal: Seal) -> Iterator[Row]:
    for account in platform.accounts.values():
        items = account.whitelist
        for trunk in account.trunks.values():
            allow = [[item.number, str(item.network), item.description] for item in items if item.trunk == trunk.name]
            yield account.name, trunk.name, json.dumps({"allow": allow, **outward_of(trunk, seal)})


def _numbers(platform: Platform) -> Iterator[Row]:
    for number in platform.numbers.values():
        yield number.number, number.application.domain, number.rule.name if number.rule is not None else None


def _described(registration: SipRegistration, seal: Seal) -> str:
    bound = registration.application, registration.rule, registration.user
    application, rule, user = bound
    return json.dumps(
        {
            "number": registration.number,
            "account": registration.account,
            "username": registration.username,
            "proxy": registration.proxy,
            "password": seal.seal(registration.password),
            "auth_user": registration.auth_user,
            "outbound_proxy": registration.outbound_proxy,
            "is_persistent": registration.is_persistent,
            "application": application.domain if application is not None else None,
            "rule": rule.name if rule is not None else None,
            "user": user.name if user is not None else None,
            "addresses": sorted(registration.addresses),
            "state": registration.state,
            "code": registration.code,
            "reason": registration.reason,
        }
    )


def _addresses(platform: Platform) -> Iterator[Row]:
    for account, listed in platform.access_lists.items():
        for each in listed.addresses.values():
            yield account, str(each.network), int(each.allowed), each.description, each.created_s


def _ledger(platform: Platform) -> Iterator[Row]:
    for kind, key, entry in platform.ledger.entries():
        remarks = json.dumps(entry.remarks)
        yield kind, json.dumps(list(key)), entry.number, entry.created_s, entry.modified_s, remarks


# -- from rows to the platform


def restore(platform: Platform, rows: Mapping[str, Iterable[Row]], seal: Seal) -> None:
    """Put what a store holds on a platform that is empty.

    Parameters
    ----------
    rows : mapping
        By table, its rows in the order of their places.

    Raises
    ------
    VoxlabError
        When the store is that of another platform domain.
    """
    for name, *_ in rows["accounts"]:
        platform.account(name)
    for domain, account, name, *_ in rows["applications"]:
        made = platform.account(account).application(name)
        if made.domain != domain:
            raise VoxlabError(
                f"the store holds {domain}, which would be {made.domain} here, and passwords belong to their domain: "
                f"use Lab(domain={domain.removeprefix(f'{name}.{account}.')!r}) with it"
            )
    for row in rows["users"]:
        _restore_user(_at(platform, row[0]), row)
    for domain, name, source, *_ in rows["scenarios"]:
        _at(platform, domain).script(name, None, source)
    for row in rows["rules"]:
        _restore_rule(_at(platform, row[0]), row)
    for account, name, record, *_ in rows["trunks"]:
        _restore_trunk(platform.account(account), name, json.loads(record), seal)
    for number, domain, rule, *_ in rows["numbers"]:
        application = _at(platform, domain)
        platform.number(number, application, _rule(application, rule))
    for key, record, *_ in rows["registrations"]:
        platform.registrations[key] = _registration(platform, key, json.loads(record), seal)
    _restore_access(platform, rows)
    for kind, key, number, created_s, modified_s, remarks in rows["ledger"]:
        platform.ledger.put(kind, tuple(json.loads(key)), Entry(number, created_s, modified_s, json.loads(remarks)))


def _at(platform: Platform, domain: str) -> Application:
    application = platform.application_at(domain)
    if application is None:
        raise VoxlabError(f"the store names {domain}, and holds no such application: it was changed by hand")
    return application


def _rule(application: Application, name: str | None) -> Rule | None:
    return next((rule for rule in application.rules if rule.name == name), None)


def _restore_user(application: Application, row: Row) -> None:
    _, name, display_name, active, hashes, *_ = row
    candidate = generated_password(application.ids.fork(f"password of {name}@{application.domain}"))
    user = application.user(name, password=candidate.reveal(), display_name=display_name)
    user.active = bool(active)
    pairs = {tuple(each.split(" ")): value for each, value in json.loads(hashes).items()}
    user.restore(pairs, candidate)


def _restore_rule(application: Application, row: Row) -> None:
    _, name, scenario, route, pattern, exclude, *_ = row
    if route is not None:
        application.rule(name, route=route, pattern=pattern, exclude=exclude)
    elif scenario:
        application.rule(name, scenario=scenario, pattern=pattern, exclude=exclude)
    else:
        application.unbound_rule(name, pattern=pattern or ".*", exclude=exclude)


def _restore_trunk(account: Account, name: str, record: Mapping[str, Any], seal: Seal) -> None:
    restore_outward(account.trunk(name), record, seal)
    for number, network, description in record["allow"]:
        account.number_item(name, ipaddress.ip_network(network), number)
        account.allow(network, description, trunk=name)


def _registration(platform: Platform, key: str, record: Mapping[str, Any], seal: Seal) -> SipRegistration:
    application = None if record["application"] is None else _at(platform, record["application"])
    return SipRegistration(
        number=record["number"],
        account=record["account"],
        username=record["username"],
        proxy=record["proxy"],
        password=seal.open(record["password"]) or Secret(""),
        contact_user=key,
        auth_user=record["auth_user"],
        outbound_proxy=record["outbound_proxy"],
        is_persistent=record["is_persistent"],
        application=application,
        rule=None if application is None else _rule(application, record["rule"]),
        user=None if application is None else application.users.get(record["user"]),
        addresses=frozenset(record["addresses"]),
        state=record["state"],
        code=record["code"],
        reason=record["reason"],
    )


def _restore_access(platform: Platform, rows: Mapping[str, Iterable[Row]]) -> None:
    for key_id, account, public_key, description, created_s, *_ in rows["api_keys"]:
        platform.api_keys[key_id] = ApiKey(key_id, account, public_key, description, created_s)
    for account, network, allowed, description, created_s, *_ in rows["addresses"]:
        listed: AccessList = platform.access_list(account)
        listed.add(AuthorizedAddress(ipaddress.ip_network(network), bool(allowed), description, created_s))
