"""The live media plane outside the GIL (Linux): sockets read and written in batches by compiled code in a thread of its
own.

``layout`` and ``cells`` say how memory looks, ``syscalls`` to ``loop`` are compiled, ``build`` compiles or loads them,
``thread`` and ``lane`` are what the lab's thread sees. Importing this package loads neither numba nor numpy.
"""
