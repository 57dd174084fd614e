from __future__ import annotations

import pytest

from voxlab.base.errors import VoxlabError
from voxlab.base.ids import Ids
from voxlab.platform.application import Application
from voxlab.platform.platform import Platform


@pytest.fixture
def shop() -> Application:
    return Platform(Ids.seeded(7)).account("acme").application("shop")


def names(shop: Application) -> list[str]:
    return [rule.name for rule in shop.rules]


def test_a_scenario_without_a_pattern_gets_every_call(shop: Application) -> None:
    scenario = shop.scenario("forward", len)
    assert [(rule.name, rule.pattern, rule.scenario) for rule in shop.rules] == [("forward", ".*", scenario)]
    assert (scenario.name, scenario.function, scenario.order) == ("forward", len, 1)
    assert shop.match("bob") is shop.match("+4930999100") is shop.rules[0]


def test_a_redefinition_replaces_the_function_and_the_pattern_of_its_namesake(shop: Application) -> None:
    first = shop.scenario("forward", len, pattern="bob", exclude="x")
    shop.scenario("other", max)
    again = shop.scenario("forward", sum, pattern="alice")
    assert again is first
    assert (again.function, again.order) == (sum, 1)
    assert names(shop) == ["forward", "other"]
    assert (shop.rules[0].pattern, shop.rules[0].exclude) == ("alice", None)


def test_a_redefinition_that_is_wrong_changes_nothing(shop: Application) -> None:
    scenario = shop.scenario("forward", len, pattern="bob")
    with pytest.raises(VoxlabError, match="no regular expression"):
        shop.scenario("forward", sum, pattern="(")
    assert scenario.function is len
    assert shop.rules[0].pattern == "bob"
    with pytest.raises(VoxlabError, match="no regular expression"):
        shop.scenario("new", sum, pattern="(")
    assert list(shop.scenarios) == names(shop) == ["forward"]


def test_the_first_rule_that_matches_wins(shop: Application) -> None:
    shop.scenario("berlin", len, pattern=r"\+4930.*")
    shop.scenario("germany", sum, pattern=r"\+49.*")
    berlin, germany = shop.rules
    assert shop.match("+4930999100") is berlin
    assert shop.match("+498999100") is germany
    assert shop.match("+7495") is None


def test_a_rule_without_a_pattern_takes_what_is_left_wherever_it_was_defined(shop: Application) -> None:
    shop.scenario("forward", len)
    shop.scenario("out", sum, pattern=r"\+49.*")
    assert names(shop) == ["out", "forward"]
    assert [rule.is_default for rule in shop.rules] == [False, True]
    assert (shop.match("+4930") or shop.rules[1]).name == "out"
    assert (shop.match("bob") or shop.rules[0]).name == "forward"


def test_a_pattern_of_anything_that_somebody_typed_keeps_its_place(shop: Application) -> None:
    shop.scenario("all", len, pattern=".*")
    shop.scenario("out", sum, pattern=r"\+49.*")
    assert names(shop) == ["all", "out"]
    assert shop.shadow_of(shop.rules[1]) is shop.rules[0]
    assert shop.shadow_of(shop.rules[0]) is None


def test_several_rules_may_lead_to_one_scenario(shop: Application) -> None:
    scenario = shop.scenario("forward", len, pattern="bob")
    incoming = shop.rule("incoming", scenario="forward", pattern=r"\+49.*")
    assert shop.rule("incoming") is incoming
    assert incoming.scenario is scenario
    assert names(shop) == ["forward", "incoming"]


