"""The tests. `ROOT` is the checkout, whose documents and templates are tested as well."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
