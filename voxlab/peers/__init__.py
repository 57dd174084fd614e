"""Floor 7: programs of others that voxlab starts, watches and ends: SIPp, through pysipp."""
