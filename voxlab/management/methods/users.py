"""AddUser, DelUser, SetUserInfo, GetUsers."""

from __future__ import annotations

from voxlab.base.errors import VoxlabError
from voxlab.management.errors import FORBIDDEN_COMMAND, ApiError, wrong
from voxlab.management.parameters import date
from voxlab.management.question import Answer, Question
from voxlab.platform.application import Application
from voxlab.platform.names import USER, checked
from voxlab.platform.user import User

_REMARKS = {"user_custom_data": 8191, "mobile_phone": 50}


def add_user(question: Question) -> Answer:
    """Make a user."""
    given, application = question.given, question.needed_application()
    name = _checked(given.required("user_name"), "user_name")
    shown = given.required("user_display_name", longest=255)
    password = strong(given.required("user_password", longest=128))
    remarks = _remarks(question)
    active = given.boolean("user_active")
    if name in application.users:
        raise ApiError(118, name)
    user = _with(application, name, password, shown)
    user.active = active is not False
    entry = question.of_user(user)
    entry.remarks.update(remarks)
    return {"result": 1, "user_id": entry.number}


def _with(application: Application, name: str, password: str, shown: str | None) -> User:
    try:
        return application.user(name, password=password, display_name=shown)
    except VoxlabError as error:
        raise ApiError(112, str(error)) from None


def _checked(name: str, parameter: str) -> str:
    try:
        return checked(name, USER)
    except VoxlabError as error:
        raise wrong(parameter, str(error)) from None


def strong(password: str) -> str:
    """Return a password that the API takes: 8 characters or more, of all four kinds."""
    kinds = (str.islower, str.isupper, str.isdigit, lambda each: not each.isalnum())
    if len(password) < 8 or not all(any(kind(each) for each in password) for kind in kinds):
        raise ApiError(112)
    return password


def _remarks(question: Question) -> dict[str, str]:
    given = question.given
    texts = {name: given.cleared(name, longest=longest) for name, longest in _REMARKS.items()}
    found = {name: text for name, text in texts.items() if text is not None}
    accounting = given.boolean("parent_accounting")
    return found if accounting is None else found | {"parent_accounting": str(accounting)}


def del_user(question: Question) -> Answer:
    """Forget users."""
    for application, user in question.users():
        application.remove_user(user.name)
        question.platform.ledger.forget("user", (user.domain, user.name))
    return {"result": 1}


def set_user_info(question: Question) -> Answer:
    """Change a user."""
    given = question.given
    ((application, user),) = question.users(several=False)
    word, name = given.text("user_password"), given.text("new_user_name")
    shown = given.cleared("user_display_name", longest=255)
    remarks, active = _remarks(question), given.boolean("user_active")
    password = None if word is None else strong(word)
    if name is not None and name != user.name:
        user = _renamed(question, application, user, _checked(name, "new_user_name"), password)
    elif password is not None:
        _with(application, user.name, password, None)
    if shown is not None:
        user.display_name = shown
    if active is not None:
        user.active = active
    question.touched(question.of_user(user)).remarks.update(remarks)
    return {"result": 1}


def _renamed(question: Question, application: Application, user: User, name: str, password: str | None) -> User:
    """Call a user otherwise; H(A1) holds the name, so a password is needed to make another."""
    if name in application.users:
        raise ApiError(118, name)
    secret = user.password.reveal() if user.password is not None else None
    word = password or secret
    if word is None:
        why = "only the hash of the password is known, and it holds the old name: send user_password too"
        raise ApiError(FORBIDDEN_COMMAND, why)
    made = _with(application, name, word, user.display_name)
    made.active = user.active
    application.remove_user(user.name)
    question.platform.ledger.rename("user", (user.domain, user.name), (user.domain, name))
    return made


def get_users(question: Question) -> Answer:
    """List the users of an application."""
    given, application = question.given, question.needed_application()
    active, shown = given.boolean("user_active"), given.text("user_display_name")
    number_of = lambda user: question.of_user(user).number
    known = question.filtered("user", application.users.values(), number_of, lambda user: user.name)
    known = [
        user
        for user in known
        if (active is None or user.active == active) and (shown is None or shown.lower() in user.display_name.lower())
    ]
    order = given.text("order_by")
    if order not in {None, "user_id", "user_name", "user_display_name"}:
        raise wrong("order_by", f"user_id, user_name or user_display_name, not {order!r}")
    if order is not None:
        keys = {"user_id": number_of, "user_name": lambda user: user.name}
        known.sort(key=keys.get(order, lambda user: user.display_name))
    return given.page(known, lambda user: _shown(question, application, user))


def _shown(question: Question, application: Application, user: User) -> Answer:
    entry, place = question.of_user(user), question.of_application(application)
    return {
        "user_id": entry.number,
        "user_name": user.name,
        "user_display_name": user.display_name,
        "user_active": user.active,
        "parent_accounting": entry.remarks.get("parent_accounting", "True") == "True",
        "user_custom_data": entry.remarks.get("user_custom_data", ""),
        "mobile_phone": entry.remarks.get("mobile_phone", ""),
        "applications": [
            {
                "application_id": place.number,
                "application_name": application.domain,
                "modified": date(place.modified_s),
                "secure_record_storage": place.remarks.get("secure_record_storage") == "True",
            }
        ],
        "created": date(entry.created_s),
        "modified": date(entry.modified_s),
    }


METHODS = {"AddUser": add_user, "DelUser": del_user, "SetUserInfo": set_user_info, "GetUsers": get_users}
