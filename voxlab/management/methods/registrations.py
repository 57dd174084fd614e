"""CreateSipRegistration, UpdateSipRegistration, BindSipRegistration, DeleteSipRegistration, GetSipRegistrations.

The API keeps the records; the platform's registrants keep their states true.
"""

from __future__ import annotations

from collections.abc import Callable

from voxlab.base.errors import SipSyntaxError
from voxlab.management.errors import ApiError, wrong
from voxlab.management.parameters import date
from voxlab.management.question import Answer, Question
from voxlab.platform.application import Application
from voxlab.platform.registration import DEACTIVATED, IN_PROGRESS, SUCCESSFUL, SipRegistration
from voxlab.platform.rule import Rule
from voxlab.platform.secret import Secret
from voxlab.platform.user import User
from voxlab.sip.uri import Uri

_LONGEST = 255
Binding = tuple[Application | None, Rule | None, User | None]


def create(question: Question) -> Answer:
    """Make a registration of the account elsewhere."""
    given, platform = question.given, question.platform
    username, proxy = _checked_user(given.required("sip_username", longest=_LONGEST)), given.required("proxy")
    outbound = given.text("outbound_proxy")
    binding = _binding(question)
    persistent = given.boolean("is_persistent") is not False
    if not persistent and binding[2] is None:
        raise wrong("user_id", "a registration that is not persistent stands while its user is logged in: name one")
    number = max((each.number for each in platform.registrations.values()), default=0) + 1
    record = SipRegistration(
        number=number,
        account=question.account.name,
        username=username,
        proxy=_checked_host("proxy", proxy),
        password=Secret(given.text("password", longest=_LONGEST) or ""),
        contact_user=platform.contact_user(f"{question.account.name} {username} {number}"),
        auth_user=given.text("auth_user", longest=_LONGEST),
        outbound_proxy=None if outbound is None else _checked_host("outbound_proxy", outbound),
        is_persistent=persistent,
        state=IN_PROGRESS,
    )
    _bind(question, record, binding)
    platform.registrations[record.contact_user] = record
    question.entry("sip_registration", question.account.name, record.contact_user)
    question.lab.cloud.keep_definitions()
    return {"result": 1, "sip_registration_id": record.number, "account_info": _account(question)}


def _account(question: Question) -> Answer:
    return {"account_id": question.of_account().number, "frozen": False}


def _checked_user(name: str) -> str:
    if not name.isprintable() or any(each in name for each in ' <>"@'):
        raise wrong("sip_username", f"{name!r} cannot be the user part of a SIP URI")
    return name


def _checked_host(parameter: str, text: str) -> str:
    try:
        uri = Uri.parse(text if text.startswith(("sip:", "sips:")) else f"sip:{text}")
    except SipSyntaxError as error:
        raise wrong(parameter, f"{text!r}: {error.reason}; write a domain or an address") from None
    if not uri.host or uri.user is not None or len(text) > _LONGEST:
        raise wrong(parameter, f"{text!r}: write a domain or an address, with a port where it is not 5060")
    return text


# -- what it is bound to


def _binding(question: Question) -> Binding:
    """Read what a request binds to; a rule or a user stands in an application, which has to be named."""
    given, application = question.given, question.application()
    named = [kind for kind in ("rule", "user") if f"{kind}_id" in given or f"{kind}_name" in given]
    if application is None and named:
        raise wrong("application_id", f"{named[0]}_id and {named[0]}_name go with application_id or application_name")
    rule = question.rules(several=False)[0][1] if "rule" in named else None
    user = question.users(several=False)[0][1] if "user" in named else None
    return application, rule, user


def _bind(question: Question, record: SipRegistration, binding: Binding) -> None:
    """Bind a registration; a user holds one, so an older one of his is unbound from him."""
    application, rule, user = binding
    if user is not None:
        for other in question.platform.registrations.values():
            if other.user is user and other is not record:
                other.user = None
    record.application, record.rule, record.user = application, rule, user


def _mine(question: Question) -> list[SipRegistration]:
    return [each for each in question.platform.registrations.values() if each.account == question.account.name]


def _chosen(question: Question) -> SipRegistration:
    number = question.given.integer("sip_registration_id")
    found = next((each for each in _mine(question) if each.number == number), None)
    if found is None:
        raise ApiError(275, f"there is none {number} in this account")
    return found


def update(question: Question) -> Answer:
    """Change a registration."""
    given, record = question.given, _chosen(question)
    username, proxy, password = (
        given.text("sip_username"),
        given.text("proxy"),
        given.text("password", longest=_LONGEST),
    )
    outbound = given.cleared("outbound_proxy")
    checked_user = None if username is None else _checked_user(username)
    checked_proxy = None if proxy is None else _checked_host("proxy", proxy)
    checked_outbound = None if not outbound else _checked_host("outbound_proxy", outbound)
    binding = _binding(question)
    if binding[0] is not None:
        _bind(question, record, binding)
    record.username, record.proxy = checked_user or record.username, checked_proxy or record.proxy
    if outbound is not None:
        record.outbound_proxy = checked_outbound
    if password is not None:
        record.password = Secret(password)
    if (auth_user := given.cleared("auth_user", longest=_LONGEST)) is not None:
        record.auth_user = auth_user or None
    question.lab.cloud.keep_definitions()
    return {"result": 1, "account_info": _account(question)}


