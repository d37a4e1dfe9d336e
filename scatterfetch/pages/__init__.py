"""
One page, looked at by the worker's own engine, for `scatterfetch try` and `scatterfetch init`.

Knows nothing of jobs. Start reading at `probe`.
"""
