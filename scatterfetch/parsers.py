"""
What a Python parser of yours imports: `from scatterfetch.parsers import Page`.

This module goes along when a project is deployed, and it is all of `scatterfetch` that does.
"""

from functions.worker.parsers import Page

__all__ = ["Page"]
