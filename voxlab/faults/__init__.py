"""Faults: every way to misbehave that can be switched on by name, with its symptom, its section and its cure."""
