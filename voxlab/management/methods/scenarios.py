"""AddScenario, DelScenario, SetScenarioInfo, GetScenarios, BindScenario, ReorderScenarios.

A scenario that comes over the API is Python code which runs in the lab: it is taken only where the lab's owner said so.
What the owner defined can always be bound to rules.
"""

from __future__ import annotations

from voxlab.base.errors import VoxlabError
from voxlab.management.errors import FORBIDDEN_COMMAND, ApiError, wrong
from voxlab.management.parameters import date
from voxlab.management.question import Answer, Question
from voxlab.management.script import MAX_SCRIPT, function_of
from voxlab.platform.application import Application
from voxlab.platform.rule import Rule
from voxlab.platform.scenario import Scenario, nowhere


def add_scenario(question: Question) -> Answer:
    """Define a scenario by its text, and bind it to a rule if one is named."""
    given = question.given
    name = given.required("scenario_name", longest=29)
    script = _script(question)
    rule = _rule(question) if "rule_id" in given or "rule_name" in given else None
    application = question.needed_application() if rule is None else rule[0]
    if name in application.scenarios and not given.boolean("rewrite"):
        raise ApiError(133, f"{name}; rewrite=True replaces it")
    scenario = _define(application, name, script)
    if rule is not None:
        application.rule(rule[1].name, scenario=scenario)
    return {"result": 1, "scenario_id": question.touched(question.of_scenario(application, scenario)).number}


def _script(question: Question) -> str:
    if not question.allow_scripts:
        why = (
            "a scenario is Python code that would run in this lab, and its owner does not take any over the API; "
            "voxlab serve --allow-remote-scenarios does. BindScenario binds the scenarios that the owner defined"
        )
        raise ApiError(FORBIDDEN_COMMAND, why)
    script = question.given.required("scenario_script")
    if len(script.encode()) > MAX_SCRIPT:
        raise ApiError(130, f"{len(script.encode())} bytes, at most {MAX_SCRIPT} are allowed")
    return script


def _define(application: Application, name: str, script: str) -> Scenario:
    try:
        return application.script(name, function_of(script, name), script)
    except VoxlabError as error:
        raise wrong("scenario_script", str(error)) from None


def _rule(question: Question) -> tuple[Application, Rule]:
    (found,) = question.rules(several=False)
    return found


def del_scenario(question: Question) -> Answer:
    """Forget scenarios; the rules that led to them lead nowhere."""
    for application, scenario in question.scenarios():
        application.remove_scenario(scenario.name)
        question.platform.ledger.forget("scenario", (application.domain, scenario.name))
    return {"result": 1}


def set_scenario_info(question: Question) -> Answer:
    """Give a scenario another text, or another name."""
    given = question.given
    ((application, scenario),) = question.scenarios(several=False, name="required_scenario_name")
    name = given.text("scenario_name", longest=29)
    script = _script(question) if "scenario_script" in given else None
    if name is not None and name != scenario.name:
        _rename(question, application, scenario, name)
    if script is not None:
        _define(application, scenario.name, script)
    question.touched(question.of_scenario(application, scenario))
    return {"result": 1}


def _rename(question: Question, application: Application, scenario: Scenario, name: str) -> None:
    old = scenario.name
    if name in application.scenarios:
        raise ApiError(133, name)
    try:
        application.rename_scenario(old, name)
    except VoxlabError as error:
        raise wrong("scenario_name", str(error)) from None
    question.platform.ledger.rename("scenario", (application.domain, old), (application.domain, name))


def get_scenarios(question: Question) -> Answer:
    """List scenarios; the text of those that came as text, if it is asked for."""
    known = [(each, scenario) for each in question.scope() for scenario in each.scenarios.values()]
    number_of = lambda pair: question.of_scenario(*pair).number
    known = question.filtered("scenario", known, number_of, lambda pair: pair[1].name)
    with_script = bool(question.given.boolean("with_script"))
    return question.given.page(known, lambda pair: shown(question, *pair, with_script=with_script))


def shown(question: Question, application: Application, scenario: Scenario, *, with_script: bool = False) -> Answer:
    """Return the JSON of a scenario."""
    entry = question.of_scenario(application, scenario)
    found: Answer = {
        "scenario_id": entry.number,
        "scenario_name": scenario.name,
        "application_id": question.of_application(application).number,
        "modified": date(entry.modified_s),
    }
    if with_script and scenario.source is not None:
        found["scenario_script"] = scenario.source
    return found


def bind_scenario(question: Question) -> Answer:
    """Let a rule lead to a scenario, or no more."""
    chosen = question.scenarios()
    application, rule = _rule(question)
    if len(chosen) > 1:
        raise ApiError(419, "a rule leads to one scenario here")
    ((place, scenario),) = chosen
    if place is not application:
        raise wrong(
            "scenario_id", f"scenario {scenario.name!r} is in {place.domain}, the rule is in {application.domain}"
        )
    if question.given.boolean("bind") is not False:
        application.rule(rule.name, scenario=scenario)
    elif rule.scenario is scenario:
        rule.scenario = nowhere()
    question.touched(question.of_rule(application, rule))
    return {"result": 1}


def reorder_scenarios(question: Question) -> Answer:
    """Put the scenarios of a rule in order: there is one at most, which has to be the one named."""
    _, rule = _rule(question)
    if [scenario for _, scenario in question.scenarios()] != [rule.scenario]:
        raise wrong("scenario_id", "the scenarios that the rule is bound to, each once")
    return {"result": 1}


METHODS = {
    "AddScenario": add_scenario,
    "DelScenario": del_scenario,
    "SetScenarioInfo": set_scenario_info,
    "GetScenarios": get_scenarios,
    "BindScenario": bind_scenario,
    "ReorderScenarios": reorder_scenarios,
}
