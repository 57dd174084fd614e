"""Floor 8: what a script in the cloud may do with the calls that it is given (the reference platform's VoxEngine, in
Python).
"""
