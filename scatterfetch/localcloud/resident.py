"""The memory that a process of this machine has in use, as far as the system tells."""

import os
from pathlib import Path


def resident_mb(pid: int | None) -> int | None:
    """
    Return the resident memory of a process and of those it has started.

    None where there is none, or where the system has no /proc to tell.
    """
    if pid is None:
        return None
    pages = 0
    family = [pid]
    try:
        for member in family:
            folder = Path(f"/proc/{member}")
            pages += int((folder / "statm").read_text().split()[1])
            for children in folder.glob("task/*/children"):
                family += map(int, children.read_text().split())
    except (OSError, IndexError):  # ended meanwhile, if there is a /proc
        return pages * os.sysconf("SC_PAGE_SIZE") // (1024 * 1024) if pages else None
    return pages * os.sysconf("SC_PAGE_SIZE") // (1024 * 1024)
