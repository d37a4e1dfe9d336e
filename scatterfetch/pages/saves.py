"""When the files behind a trial were saved: its spec, and the modules of Python parsers."""

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from functions.worker import parsers
from scatterfetch.parser_modules import parser_modules

_TICK = 0.1  # seconds between two looks at a file

_File = tuple[int, int]  # when it was last saved, in nanoseconds, and its size in bytes


class Saves(NamedTuple):
    """When files were last saved: the spec, and the modules of Python parsers."""

    spec: _File | None
    parsers: Mapping[Path, _File]


def saves(path: Path | None) -> Saves:
    modules = [file for folder in parsers.__path__ for file in parser_modules(Path(folder))]
    seen = {file: saved for file in modules if (saved := _file(file)) is not None}
    return Saves(None if path is None else _file(path), seen)


def _file(path: Path) -> _File | None:
    try:
        status = path.stat()
    except OSError:  # an editor may replace it just now
        return None
    return status.st_mtime_ns, status.st_size


def next_save(path: Path, before: Saves, *, with_parsers: bool) -> Saves:
    """
    Wait until the spec, or a module of parsers where they count, is another file than `before`.

    Editors empty a file and then write it. So a save counts when two looks see the same, and a spec
    that is empty or away is a save that has not ended.
    """
    print(f"watching {path}; Ctrl-C ends it", file=sys.stderr)
    last = before
    while True:
        now = saves(path)
        changed = now.spec != before.spec or (with_parsers and now.parsers != before.parsers)
        if changed and now == last and now.spec is not None and now.spec[1]:
            return now
        last = now
        time.sleep(_TICK)
