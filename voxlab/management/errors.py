"""What the API answers when it refuses: a numeric code with its sentence, as the reference's clients know them.

Must not know methods or HTTP.
"""

from __future__ import annotations

from voxlab.base.errors import VoxlabError

DB_ERROR = 4
AUTHORIZATION_FAILED = 100
INVALID_ARGUMENTS = 101
MISSING_CMD = 102
UNKNOWN_COMMAND = 103
FORBIDDEN_COMMAND = 104
REQUIRED_PARAMETER = 134

CODES = {
    2: "Internal error",
    4: "DB error",
    100: "Authorization failed",
    101: "Invalid arguments",
    102: "Missing 'cmd' parameter",
    103: "Unknown command",
    104: "Forbidden command",
    107: "Invalid application name",
    111: "Invalid date format",
    112: "The password must be at least 8 characters long, with lower and upper case, a digit and a special character",
    115: "The 'account_id' parameter is invalid",
    116: "The 'application_id' parameter is invalid",
    117: "The 'user_id' parameter is invalid",
    118: "The user name isn't unique",
    121: "Invalid phone number",
    122: "Invalid user name",
    123: "Invalid date range",
    129: "Application name isn't unique",
    130: "The script text is too long",
    132: "The 'scenario_id' parameter is invalid",
    133: "The scenario name isn't unique",
    134: "Required parameter is empty",
    136: "Invalid email",
    147: "The 'rule_id' parameter is invalid",
    148: "The 'rule_pattern' parameter is invalid",
    149: "The 'rule_pattern_exclude' parameter is invalid",
    150: "The 'call_session_history_id' parameter is invalid",
    156: "The 'rule_name' parameter is invalid",
    157: "The 'user_display_name' parameter is invalid",
    163: "The 'account_first_name' parameter length must be less than 50",
    164: "The 'account_last_name' parameter length must be less than 50",
    168: "The 'scenario_name' parameter is invalid",
    169: "The 'sip_whitelist_id' parameter is invalid",
    170: "The 'sip_whitelist_network' parameter is invalid",
    175: "The 'rule_name' isn't unique",
    181: "The 'phone_id' parameter is invalid",
    211: "The 'account_custom_data' parameter length must be less than 8192",
    212: "The 'user_custom_data' parameter length must be less than 8192",
    273: "The 'username' parameter is invalid",
    274: "The 'proxy' parameter is invalid",
    275: "The 'registration_id' parameter is invalid",
    320: "The 'authorized_ip' parameter is invalid",
    321: "The authorized IP not found",
    322: "The 'contains_ip' parameter is invalid",
    355: "The 'call_history_report_id' parameter is invalid",
    356: "The call history report isn't ready",
    394: "The SIP registration is persistent",
    398: "The 'callback_url' parameter is invalid",
    399: "The 'callback_salt' parameter length must be less than 40",
    419: "The scenario count limit per rule is exceeded",
}
"""By number, the sentences of the reference platform as far as this API has a use for them."""

PARAMETER_CODES = {
    "application_id": 116,
    "application_name": 107,
    "required_application_name": 107,
    "user_id": 117,
    "user_name": 122,
    "new_user_name": 122,
    "user_display_name": 157,
    "user_custom_data": 212,
    "scenario_id": 132,
    "scenario_name": 168,
    "required_scenario_name": 168,
    "rule_id": 147,
    "rule_name": 156,
    "rule_pattern": 148,
    "rule_pattern_exclude": 149,
    "sip_whitelist_id": 169,
    "sip_whitelist_network": 170,
    "sip_username": 273,
    "proxy": 274,
    "outbound_proxy": 274,
    "sip_registration_id": 275,
    "phone_id": 181,
    "phone_number": 121,
    "call_session_history_id": 150,
    "authorized_ip": 320,
    "contains_ip": 322,
    "from_date": 111,
    "to_date": 111,
    "callback_url": 398,
    "callback_salt": 399,
    "account_custom_data": 211,
    "new_account_email": 136,
    "account_first_name": 163,
    "account_last_name": 164,
}
"""The code that says that a parameter is wrong; any other is ``INVALID_ARGUMENTS``."""


class ApiError(VoxlabError):
    """What a request got wrong.

    Parameters
    ----------
    code : int
        One of ``CODES``.
    detail : str
        What was given and what is allowed, after the reference's sentence.
    """

    def __init__(self, code: int, detail: str = "") -> None:
        super().__init__(f"{CODES[code]}: {detail}" if detail else CODES[code])
        self.code = code

    @property
    def answer(self) -> dict[str, object]:
        """The JSON of it."""
        return {"error": {"code": self.code, "msg": str(self)}}


def wrong(parameter: str, detail: str) -> ApiError:
    """Return the error that says that a parameter is wrong."""
    code = PARAMETER_CODES.get(parameter, INVALID_ARGUMENTS)
    return ApiError(code, detail if code != INVALID_ARGUMENTS else f"{parameter}: {detail}")
