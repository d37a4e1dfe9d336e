"""
Ready-made columns about a page: what a spec includes by name.

Knows documents and their data, and no fields. Start with `columns`, which has them by name; each of
the other modules puts some of them into a row.
"""
