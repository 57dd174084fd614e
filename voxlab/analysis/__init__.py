"""Floor 5: from the journal's records to calls, flows, tables, verdicts and captures; reads records only, draws
nothing.
"""
