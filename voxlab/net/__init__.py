"""Floor 6: the loop, the clock and the wires, virtual or real; knows nothing of SIP."""
