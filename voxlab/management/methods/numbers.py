"""GetPhoneNumbers, BindPhoneNumberToApplication, IsAccountPhoneNumber, DeactivatePhoneNumber.

Numbers are given by the lab's owner; the API binds them. One that is bound to nothing is still the account's: the
ledger remembers whose.
"""

from __future__ import annotations

from typing import NamedTuple

from voxlab.base.errors import VoxlabError
from voxlab.management.errors import ApiError, wrong
from voxlab.management.parameters import date
from voxlab.management.question import Answer, Question
from voxlab.platform.application import Application
from voxlab.platform.rule import Rule


class _Phone(NamedTuple):
    """A number of the account, in E.164 form, and what it leads to."""

    number: str
    application: Application | None = None
    rule: Rule | None = None


def _phones(question: Question) -> list[_Phone]:
    """Return the account's numbers: those that lead somewhere, then those that do not."""
    platform, name = question.platform, question.account.name
    bound = [
        _Phone(each.number, each.application, each.rule)
        for each in platform.numbers.values()
        if each.application.account == name
    ]
    unbound = [
        _Phone(key[0])
        for kind, key, entry in platform.ledger.entries()
        if kind == "phone" and entry.remarks.get("unbound_of") == name and key[0] not in platform.numbers
    ]
    return [*bound, *unbound]


def _chosen(question: Question) -> list[_Phone]:
    return question.chosen(
        "phone",
        _phones(question),
        lambda phone: question.entry("phone", phone.number).number,
        lambda phone: _as_asked(question, phone),
        name="phone_number",
    )


def _as_asked(question: Question, phone: _Phone) -> str:
    """Return a number in the form in which the request names numbers, with + or without."""
    asked = question.given.words("phone_number") or ()
    return phone.number if phone.number in asked else phone.number[1:]


def bind(question: Question) -> Answer:
    """Let numbers lead to an application, and there to a rule, or nowhere."""
    platform, phones = question.platform, _chosen(question)
    wanted = question.given.boolean("bind") is not False
    application = question.application()
    if wanted and application is None:
        raise ApiError(116, "say which application")
    named = "rule_id" in question.given or "rule_name" in question.given
    rule = question.rules(several=False)[0][1] if named and wanted else None
    for phone in phones:
        remarks = question.touched(question.entry("phone", phone.number)).remarks
        if wanted and application is not None:
            _lead(question, phone, application, rule)
            remarks.pop("unbound_of", None)
        elif phone.application is not None:
            platform.remove_number(phone.number)
            remarks["unbound_of"] = question.account.name
    return {"result": 1}


def _lead(question: Question, phone: _Phone, application: Application, rule: Rule | None) -> None:
    try:
        question.platform.number(phone.number, application, rule)
    except VoxlabError as error:
        raise wrong("phone_number", str(error)) from None


def deactivate(question: Question) -> Answer:
    """Give numbers back."""
    for phone in _chosen(question):
        if phone.application is not None:
            question.platform.remove_number(phone.number)
        question.platform.ledger.forget("phone", (phone.number,))
    return {"result": 1}


def is_account_number(question: Question) -> Answer:
    """Say whether a number is the account's."""
    digits = question.given.required("phone_number").lstrip("+")
    return {"result": any(phone.number == f"+{digits}" for phone in _phones(question))}


def get(question: Question) -> Answer:
    """List numbers."""
    given = question.given
    applications, rules = given.words("application_id"), given.words("rule_id")
    names, rule_names = given.words("application_name"), given.words("rule_name")
    bound, to_rule = given.boolean("is_bound_to_application"), given.boolean("is_bound_to_rule")
    template = given.text("phone_template")
    numbers, asked = given.integers("phone_id"), given.words("phone_number")
    shown = [_shown(question, phone) for phone in _phones(question)]
    fitting = [
        each
        for each in shown
        if (not isinstance(numbers, list) or each["phone_id"] in numbers)
        and (asked is None or each["phone_number"] in {number.lstrip("+") for number in asked})
        and (applications is None or str(each.get("application_id")) in applications)
        and (names is None or each.get("application_name") in names)
        and (rules is None or str(each.get("rule_id")) in rules)
        and (rule_names is None or each.get("rule_name") in rule_names)
        and (bound is None or ("application_id" in each) == bound)
        and (to_rule is None or ("rule_id" in each) == to_rule)
        and (template is None or each["phone_number"].startswith(template.lstrip("+").rstrip("*%")))
    ]
    return given.page(fitting, lambda each: each)


def _shown(question: Question, phone: _Phone) -> Answer:
    entry = question.entry("phone", phone.number)
    found: Answer = {
        "phone_id": entry.number,
        "phone_number": phone.number[1:],
        "deactivated": False,
        "canceled": False,
        "modified": date(entry.modified_s),
    }
    if phone.application is not None:
        found["application_id"] = question.of_application(phone.application).number
        found["application_name"] = phone.application.domain
        if phone.rule is not None:
            found["rule_id"] = question.of_rule(phone.application, phone.rule).number
            found["rule_name"] = phone.rule.name
    return found


METHODS = {
    "GetPhoneNumbers": get,
    "BindPhoneNumberToApplication": bind,
    "IsAccountPhoneNumber": is_account_number,
    "DeactivatePhoneNumber": deactivate,
}
