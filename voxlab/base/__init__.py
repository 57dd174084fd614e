"""Floor 1: values, identifiers, errors, records and the journal; knows nothing of SIP."""
