"""Floor 6: who lives on the platform (accounts, applications, users, rules, scenarios, trunks) and who may call
whom; no wire, no clock, no sockets.
"""
