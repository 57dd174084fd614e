"""What outlives a lab: its definitions, its registrations and its call history, in SQLite."""
