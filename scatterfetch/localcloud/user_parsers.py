"""The Python parsers of the user's project, beside those that come with scatterfetch."""

import os
from pathlib import Path


def use_parsers(folder: Path | None) -> None:
    """
    Let specs name the Python parsers in `folder`, before those that come with scatterfetch.

    In a process of its own the worker finds them where this one does.
    """
    if folder is None:
        return
    from functions.worker import parsers  # noqa: PLC0415 -- the HTML parser, which few sandboxes need

    if os.fspath(folder) not in parsers.__path__:
        parsers.__path__.insert(0, os.fspath(folder))
