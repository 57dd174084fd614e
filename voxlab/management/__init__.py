"""The management API over HTTP: method names, parameters and JSON of the reference platform, on the same objects as the
notebook's.
"""
