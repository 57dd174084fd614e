"""Methods of the reference platform that this API knows by name and does not offer, each with the reason.

A client that calls one hears that, not that there is no such method. Must not know the methods that are offered.
"""

from __future__ import annotations

_NO_MONEY = "voxlab knows no money: no balance, no price, no invoice"
_NO_SMS = "voxlab sends no SMS"
_NO_QUEUES = "this API does not manage queues; write one as a scenario"
_NO_LISTS = "this API runs no call lists; write one with lab.load or a scenario"
_NO_PUSH = "voxlab has no mobile push"
_NO_SALE = "voxlab sells no numbers: the lab's owner gives them with application.number(...)"
_NO_ROLES = "keys and roles are given by the lab's owner: account.api_key(...)"
_NO_STORAGE = "this API keeps no such data"
_NO_RECORDS = "this API lists no recordings"
_NO_CHILDREN = "an account has no child accounts here"
_NO_START = "a session begins with a call here: let a phone dial a number that the rule takes"
_NO_BARRING = "this API bars no numbers; let a rule's exclude pattern do it"
_NO_REPORTS = "this API makes no reports in the background: ask GetCallHistory"

_GROUPS = {
    _NO_MONEY: """
        GetCurrencyRate GetResourcePrice GetSubscriptionPrice GetMoneyAmountToCharge ChangeAccountPlan GetAccountPlans
        GetAvailablePlans GetTransactionHistory GetTransactionHistoryAsync GetAccountInvoices DownloadInvoice""",
    _NO_CHILDREN: "SetChildAccountInfo",
    _NO_SMS: "SendSmsMessage A2PSendSms ControlSms GetSmsHistory A2PGetSmsHistory",
    _NO_QUEUES: """
        AddQueue BindUserToQueue DelQueue SetQueueInfo GetQueues GetACDState GetACDOperatorStatistics
        GetACDQueueStatistics GetACDOperatorStatusStatistics GetACDHistory GetSmartQueueRealtimeMetrics
        GetSmartQueueDayHistory RequestSmartQueueHistory GetSQState SQ_SetAgentCustomStatusMapping
        SQ_GetAgentCustomStatusMapping SQ_DeleteAgentCustomStatusMapping AddSkill DelSkill SetSkillInfo GetSkills
        BindSkill SQ_AddQueue SQ_SetQueueInfo SQ_DelQueue SQ_GetQueues SQ_AddSkill SQ_DelSkill SQ_SetSkillInfo
        SQ_BindSkill SQ_UnbindSkill SQ_GetSkills SQ_BindAgent SQ_UnbindAgent SQ_GetAgents SQ_SetAgentInfo""",
    _NO_LISTS: """
        CreateCallList AppendToCallList CancelCallListBatch EditCallList EditCallListTasksPriority DeleteCallList
        GetCallLists GetCallListDetails EditCallListTask CancelCallListTask StopCallListProcessing RecoverCallList""",
    _NO_PUSH: """
        AddPushCredential SetPushCredential DelPushCredential GetPushCredential BindPushCredential AddDialogflowKey
        SetDialogflowKey DelDialogflowKey GetDialogflowKeys BindDialogflowKeys""",
    _NO_SALE: """
        AttachPhoneNumber SetPhoneNumberInfo GetNewPhoneNumbers GetPhoneNumberCategories GetPhoneNumberCountryStates
        GetPhoneNumberRegions GetActualPhoneNumberRegion AddWABPhoneNumber DeleteWABPhoneNumber SetWABPhoneNumberInfo
        GetWABPhoneNumbers AddCallerID VerifyCallerID ActivateCallerID DelCallerID GetCallerIDs
        AddOutboundTestPhoneNumber VerifyOutboundTestPhoneNumber ActivateOutboundTestPhoneNumber
        DelOutboundTestPhoneNumber GetOutboundTestPhoneNumbers GetAccountDocuments GetAccountVerifications
        LinkregulationAddress GetZIPCodes GetRegulationsAddress GetAvailableRegulations GetCountries
        GetAccountPhoneNumberCountries GetRegions""",
    _NO_ROLES: """
        CreateKey GetKeys UpdateKey DeleteKey SetKeyRoles GetKeyRoles RemoveKeyRoles AddSubUser GetSubUsers
        SetSubUserInfo DelSubUser SetSubUserRoles GetSubUserRoles RemoveSubUserRoles GetRoles GetRoleGroups""",
    _NO_STORAGE: """
        SetKeyValueItem DelKeyValueItem GetKeyValueItem GetKeyValueItems GetKeyValueKeys AddSecret DelSecret
        GetSecretValue GetSecrets SetSecretInfo GetRecordStorages""",
    _NO_RECORDS: "DeleteRecord",
    _NO_START: "StartScenarios StartConference",
    _NO_BARRING: "AddPstnBlackListItem SetPstnBlackListItem DelPstnBlackListItem GetPstnBlackList",
    _NO_REPORTS: """
        GetCallHistoryAsync GetBriefCallHistory GetHistoryReports GetPhoneNumberReports DownloadHistoryReport
        GetAuditLog GetAuditLogAsync GetPhoneNumbersAsync""",
}

OUTSIDE = {name: why for why, names in _GROUPS.items() for name in names.split()}
"""By method, why it is not offered."""
