"""Telephony software that nobody here wrote, run against voxlab as separate programs."""
