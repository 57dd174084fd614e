"""Floor 7: one machine in a world: a node, the driver that runs it, and the joint between SIP and RTP."""
