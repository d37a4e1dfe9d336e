"""
A user's project: a folder with `scatterfetch.toml`, scrapers as folders, and Python parsers.

A scraper is a folder with a `spec.yaml` and its URL lists. Commands find the project from the
files that they are given, or else from the folder that they are called in; outside of a project
they work as well, without its settings.
"""

import os.path
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from shared.errors import InvalidJobError
from shared.keys import JOBS
from shared.wording import in_words, meant, problem_of

FILE = "scatterfetch.toml"
PARSERS = "parsers"
SPEC = "spec.yaml"
_LISTS = (".txt", ".csv", ".tsv", ".jsonl", ".xml")
_PACKED = (".gz", ".zst")
_PAGES = (".xml",)  # what people save for their tests ends so, too


class _Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """What `scatterfetch.toml` may hold."""

    stack: Annotated[str, Meta(min_length=1)] | None = None
    region: Annotated[str, Meta(min_length=1)] | None = None
    user_agent: Annotated[str, Meta(min_length=1)] | None = None
    bookshops: bool = False


class Project(Struct, frozen=True):
    """
    A project.

    `stack` is where it is deployed, `region` that of AWS, `user_agent` how its workers introduce
    themselves. Of a project with `bookshops` the demo's bookshops can be reached by their names.
    """

    folder: Path
    stack: str | None = None
    region: str | None = None
    user_agent: str | None = None
    bookshops: bool = False

    @property
    def parsers(self) -> Path | None:
        """The folder of the Python parsers, if there is one."""
        folder = self.folder / PARSERS
        return folder if folder.is_dir() else None

    def lists(self) -> list[Path]:
        """
        Return the URL lists of every scraper, in the order of their names.

        Raises:
            InvalidJobError: there are none.
        """
        found = [path for scraper in self._scrapers() for path in _lists_in(scraper)]
        if not found:
            raise InvalidJobError(
                f"{self.folder} has no scraper: a folder with a {SPEC} and a URL list, as in "
                f"books/{SPEC} and books/urls.txt"
            )
        return found

    def left_out(self) -> list[Path]:
        """Return the lists in folders within such scrapers as have none, which `lists` lacks."""
        return [
            path
            for scraper in self._scrapers()
            if not _lists_in(scraper)
            for below in sorted(scraper.glob("[!.]*/"))
            if below.is_dir() and not (below / JOBS).is_dir()  # the results of a run
            for path in _lists_in(below)
            if not path.name.lower().endswith(_PAGES)
        ]

    def _scrapers(self) -> list[Path]:
        return [spec.parent for spec in sorted(self.folder.glob(f"*/{SPEC}"))]


def _lists_in(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.iterdir()) if path.is_file() and is_list(path.name)]


def is_list(name: str) -> bool:
    """Tell whether a file of this name is a URL list."""
    lower = name.lower()
    for packed in _PACKED:
        lower = lower.removesuffix(packed)
    return lower.endswith(_LISTS) and not lower.startswith(".")


def find_project(start: Path | None = None) -> Project | None:
    """
    Return the project that `start` (default: the current folder) is in, or None.

    Raises:
        InvalidJobError: its `scatterfetch.toml` is wrong.
    """
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        path = folder / FILE
        if path.is_file():
            return _read(path)
    return None


def project_of(files: Iterable[Path]) -> Project | None:
    """
    Return the project that `files` are in; if none of them is in one, that of the current folder.

    Raises:
        InvalidJobError: they are in several, or the settings of the project are wrong.
    """
    roots: dict[Path, Path] = {}
    for file in files:
        root = root_of(Path(os.path.abspath(file)).parent)  # noqa: PTH100 -- links as they are named
        if root is not None:
            roots.setdefault(root.resolve(), file)
    if len(roots) > 1:
        one, other, *_ = roots.values()
        raise InvalidJobError(
            f"{one} and {other} are in two projects, and a command has the settings and the "
            "parsers of one: name the files of each by themselves"
        )
    return find_project(next(iter(roots), None))


def root_of(folder: Path) -> Path | None:
    """Return the root of the project that `folder` is in, whatever its settings; None if none."""
    above = (folder, *folder.parents)
    return next((one for one in above if os.path.isfile(one / FILE)), None)  # noqa: PTH113 -- no error


def _read(path: Path) -> Project:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidJobError(f"cannot read {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidJobError(f"{path}: not TOML: {error}") from error
    names = _Settings.__struct_fields__
    if name := min(content.keys() - {*names}, default=None):
        raise InvalidJobError(
            f"{path}: there is no setting {name!r}{meant(name, names) or '.'} There are "
            f"{', '.join(names)}"
        )
    try:
        settings = msgspec.convert(content, _Settings)
    except msgspec.ValidationError as error:
        problem, setting, _ = problem_of(error)
        raise InvalidJobError(f"{path}: {setting}: {in_words(problem)}") from error
    return Project(path.parent, **msgspec.structs.asdict(settings))
