"""What this machine has for workers: processors, and memory as far as the system says."""

import os
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")
_MB = 1024 * 1024


def usable_cores(cgroup: Path = _CGROUP) -> int:
    """Return how many processors this process may use, at least 1."""
    allowed = getattr(os, "sched_getaffinity", None)
    cores = len(allowed(0)) if allowed else os.cpu_count() or 1
    quota, period = _words(cgroup / "cpu.max", 2)
    if quota is not None and period:
        cores = min(cores, quota // period)
    return max(1, cores)


def usable_memory(cgroup: Path = _CGROUP) -> int:
    """Return the memory of this machine, or of its container, in MB."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    (limit,) = _words(cgroup / "memory.max", 1)
    return (memory if limit is None else min(memory, limit)) // _MB


def workers_for(memory: int, *, cores: int, available: int) -> int:
    """Return how many workers of `memory` MB each a machine has room for, one a core at most."""
    return max(1, min(cores, available // memory))


def _words(path: Path, count: int) -> list[int | None]:
    """Return the numbers in a file of a control group; None where there is no limit, or no file."""
    try:
        words = path.read_text().split()[:count]
    except OSError:
        words = []
    numbers = [int(word) if word.isdecimal() else None for word in words]
    return numbers + [None] * (count - len(numbers))
