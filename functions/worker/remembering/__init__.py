"""
What a scraper knows of its URLs and rows from one job to the next, and what has changed.

Owns the objects below `memory/` and `changes/`. Start at `Memory`, `note` and `sweep`.
"""
