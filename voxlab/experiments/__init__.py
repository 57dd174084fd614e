"""Floor 10: experiments over many packets: traces of paths, and races of jitter buffers on them.

Knows kernels and media, and draws with matplotlib; must not know calls, labs or networks.
"""
