"""
A machine as workers of a deployed stack, beside those that Lambda runs or in their place.

Start reading at `crew`, which keeps the processes; `process` is their inside. Knows nothing of
arguments.
"""
