"""AddRule, DelRule, SetRuleInfo, GetRules, ReorderRules."""

from __future__ import annotations

from voxlab.base.errors import VoxlabError
from voxlab.management.errors import FORBIDDEN_COMMAND, ApiError, wrong
from voxlab.management.methods import scenarios
from voxlab.management.parameters import ALL, date
from voxlab.management.question import Answer, Question
from voxlab.platform.application import Application
from voxlab.platform.rule import Rule

_LONGEST_PATTERN = 65_535


def add_rule(question: Question) -> Answer:
    """Make a rule, with a scenario or without."""
    given, application = question.given, question.needed_application()
    name, pattern = given.required("rule_name", longest=99), given.required("rule_pattern", longest=_LONGEST_PATTERN)
    exclude = given.text("rule_pattern_exclude", longest=_LONGEST_PATTERN)
    _refuse_video(question)
    if any(rule.name == name for rule in application.rules):
        raise ApiError(175, name)
    bound = []
    if "scenario_id" in given or "scenario_name" in given:
        bound = [scenario for place, scenario in question.scenarios() if place is application]
    if len(bound) > 1:
        raise ApiError(419, "a rule leads to one scenario here")
    _try_pattern(pattern, "rule_pattern")
    if exclude is not None:
        _try_pattern(exclude, "rule_pattern_exclude")
    try:
        if bound:
            rule = application.rule(name, scenario=bound[0], pattern=pattern, exclude=exclude)
        else:
            rule = application.unbound_rule(name, pattern=pattern, exclude=exclude)
    except VoxlabError as error:
        raise wrong("rule_name", str(error)) from None
    return {"result": 1, "rule_id": question.of_rule(application, rule).number}


def _refuse_video(question: Question) -> None:
    if question.given.boolean("video_conference"):
        raise ApiError(FORBIDDEN_COMMAND, "there are no video conferences here")
    if "bind_key_id" in question.given:
        raise ApiError(FORBIDDEN_COMMAND, "a rule is not bound to a key here")


def _try_pattern(pattern: str, parameter: str) -> None:
    from voxlab.platform.pattern import compiled

    try:
        compiled(pattern, parameter)
    except VoxlabError as error:
        raise wrong(parameter, str(error)) from None


def del_rule(question: Question) -> Answer:
    """Forget rules; their scenarios stay."""
    for application, rule in question.rules():
        application.remove_rule(rule.name)
        question.platform.ledger.forget("rule", (application.domain, rule.name))
    return {"result": 1}


def set_rule_info(question: Question) -> Answer:
    """Change a rule."""
    given = question.given
    ((application, rule),) = _numbered(question)
    pattern = given.text("rule_pattern", longest=_LONGEST_PATTERN)
    exclude = given.cleared("rule_pattern_exclude", longest=_LONGEST_PATTERN)
    name = given.text("rule_name", longest=99)
    _refuse_video(question)
    for parameter, text in (("rule_pattern", pattern), ("rule_pattern_exclude", exclude)):
        if text:
            _try_pattern(text, parameter)
    if name is not None and name != rule.name:
        _rename(question, application, rule, name)
    if pattern is not None or exclude is not None:
        kept = rule.exclude if exclude is None else exclude or None
        rule.define(rule.pattern if pattern is None else pattern, kept)
        if pattern is not None:
            application.rule(
                rule.name, pattern=pattern
            )  # no default rule any more: it takes its place among the others
    question.touched(question.of_rule(application, rule))
    return {"result": 1}


def _numbered(question: Question) -> list[tuple[Application, Rule]]:
    """Return the rules that ``rule_id`` names; ``rule_name`` is the new name here."""
    numbers = question.given.integers("rule_id")
    known = [(each, rule) for each in question.applications for rule in each.rules]
    found = [pair for pair in known if isinstance(numbers, list) and question.of_rule(*pair).number in numbers]
    if len(found) != 1:
        raise wrong("rule_id", "one rule of this account")
    return found


def _rename(question: Question, application: Application, rule: Rule, name: str) -> None:
    old = rule.name
    if any(each.name == name for each in application.rules):
        raise ApiError(175, name)
    try:
        application.rename_rule(old, name)
    except VoxlabError as error:
        raise wrong("rule_name", str(error)) from None
    question.platform.ledger.rename("rule", (application.domain, old), (application.domain, name))


def reorder_rules(question: Question) -> Answer:
    """Put the rules of an application in an order; those that are not named come last, in the order that they had."""
    numbers = question.given.integers("rule_id")
    if numbers is None or numbers == ALL:
        raise wrong("rule_id", "the numbers of an application's rules, in order")
    chosen = question.rules()
    applications = {application.domain: application for application, _ in chosen}
    if len(applications) != 1:
        raise wrong("rule_id", "rules of one application")
    (application,) = applications.values()
    names = list(dict.fromkeys([rule.name for _, rule in chosen] + [rule.name for rule in application.rules]))
    application.reorder(names)
    return {"result": 1}


def get_rules(question: Question) -> Answer:
    """List rules; with ``template``, those that take that number or name."""
    given = question.given
    template, with_scenarios = given.text("template"), bool(given.boolean("with_scenarios"))
    if given.boolean("video_conference"):
        return given.page([], str)
    known = [(each, rule) for each in question.scope() for rule in each.rules]
    known = question.filtered("rule", known, lambda pair: question.of_rule(*pair).number, lambda pair: pair[1].name)
    if template is not None:
        known = [pair for pair in known if pair[1].matches(template)]
    return given.page(known, lambda pair: shown(question, pair[0], pair[1], with_scenarios))


def shown(question: Question, application: Application, rule: Rule, with_scenarios: bool) -> Answer:
    """Return the JSON of a rule."""
    entry = question.of_rule(application, rule)
    found: Answer = {
        "rule_id": entry.number,
        "application_id": question.of_application(application).number,
        "rule_name": rule.name,
        "rule_pattern": rule.pattern,
        "video_conference": False,
        "modified": date(entry.modified_s),
    }
    if rule.exclude is not None:
        found["rule_pattern_exclude"] = rule.exclude
    if with_scenarios:
        bound = None if rule.scenario is None else application.scenarios.get(rule.scenario.name)
        found["scenarios"] = [] if bound is None else [scenarios.shown(question, application, bound)]
    return found


METHODS = {
    "AddRule": add_rule,
    "DelRule": del_rule,
    "SetRuleInfo": set_rule_info,
    "ReorderRules": reorder_rules,
    "GetRules": get_rules,
}
