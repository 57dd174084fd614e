"""Floor 2: RTP and RTCP, codecs, sources and sinks, sessions and relays, sans-IO; knows no SIP, socket or thread."""
