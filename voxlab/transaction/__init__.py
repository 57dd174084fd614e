"""Floor 3: the four transaction machines of RFC 3261 s.17 and RFC 6026 as data; knows nothing of dialogs."""
