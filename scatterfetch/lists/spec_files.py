"""
Which file is the spec of a list: the nearest `spec.yaml` up the folders of its project, as in the
bucket; outside of a project the one beside it. Also says what people may take for it, and is not.
"""

import os.path
import re
from collections.abc import Callable
from pathlib import Path

from scatterfetch.project import FILE, SPEC, root_of

_MEANT = re.compile(r"spec\.(yaml|yml|json)(\.txt)?", re.IGNORECASE)
"""How people, and their editors, name a spec."""


def spec_file(of_list: Path) -> Path | None:
    """Return the file of the spec of a list; None where it has none."""
    beside = of_list.parent / SPEC
    if beside.is_file():
        return beside
    above = _above(of_list)
    root = root_of(_folder(of_list))
    if above is None or root is None or not above.parent.is_relative_to(root):
        return None
    return above if of_list.is_absolute() else Path(os.path.relpath(above))


def mention_spec_files(of_list: Path, say: Callable[[str], None]) -> None:
    """Say which files are not the spec of a list, if somebody may think otherwise."""
    if (of_list.parent / SPEC).is_file():
        return
    if misnamed := misnamed_spec(of_list.parent):
        say(misnamed)
    above = _above(of_list)
    if above is not None and root_of(_folder(of_list)) is None:
        say(
            f"{of_list}: {os.path.relpath(above)} is not its spec; one in a folder above counts "
            f"in a project, a folder with {FILE}. Name it with --spec, or write another beside the "
            "list"
        )


def misnamed_spec(folder: Path) -> str | None:
    """Return a complaint of a file in `folder` that is most likely a spec and has another name."""
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError:
        return None  # whoever reads the list says what is wrong
    meant = [name for name in names if _MEANT.fullmatch(name)]
    if not meant or SPEC in meant:
        return None
    return f"{folder / meant[0]} is not read; if it is the spec, rename it to {SPEC}"


def _above(of_list: Path) -> Path | None:
    above = (folder / SPEC for folder in _folder(of_list).parents)
    return next((path for path in above if os.path.isfile(path)), None)  # noqa: PTH113 -- no error


def _folder(of_list: Path) -> Path:
    return Path(os.path.abspath(of_list.parent))  # noqa: PTH100 -- `..`, and links as they are named