def bind(question: Question) -> Answer:
    """Bind a registration to an application, a rule, a user, or unbind it."""
    given, record = question.given, _chosen(question)
    if given.boolean("bind") is not False:
        _bind(question, record, _binding(question))
    else:
        _bind(question, record, (None, None, None))
    question.lab.cloud.keep_definitions()
    return {"result": 1}


def delete(question: Question) -> Answer:
    """Forget a registration; the platform takes itself off the other telephony's registrar."""
    record = _chosen(question)
    del question.platform.registrations[record.contact_user]
    question.platform.ledger.forget("sip_registration", (question.account.name, record.contact_user))
    question.lab.cloud.keep_definitions()
    return {"result": 1}


# -- listing


def get(question: Question) -> Answer:
    """List registrations, by any of a dozen filters."""
    fits = _filters(question)
    return question.given.page(
        [each for each in _mine(question) if all(fit(each) for fit in fits)], lambda each: _shown(question, each)
    )


def _filters(question: Question) -> list[Callable[[SipRegistration], bool]]:
    given = question.given
    flags: dict[str, Callable[[SipRegistration], bool]] = {
        "deactivated": lambda each: each.state == DEACTIVATED,
        "successful": lambda each: each.state == SUCCESSFUL,
        "in_progress": lambda each: each.state == IN_PROGRESS,
        "is_persistent": lambda each: each.is_persistent,
        "is_bound_to_application": lambda each: each.application is not None,
    }
    words: dict[str, Callable[[SipRegistration], str]] = {
        "sip_registration_id": lambda each: str(each.number),
        "sip_username": lambda each: each.username,
        "proxy": lambda each: each.proxy,
        "application_id": lambda each: (
            str(question.of_application(each.application).number) if each.application else ""
        ),
        "application_name": lambda each: each.application.domain if each.application else "",
        "rule_id": lambda each: str(_rule_number(question, each) or ""),
        "rule_name": lambda each: each.rule.name if each.rule else "",
        "user_id": lambda each: str(question.of_user(each.user).number) if each.user else "",
        "user_name": lambda each: each.user.name if each.user else "",
    }
    found = [_same(read, wanted) for name, read in flags.items() if (wanted := given.boolean(name)) is not None]
    found += [_among(read, among) for name, read in words.items() if (among := given.words(name))]
    codes = given.words("status_code")
    return found if codes is None else [*found, _within([_range(code) for code in codes])]


def _number_of(question: Question, application: Application | None) -> str:
    return "" if application is None else str(question.of_application(application).number)


def _same(read: Callable[[SipRegistration], bool], wanted: bool) -> Callable[[SipRegistration], bool]:
    return lambda each: read(each) == wanted


def _among(read: Callable[[SipRegistration], str], wanted: list[str]) -> Callable[[SipRegistration], bool]:
    return lambda each: read(each) in wanted


def _within(ranges: list[tuple[int, int]]) -> Callable[[SipRegistration], bool]:
    return lambda each: any(least <= each.code <= most for least, most in ranges)


def _range(text: str) -> tuple[int, int]:
    least, _, most = text.partition(":")
    try:
        return int(least), int(most or least)
    except ValueError:
        raise wrong("status_code", f"numbers and ranges such as 403;500:599, not {text!r}") from None


def _rule_number(question: Question, record: SipRegistration) -> int | None:
    if record.application is None or record.rule is None:
        return None
    return question.of_rule(record.application, record.rule).number


def _shown(question: Question, record: SipRegistration) -> Answer:
    """Return the JSON of a registration; there is no price, because nothing costs anything here."""
    entry = question.entry("sip_registration", question.account.name, record.contact_user)
    epoch_s = question.lab.store.history.epoch_s
    application, rule, user = record.application, record.rule, record.user
    found: Answer = {
        "sip_registration_id": record.number,
        "sip_username": record.username,
        "proxy": record.proxy,
        "last_updated": round(epoch_s + record.refreshed_at_s) if record.refreshed_at_s else round(entry.modified_s),
        "deactivated": record.state == DEACTIVATED,
        "is_persistent": record.is_persistent,
        "purchase_date": date(entry.created_s),
        "auth_user": record.auth_user,
        "outbound_proxy": record.outbound_proxy,
        "successful": None if record.state in {IN_PROGRESS, DEACTIVATED} else record.state == SUCCESSFUL,
        "status_code": record.code or None,
        "error_message": record.reason if record.code and record.state != SUCCESSFUL else None,
    }
    if application is not None:
        found |= {
            "application_id": question.of_application(application).number,
            "application_name": application.domain,
            "rule_id": _rule_number(question, record),
            "rule_name": rule.name if rule is not None else None,
            "user_id": question.of_user(user).number if user is not None else None,
            "user_name": user.name if user is not None else None,
        }
    return {name: value for name, value in found.items() if value is not None}


METHODS = {
    "CreateSipRegistration": create,
    "UpdateSipRegistration": update,
    "BindSipRegistration": bind,
    "DeleteSipRegistration": delete,
    "GetSipRegistrations": get,
}
