"""
Starting jobs in a stack: lists are checked here, and then sent to its dispatcher.

Start reading at `session`, which is `scatterfetch submit`.
"""
