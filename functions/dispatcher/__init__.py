"""The dispatcher: the only door to the work queue."""
