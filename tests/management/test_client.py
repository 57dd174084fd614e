"""Every method of the API through ``voximplant-apiclient``, the reference's own Python client, unchanged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from voximplant.apiclient import VoximplantException

from voxlab import Lab
from voxlab.lab.account import Account
from voxlab.lab.application import Application
from voxlab.management.errors import CODES
from voxlab.management.methods import METHODS
from voxlab.management.outside import OUTSIDE


def refused(code: int, method: Any, *args: Any, **kwargs: Any) -> str:
    """Call a method that has to be refused with a code; return the message."""
    with pytest.raises(VoximplantException) as found:
        method(*args, **kwargs)
    assert found.value.code == code
    assert found.value.message.startswith(CODES[code])
    return str(found.value.message)


# -- accounts


def test_account_info_is_that_of_the_key_and_what_is_written_on_it_is_read_again(api: Any, account: Account) -> None:
    info = api.get_account_info()["result"]
    assert (info["account_name"], info["active"], info["frozen"]) == (account.name, True, False)
    assert abs(info["created"] - datetime.now(UTC)) < timedelta(minutes=5)
    assert api.set_account_info(
        account_first_name="Ada",
        callback_url="https://shop.example/cb",
        send_js_error=True,
        new_account_email="a@b.example",
    ) == {"result": 1}
    info = api.get_account_info()["result"]
    assert info["account_first_name"] == "Ada"
    assert info["callback_url"] == "https://shop.example/cb"
    assert (info["send_js_error"], info["account_email"]) == (True, "a@b.example")
    api.set_account_info(callback_url="")
    refused(398, api.set_account_info, callback_url="ftp://shop.example")
    refused(163, api.set_account_info, account_first_name="x" * 50)
    refused(136, api.set_account_info, new_account_email="nobody")
    refused(104, api.set_account_info, new_account_password="Secret-1!")
    assert api.get_children_accounts() == {"result": [], "total_count": 0, "count": 0}


# -- applications


def test_an_application_is_added_listed_and_deleted_and_the_notebook_sees_it(
    api: Any, lab: Lab, account: Account
) -> None:
    added = api.add_application("help-desk", secure_record_storage=True)
    assert added["application_name"] == f"help-desk.{account.name}.voxlab.test"
    assert [each.name for each in account.applications] == ["help-desk"]
    listed = api.get_applications(application_name="help-desk")
    assert (listed["total_count"], listed["count"]) == (1, 1)
    assert listed["result"][0]["application_id"] == added["application_id"]
    assert listed["result"][0]["secure_record_storage"] is True
    assert isinstance(listed["result"][0]["modified"], datetime)
    refused(129, api.add_application, "help-desk")
    refused(107, api.add_application, "Help Desk")
    number = added["application_id"]
    assert api.set_application_info(application_id=number, secure_record_storage=False)["result"] == 1
    assert api.get_applications(application_id=number)["result"][0]["secure_record_storage"] is False
    refused(104, api.set_application_info, required_application_name="help-desk", application_name="other")
    assert api.del_application(application_id=number) == {"result": 1}
    assert account.applications == ()
    assert not lab.platform.serves(added["application_name"])
    refused(116, api.del_application, application_id=number)


def test_an_application_is_listed_with_its_rules_and_scenarios(api: Any, shop: Application) -> None:
    (found,) = api.get_applications(with_rules=True, with_scenarios=True)["result"]
    assert [rule["rule_name"] for rule in found["rules"]] == ["incoming"]
    assert [scenario["scenario_name"] for scenario in found["rules"][0]["scenarios"]] == ["incoming"]
    assert [scenario["scenario_name"] for scenario in found["scenarios"]] == ["incoming"]


def test_lists_come_in_pages(api: Any, account: Account) -> None:
    for name in ("aa", "bb", "cc", "dd", "ee"):
        account.application(name)
    page = api.get_applications(count=2, offset=3)
    assert [each["application_name"].partition(".")[0] for each in page["result"]] == ["dd", "ee"]
    assert (page["total_count"], page["count"]) == (5, 2)
    refused(101, api.get_applications, count=1001)


# -- users


def test_a_user_is_added_changed_listed_and_deleted(api: Any, shop: Application) -> None:
    added = api.add_user("carol", "Carol", "Carol-123", application_name="shop", user_custom_data="vip")
    assert added["result"] == 1
    assert [user.name for user in shop.users] == ["alice", "bob", "carol"]
    (found,) = api.get_users(application_name="shop", user_name="carol")["result"]
    assert found["user_id"] == added["user_id"]
    assert (found["user_display_name"], found["user_custom_data"], found["user_active"]) == ("Carol", "vip", True)
    assert found["applications"][0]["application_name"] == shop.domain
    assert isinstance(found["created"], datetime)
    number = added["user_id"]
    assert api.set_user_info(user_id=number, user_display_name="Caroline", user_active=False) == {"result": 1}
    assert shop.record.users["carol"].display_name == "Caroline"
    assert [each["user_name"] for each in api.get_users(application_name="shop", user_active=False)["result"]] == [
        "carol"
    ]
    assert api.set_user_info(user_id=number, new_user_name="carla", user_password="Carla-123") == {"result": 1}
    (found,) = api.get_users(application_name="shop", user_id=number)["result"]
    assert found["user_name"] == "carla"
    assert api.del_user(user_name=["carla", "bob"], application_name="shop") == {"result": 1}
    assert [user.name for user in shop.users] == ["alice"]


def test_a_user_that_will_not_do_is_refused_by_code(api: Any, shop: Application) -> None:
    add = api.add_user
    refused(118, add, "alice", "Alice", "Alice-123", application_name="shop")
    refused(122, add, "X", "X", "Alice-123", application_name="shop")
    refused(112, add, "dave", "Dave", "sho-1A", application_name="shop")
    refused(112, add, "dave", "Dave", "nouppercase-1", application_name="shop")
    refused(157, add, "dave", "x" * 256, "Dave-1234", application_name="shop")
    refused(116, add, "dave", "Dave", "Dave-1234", application_id=999_999)
    refused(117, api.del_user, user_id=999_999)
    refused(134, api.del_user)


def test_a_user_of_the_api_can_register_until_he_is_inactive(api: Any, lab: Lab, shop: Application) -> None:
    api.add_user("erin", "Erin", "Erin-1234", application_name="shop")
    assert shop.user("erin").phone().registration == "registered"
    api.set_user_info(user_name="erin", application_name="shop", user_active=False)
    assert shop.user("erin").phone("second").registration != "registered"


# -- rules and scenarios


def test_rules_are_added_ordered_matched_changed_and_deleted(api: Any, shop: Application) -> None:
    added = api.add_rule(
        "abroad", r"\+.*", application_name="shop", rule_pattern_exclude=r"\+49.*", scenario_name="incoming"
    )
    number = added["rule_id"]
    assert [rule.name for rule in shop.rules] == ["abroad", "incoming"]
    second = api.add_rule("home", "0.*", application_name="shop")["rule_id"]
    assert "no scenario is bound" in str(shop.explain("030"))
    listed = api.get_rules(application_name="shop", with_scenarios=True)["result"]
    assert [rule["rule_name"] for rule in listed] == ["abroad", "home", "incoming"]
    assert [len(rule["scenarios"]) for rule in listed] == [1, 0, 1]
    assert [rule["rule_name"] for rule in api.get_rules(application_name="shop", template="+331")["result"]] == [
        "abroad",
        "incoming",
    ]
    api.reorder_rules([second, number])
    assert [rule.name for rule in shop.rules] == ["home", "abroad", "incoming"]
    assert api.set_rule_info(number, rule_name="world", rule_pattern=r"\+[1-9].*", rule_pattern_exclude="") == {
        "result": 1
    }
    (found,) = api.get_rules(rule_id=number)["result"]
    assert (found["rule_name"], found["rule_pattern"]) == ("world", r"\+[1-9].*")
    assert "rule_pattern_exclude" not in found
    api.set_rule_info(
        next(rule["rule_id"] for rule in listed if rule["rule_name"] == "incoming"), rule_pattern="[a-z]+"
    )
    assert [rule.is_default for rule in shop.rules] == [False, False, False]
    assert api.del_rule(rule_id=[number, second]) == {"result": 1}
    assert [rule.name for rule in shop.rules] == ["incoming"]
    refused(175, api.add_rule, "incoming", ".*", application_name="shop")
    refused(148, api.add_rule, "bad", "(", application_name="shop")
    refused(149, api.add_rule, "bad", "1", application_name="shop", rule_pattern_exclude="(a+)+")
    refused(147, api.del_rule, rule_id=number)
    refused(147, api.set_rule_info, 999_999, rule_name="x")
    refused(104, api.add_rule, "video", "1", application_name="shop", video_conference=True)


def test_scenarios_of_the_owner_are_listed_bound_and_unbound(api: Any, shop: Application) -> None:
    (scenario,) = api.get_scenarios(application_name="shop")["result"]
    assert scenario["scenario_name"] == "incoming"
    assert (
        "scenario_script" not in api.get_scenarios(scenario_id=scenario["scenario_id"], with_script=True)["result"][0]
    )
    rule = api.add_rule("home", "0.*", application_name="shop")["rule_id"]
    assert api.bind_scenario(scenario_id=scenario["scenario_id"], rule_id=rule, bind=True) == {"result": 1}
    assert shop.explain("030").rule is not None
    assert api.reorder_scenarios([scenario["scenario_id"]], rule_id=rule) == {"result": 1}
    api.bind_scenario(scenario_name="incoming", rule_name="home", application_name="shop", bind=False)
    assert "callers get 480" in str(shop.explain("030"))
    refused(132, api.reorder_scenarios, [scenario["scenario_id"]], rule_id=rule)
    assert api.set_scenario_info(scenario_id=scenario["scenario_id"], scenario_name="greet") == {"result": 1}
    assert list(shop.record.scenarios) == ["greet"]
    assert api.del_scenario(scenario_id=scenario["scenario_id"]) == {"result": 1}
    assert shop.record.scenarios == {}
    assert "callers get 480" in str(shop.explain("bob"))
    refused(132, api.del_scenario, scenario_id=scenario["scenario_id"])


def test_a_scenario_as_text_is_refused_with_the_switch_that_would_take_it(api: Any, shop: Application) -> None:
    said = refused(104, api.add_scenario, "evil", "import os", application_name="shop")
    assert "--allow-remote-scenarios" in said
    refused(104, api.set_scenario_info, required_scenario_name="incoming", scenario_script="import os")
    refused(104, api.start_scenarios, rule_id=1)


# -- the whitelist


def test_the_whitelist_is_the_notebooks_trunks_both_ways(api: Any, lab: Lab, account: Account) -> None:
    added = api.add_sip_white_list_item("198.51.100.77/255.255.255.0", description="GigaFon")
    number = added["sip_whitelist_id"]
    assert lab.platform.trunk_from("198.51.100.5") is not None
    account.trunk("other", allow=["203.0.113.7"])
    listed = api.get_sip_white_list()["result"]
    assert [each["sip_whitelist_network"] for each in listed] == ["198.51.100.0/24", "203.0.113.7/32"]
    assert listed[0]["description"] == "GigaFon"
    assert api.set_sip_white_list_item(number, "198.51.101.0/24")["result"] == 1
    (found,) = api.get_sip_white_list(sip_whitelist_id=number)["result"]
    assert (found["sip_whitelist_network"], found["description"]) == ("198.51.101.0/24", "GigaFon")
    assert lab.platform.trunk_from("198.51.100.5") is None
    assert api.del_sip_white_list_item([each["sip_whitelist_id"] for each in listed]) == {"result": 1}
    assert api.get_sip_white_list()["total_count"] == 0
    refused(169, api.del_sip_white_list_item, number)
    for wrong in ("2001:db8::/32", "198.51.100.0/33", "198.51.100.0/0.0.0.255", "office", "127.0.0.0/8"):
        refused(170, api.add_sip_white_list_item, wrong)


# -- registrations elsewhere


def test_sip_registrations_are_kept_bound_filtered_and_deleted(api: Any, lab: Lab, shop: Application) -> None:
    users = {each["user_name"]: each["user_id"] for each in api.get_users(application_name="shop")["result"]}
    added = api.create_sip_registration(
        "office",
        "pbx.example:5070",
        auth_user="auth",
        password="Secret-9",
        application_name="shop",
        rule_name="incoming",
    )
    number = added["sip_registration_id"]
    assert added["account_info"]["account_id"] == api.get_account_info()["result"]["account_id"]
    record = next(each for each in lab.platform.registrations.values() if each.number == number)
    assert (record.username, record.password.reveal(), record.rule) == ("office", "Secret-9", shop.rules[0])
    (found,) = api.get_sip_registrations(sip_registration_id=number)["result"]
    assert (found["proxy"], found["auth_user"], found["application_name"]) == ("pbx.example:5070", "auth", shop.domain)
    assert isinstance(found["purchase_date"], datetime)
    assert "password" not in found
    other = api.create_sip_registration(
        "desk", "pbx.example", is_persistent=False, application_name="shop", user_name="bob"
    )
    record.state, record.code, record.reason = "failed", 503, "Service Unavailable"
    by = api.get_sip_registrations
    assert [each["sip_username"] for each in by(status_code="403;500:599")["result"]] == ["office"]
    assert [each["sip_username"] for each in by(is_persistent=False)["result"]] == ["desk"]
    assert [each["sip_username"] for each in by(user_id=[users["bob"]])["result"]] == ["desk"]
    assert [each["sip_username"] for each in by(successful=True)["result"]] == []
    assert by(status_code="503")["result"][0]["error_message"] == "Service Unavailable"
    assert api.bind_sip_registration(number, application_name="shop", user_name="bob", bind=True) == {"result": 1}
    assert [each["sip_username"] for each in by(user_id=[users["bob"]])["result"]] == ["office"]
    assert api.bind_sip_registration(number, bind=False) == {"result": 1}
    assert [each["sip_username"] for each in by(is_bound_to_application=False)["result"]] == ["office"]
    assert api.update_sip_registration(number, proxy="sip.example", password="Other-9")["result"] == 1
    assert (record.proxy, record.password.reveal()) == ("sip.example", "Other-9")
    for each in (number, other["sip_registration_id"]):
        assert api.delete_sip_registration(each) == {"result": 1}
    assert by()["total_count"] == 0
    refused(275, api.delete_sip_registration, number)
    refused(274, api.create_sip_registration, "office", "not a host")
    refused(273, api.create_sip_registration, "off ice", "pbx.example")
    refused(116, api.create_sip_registration, "office", "pbx.example", rule_id=1)


# -- numbers


def test_phone_numbers_are_bound_listed_unbound_and_given_back(api: Any, lab: Lab, shop: Application) -> None:
    lab.define(lab.platform.number, "+4930999100", shop.record)
    lab.define(lab.platform.number, "+4930999200", shop.record)
    (first, second) = api.get_phone_numbers()["result"]
    assert (first["phone_number"], first["application_name"]) == ("4930999100", shop.domain)
    assert api.bind_phone_number_to_application(
        phone_number=["4930999100"], application_name="shop", rule_name="incoming"
    ) == {"result": 1}
    assert lab.platform.numbers["+4930999100"].rule is shop.rules[0]
    assert [each["phone_id"] for each in api.get_phone_numbers(is_bound_to_rule=True)["result"]] == [first["phone_id"]]
    api.bind_phone_number_to_application(phone_id=[second["phone_id"]], bind=False)
    assert "+4930999200" not in lab.platform.numbers
    assert [each["phone_id"] for each in api.get_phone_numbers(is_bound_to_application=False)["result"]] == [
        second["phone_id"]
    ]
    api.bind_phone_number_to_application(phone_id=second["phone_id"], application_name="shop")
    assert "+4930999200" in lab.platform.numbers
    assert api.is_account_phone_number("+4930999200") == {"result": True}
    assert api.deactivate_phone_number(phone_id=[first["phone_id"], second["phone_id"]]) == {"result": 1}
    assert api.get_phone_numbers()["total_count"] == 0
    assert api.is_account_phone_number("4930999200") == {"result": False}
    refused(181, api.deactivate_phone_number, phone_id=first["phone_id"])
    refused(104, api.attach_phone_number, phone_number="4930999300")


# -- history


def test_the_call_history_has_the_call_its_legs_and_its_end(api: Any, lab: Lab, shop: Application) -> None:
    shop.user("bob").phone(answer_after=0.05)
    alice = shop.user("alice").phone()
    before = datetime.now(UTC) - timedelta(seconds=5)
    call = alice.dial("bob").wait("connected", timeout=20)
    lab.run(1.2)
    call.hang_up()
    lab.world.wait(lambda: not lab.exchange.sessions, 20)
    after = datetime.now(UTC) + timedelta(seconds=5)
    answer = api.get_call_history(from_date=before, to_date=after, with_calls=True, with_total_count=True)
    assert (answer["total_count"], answer["count"]) == (1, 1)
    (session,) = answer["result"]
    assert session["application_name"] == shop.domain
    assert session["finish_reason"] == "Normal termination"
    assert session["duration"] >= 1
    assert before <= session["start_date"] <= after
    users = {each["user_name"]: each["user_id"] for each in api.get_users(application_name="shop")["result"]}
    assert session["user_id"] == users["alice"]
    first, second = session["calls"]
    assert (first["incoming"], first["remote_number"], first["local_number"]) == (True, "alice", "bob")
    assert (second["incoming"], second["remote_number"], second["successful"]) == (False, "bob", True)
    assert second["remote_number_type"] == "user"
    assert 1 <= second["duration"] <= session["duration"]
    number = session["call_session_history_id"]
    assert api.get_call_history(call_session_history_id=[number])["result"][0]["rule_name"] == "incoming"
    span = {"from_date": before, "to_date": after}
    assert api.get_call_history(**span, user_id=[users["bob"]])["total_count"] == 0
    assert api.get_call_history(**span, remote_number=["bob"])["total_count"] == 1
    assert api.get_call_history(**span, rule_name="other")["total_count"] == 0
    assert api.get_call_history(**span, application_name="shop", desc_order=True)["total_count"] == 1
    assert api.get_call_history(**span, min_duration=60)["total_count"] == 0
    assert "calls" not in api.get_call_history(**span)["result"][0]
    refused(134, api.get_call_history)
    refused(123, api.get_call_history, from_date=after, to_date=before)
    refused(116, api.get_call_history, **span, application_id=999_999)


# -- who may use the API


def test_authorized_addresses_are_listed_checked_and_obeyed(api: Any) -> None:
    assert api.check_authorized_account_ip("203.0.113.7") == {"result": True}
    api.add_authorized_account_ip("203.0.113.0/24", allowed=False, description="others")
    assert api.check_authorized_account_ip("203.0.113.7") == {"result": False, "authorized_ip": "203.0.113.0/24"}
    api.add_authorized_account_ip("127.0.0.0/8", description="us")
    assert api.check_authorized_account_ip("198.51.100.1") == {"result": False}
    listed = api.get_authorized_account_ips()["result"]
    assert [(each["authorized_ip"], each["allowed"]) for each in listed] == [
        ("203.0.113.0/24", False),
        ("127.0.0.0/8", True),
    ]
    assert api.get_authorized_account_ips(contains_ip="127.9.9.9")["total_count"] == 1
    assert api.get_authorized_account_ips(allowed=False)["total_count"] == 1
    assert api.del_authorized_account_ip(contains_ip="203.0.113.9") == {"result": 1}
    assert api.del_authorized_account_ip(authorized_ip="all") == {"result": 1}
    refused(321, api.del_authorized_account_ip, authorized_ip="203.0.113.0/24")
    refused(320, api.add_authorized_account_ip, "office")
    api.add_authorized_account_ip("127.0.0.1", allowed=False)  # which everything on loopback is called from
    assert "access list" in refused(100, api.get_account_info)


# -- what is not there


def test_methods_outside_telephony_are_forbidden_with_the_reason_and_not_unknown(api: Any) -> None:
    assert "no SMS" in refused(104, api.send_sms_message, source="1", destination="2", sms_body="x")
    assert "no money" in refused(104, api.get_account_plans)
    assert "sells no numbers" in refused(104, api.get_caller_ids)
    assert api._perform_request("NoSuchMethod", {})["error"]["code"] == 103


def test_every_method_that_the_client_knows_is_offered_or_forbidden_and_none_is_both() -> None:
    import inspect
    import re

    from voximplant.apiclient import client

    known = set(re.findall(r"_perform_request\('(\w+)'", inspect.getsource(client)))
    assert len(known) > 180
    assert known - set(METHODS) - set(OUTSIDE) == set()
    assert set(METHODS) & set(OUTSIDE) == set()
    assert set(METHODS) - known == set()


def test_accounts_do_not_see_each_other(api: Any, lab: Lab, shop: Application) -> None:
    other = lab.account("stranger").application("shop")
    other.user("mallory")
    number = lab.platform.ledger.entry("application", other.domain).number
    assert {each["application_name"] for each in api.get_applications()["result"]} == {shop.domain}
    refused(116, api.del_application, application_id=number)
    refused(116, api.get_users, application_id=number)
    refused(107, api.get_users, application_name=other.domain)
