"""Minutes that last seconds: what workers and scenarios must agree on. In seconds."""

FENCE = 9.0
"""Where a worker's time is up after seven."""
LEASE = 6.0
GAP = 1.0
"""Between the end of a lease by our clocks and by that of SQS."""
STALL = 8.0
"""That something holds a worker up: longer than a lease."""
