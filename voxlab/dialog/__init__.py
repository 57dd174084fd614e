"""Floor 4: dialogs, offer/answer and the INVITE usage (RFC 3261 s.12-15, RFC 3264), as sans-IO values and machines."""
