"""A batch's targets on their way to their outcomes: whose turn it is, and what an answer means."""
