"""GetCallHistory: sessions with their calls, as the store has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from voxlab.management.errors import ApiError, wrong
from voxlab.management.parameters import DEFAULT_COUNT, date
from voxlab.management.question import Answer, Later, Question

_MAX_OFFSET = 10_000
_SESSIONS = "session, application, rule, caller, host, start_s, end_s, finish_reason"
_CALLS = "call, session, incoming, local_number, remote_number, start_s, answer_s, end_s, status, reason"

_FINISH = {
    "scenario error": "JS session error",
    "not answered in 60 s": "Timeout",
    "Terminated administratively": "Terminated administratively",
    "The platform is shut down": "Terminated administratively",
}
"""What the reference calls the ends that are not normal; what says more than it has words for stays as it is."""

Term = tuple[str, list[Any]]
"""A condition, with its values."""

_SAID_AS_IS = ("Internal error", "The lab was closed")


def get(question: Question) -> Later:
    """Find sessions by when they began, and by a dozen filters."""
    given = question.given
    if given.boolean("is_async"):
        raise wrong("is_async", "this API makes no reports in the background: leave it out")
    where, values = _conditions(question)
    order = "DESC" if given.boolean("desc_order") else "ASC"
    count = given.integer("count", default=DEFAULT_COUNT, most=1000)
    offset = given.integer("offset", default=0, most=_MAX_OFFSET)
    # Everything in one question, so that the store answers once: the page, its calls, and how many there are.
    store = question.lab.store
    page = f"SELECT {_SESSIONS} FROM sessions WHERE {where} ORDER BY start_s {order}, session {order} LIMIT ? OFFSET ?"
    inner = f"SELECT session FROM sessions WHERE {where} ORDER BY start_s {order}, session {order} LIMIT ? OFFSET ?"
    calls = f"SELECT {_CALLS} FROM calls WHERE session IN ({inner}) ORDER BY call"
    total = f"SELECT count(*) FROM sessions WHERE {where}"
    paged = (*values, count, offset)
    found = store.ask([(page, paged), (calls, paged), (total, values)])
    return Later(found, lambda rows: _answer(question, *rows))


def _conditions(question: Question) -> tuple[str, tuple[Any, ...]]:
    given = question.given
    terms: list[Term] = [("account = ?", [question.account.name])]
    numbers = given.integers("call_session_history_id")
    start_s, end_s = given.instant("from_date"), given.instant("to_date")
    if isinstance(numbers, list):
        terms.append(_among("session", numbers))
    elif start_s is None or end_s is None:
        raise ApiError(134, "from_date and to_date, or call_session_history_id")
    if start_s is not None and end_s is not None and start_s > end_s:
        raise ApiError(123, "from_date is after to_date")
    if start_s is not None:
        terms.append(("start_s >= ?", [start_s]))
    if end_s is not None:
        terms.append(("start_s < ?", [end_s + 1.0]))  # dates are written in whole seconds
    terms += _filters(question)
    return " AND ".join(term for term, _ in terms), tuple(value for _, values in terms for value in values)


def _filters(question: Question) -> list[Term]:
    given = question.given
    found: list[Term] = []
    application = question.application()
    if application is not None:
        found.append(("application = ?", [application.domain]))
    if rule := given.text("rule_name"):
        found.append(("rule = ?", [rule]))
    users = given.integers("user_id")
    if isinstance(users, list):
        aors = [key for number in users if (key := question.platform.ledger.key("user", number))]
        found.append(_among("caller", [f"sip:{name}@{domain}" for domain, name in aors]))
    for parameter, column in (("remote_number", "remote_number"), ("local_number", "local_number")):
        if asked := given.words(parameter):
            term, values = _among(column, asked)
            found.append((f"session IN (SELECT session FROM calls WHERE {term})", values))
    length = "end_s - start_s"
    for parameter, sign in (("min_duration", ">="), ("max_duration", "<=")):
        seconds = given.integer(parameter)
        if seconds is not None:
            found.append((f"{length} {sign} ?", [seconds]))
    return found


def _among(column: str, values: Sequence[Any]) -> Term:
    return f"{column} IN ({', '.join('?' * len(values))})", list(values)


def _answer(question: Question, sessions: list[Any], calls: list[Any], total: list[Any]) -> Answer:
    with_calls = bool(question.given.boolean("with_calls"))
    by_session: dict[int, list[Answer]] = {}
    for call in calls:
        by_session.setdefault(call[1], []).append(_call(question, call))
    shown = [_session(question, session, by_session if with_calls else None) for session in sessions]
    answer: Answer = {"result": shown, "count": len(shown), "timezone": "UTC"}
    wanted = question.given.boolean("with_total_count") is not False
    return answer | ({"total_count": total[0][0]} if wanted else {})


def _session(question: Question, row: Any, calls: dict[int, list[Answer]] | None) -> Answer:
    session, domain, rule, caller, host, start_s, end_s, finish_reason = row
    application = question.platform.application_at(domain)
    user = question.platform.user_at(*caller.removeprefix("sip:").rpartition("@")[::2])
    found: Answer = {
        "call_session_history_id": session,
        "account_id": question.of_account().number,
        "application_id": question.of_application(application).number if application is not None else None,
        "application_name": domain,
        "rule_name": rule,
        "user_id": question.of_user(user).number if user is not None else None,
        "start_date": date(start_s),
        "duration": round(end_s - start_s) if end_s is not None else None,
        "initiator_address": caller,
        "media_server_address": host,
        "finish_reason": finish_of(finish_reason) if finish_reason is not None else None,
        "calls": None if calls is None else calls.get(session, []),
    }
    return {name: value for name, value in found.items() if value is not None}


def finish_of(reason: str) -> str:
    """Return a finish reason in the reference's words."""
    if reason.startswith(_SAID_AS_IS):
        return reason
    return _FINISH.get(reason, "Normal termination")


def _call(question: Question, row: Any) -> Answer:
    call, _session, incoming, local_number, remote_number, start_s, answer_s, end_s, status, reason = row
    found: Answer = {
        "call_id": call,
        "start_time": date(start_s),
        "duration": round(end_s - answer_s) if answer_s is not None and end_s is not None else None,
        "local_number": local_number,
        "remote_number": remote_number,
        "remote_number_type": _kind(question, remote_number),
        "incoming": bool(incoming),
        "successful": answer_s is not None,
        "end_reason": {"code": status, "details": reason} if status is not None else None,
    }
    return {name: value for name, value in found.items() if value is not None}


def _kind(question: Question, number: str) -> str:
    """Return what kind of party a number is, in the reference's words."""
    if number.lstrip("+").isdigit():
        return "pstn"
    known = any(number in application.users for application in question.applications)
    return "user" if known else "sip address"


METHODS = {"GetCallHistory": get}
