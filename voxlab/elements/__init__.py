"""Floor 5: the elements of RFC 3261 s.6 as sans-IO machines: user agent, registrar, location service, registrant, and
the node that holds them.
"""