def test_a_rule_updates_only_what_is_given(shop: Application) -> None:
    shop.scenario("forward", len, pattern="bob")
    other = shop.scenario("other", sum, pattern="x")
    rule = shop.rule("incoming", scenario="forward", pattern=r"\+49.*", exclude=r"\+4930.*")
    shop.rule("incoming", scenario=other)
    assert (rule.scenario, rule.pattern, rule.exclude) == (other, r"\+49.*", r"\+4930.*")
    shop.rule("incoming", exclude=None)
    assert (rule.pattern, rule.exclude) == (r"\+49.*", None)
    shop.rule("incoming", pattern=None)
    assert (rule.pattern, rule.is_default) == (".*", True)
    shop.rule("incoming")
    assert rule.is_default


def test_a_new_rule_has_to_lead_somewhere(shop: Application) -> None:
    with pytest.raises(VoxlabError, match=r"rule 'in' is new in shop\.acme\.voxlab\.test and leads nowhere yet"):
        shop.rule("in")
    shop.scenario("forward", len)
    with pytest.raises(VoxlabError, match=r"unknown scenario 'forwrd'.*did you mean 'forward'\?"):
        shop.rule("in", scenario="forwrd")
    stranger = Platform(Ids.seeded(7)).account("acme").application("other").scenario("forward", len)
    with pytest.raises(VoxlabError, match="needs a scenario of shop"):
        shop.rule("in", scenario=stranger)
    assert names(shop) == ["forward"]


def test_rules_can_be_put_in_another_order(shop: Application) -> None:
    for name in ("one", "two", "three"):
        shop.scenario(name, len, pattern=name)
    shop.reorder(["three", "one", "two"])
    assert names(shop) == ["three", "one", "two"]
    for wrong in (["one", "two"], ["one", "two", "three", "three"], ["one", "two", "four"]):
        with pytest.raises(VoxlabError, match="each of its rules once: three, one, two"):
            shop.reorder(wrong)


def test_a_rule_can_be_removed(shop: Application) -> None:
    shop.scenario("forward", len)
    shop.remove_rule("forward")
    assert shop.rules == ()
    with pytest.raises(VoxlabError, match=r"unknown rule 'forward'.*there is none yet"):
        shop.remove_rule("forward")


def test_names_of_scenarios_and_rules_have_the_lengths_of_the_management_api(shop: Application) -> None:
    shop.scenario("s" * 29, len)
    shop.rule("r" * 99, scenario="s" * 29)
    with pytest.raises(VoxlabError, match="at most 29"):
        shop.scenario("s" * 30, len)
    with pytest.raises(VoxlabError, match="at most 99"):
        shop.rule("r" * 100, scenario="s" * 29)


def test_explain_says_which_rule_matched_and_for_each_before_it_why_not(shop: Application) -> None:
    shop.scenario("berlin", len, pattern=r"\+4930.*")
    shop.scenario("germany", len, pattern=r"\+49.*")
    shop.scenario("forward", len)
    explanation = shop.explain("+498999100")
    assert explanation
    assert explanation.rule is shop.rules[1]
    assert repr(explanation).splitlines() == [
        "✓ '+498999100' in shop.acme.voxlab.test: rule 'germany' → scenario 'germany'",
        r"  1 ✗ rule 'berlin': '+498999100' does not match \+4930.*",
        r"  2 ✓ rule 'germany': '+498999100' matches \+49.*: scenario 'germany' runs",
        "  3 · rule 'forward': not tried, the first match wins",
    ]


def test_explain_says_that_nothing_matched(shop: Application) -> None:
    assert str(shop.explain("x")) == "✗ 'x' in shop.acme.voxlab.test: there is no rule yet, so callers get 404"
    shop.scenario("berlin", len, pattern=r"\+4930.*")
    explanation = shop.explain("+7495")
    assert not explanation
    assert str(explanation).splitlines() == [
        "✗ '+7495' in shop.acme.voxlab.test: no rule matches, so callers get 404",
        r"  1 ✗ rule 'berlin': '+7495' does not match \+4930.*",
    ]


def test_an_endless_destination_is_nobody_s(shop: Application) -> None:
    shop.scenario("forward", len)
    assert shop.match("1" * 257) is None
    assert not shop.explain("1" * 257)
