"""Floor 2: SIP and SDP syntax. A message is bytes plus an index (RFC 3261, RFC 8866); this package knows no
transactions and no sockets.
"""
