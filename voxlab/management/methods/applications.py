"""AddApplication, DelApplication, SetApplicationInfo, GetApplications."""

from __future__ import annotations

from voxlab.base.errors import VoxlabError
from voxlab.management.errors import FORBIDDEN_COMMAND, ApiError, wrong
from voxlab.management.methods import rules, scenarios
from voxlab.management.parameters import date
from voxlab.management.question import Answer, Question
from voxlab.platform.application import Application
from voxlab.platform.names import APPLICATION, checked


def add_application(question: Question) -> Answer:
    """Make an application."""
    name = _checked(question.given.required("application_name"))
    if name in question.account.applications:
        raise ApiError(129, name)
    try:
        application = question.account.application(name)
    except VoxlabError as error:
        raise wrong("application_name", str(error)) from None
    entry = question.of_application(application)
    entry.remarks["secure_record_storage"] = str(question.given.boolean("secure_record_storage") or False)
    return {"result": 1, "application_id": entry.number, "application_name": application.domain}


def _checked(name: str) -> str:
    try:
        return checked(name, APPLICATION)
    except VoxlabError as error:
        raise wrong("application_name", str(error)) from None


def del_application(question: Question) -> Answer:
    """Forget applications, with their users, rules and scenarios."""
    known = question.applications
    numbers_of = lambda each: question.of_application(each).number
    chosen = question.chosen("application", known, numbers_of, lambda each: _asked_as(question, each))
    for application in chosen:
        question.account.remove_application(application.name)
        forget(question, application)
    return {"result": 1}


def _asked_as(question: Question, application: Application) -> str:
    """Return an application's name in the form in which the request names applications, long or short."""
    return (
        application.domain
        if application.domain in (question.given.words("application_name") or ())
        else application.name
    )


def forget(question: Question, application: Application) -> None:
    """Forget the numbers of an application and of what was in it."""
    ledger = question.platform.ledger
    inside = ("user", "rule", "scenario", "application")
    keys = [(kind, key) for kind, key, _ in ledger.entries() if kind in inside and key[0] == application.domain]
    for kind, key in keys:
        ledger.forget(kind, key)


def set_application_info(question: Question) -> Answer:
    """Change an application. Its name stays: the H(A1) of its users are made of its domain."""
    application = question.application(name="required_application_name")
    if application is None:
        application = question.needed_application()
    wanted = question.given.text("application_name")
    if wanted is not None and wanted not in {application.name, application.domain}:
        _checked(wanted)
        why = "an application keeps its name: the passwords of its users are kept as hashes that hold its domain"
        raise ApiError(FORBIDDEN_COMMAND, why)
    secure = question.given.boolean("secure_record_storage")
    entry = question.touched(question.of_application(application))
    if secure is not None:
        entry.remarks["secure_record_storage"] = str(secure)
    return {"result": 1, "application_id": entry.number, "application_name": application.domain}


def get_applications(question: Question) -> Answer:
    """List applications."""
    given = question.given
    number, name = given.integer("application_id"), given.text("application_name")
    known = [
        each
        for each in question.applications
        if (number is None or question.of_application(each).number == number)
        and (name is None or name in {each.name, each.domain})
    ]
    return given.page(known, lambda each: _shown(question, each))


def _shown(question: Question, application: Application) -> Answer:
    entry = question.of_application(application)
    shown: Answer = {
        "application_id": entry.number,
        "application_name": application.domain,
        "modified": date(entry.modified_s),
        "secure_record_storage": entry.remarks.get("secure_record_storage") == "True",
    }
    if question.given.boolean("with_rules"):
        with_scenarios = bool(question.given.boolean("with_scenarios"))
        shown["rules"] = [rules.shown(question, application, rule, with_scenarios) for rule in application.rules]
    if question.given.boolean("with_scenarios"):
        shown["scenarios"] = [
            scenarios.shown(question, application, scenario) for scenario in application.scenarios.values()
        ]
    return shown


METHODS = {
    "AddApplication": add_application,
    "DelApplication": del_application,
    "SetApplicationInfo": set_application_info,
    "GetApplications": get_applications,
}
