"""
What is measured: programs of their own, with their CPU time and memory.

A subject is a Python module that is given a file of URLs and one for its rows. It prints ``ready``
once it is warm, waits for a line, does its work, prints ``done`` and waits for the end of its
input. So neither imports nor first connections count, for anybody.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

CONCURRENCY = 20  # requests at once
PER_HOST = 2  # the default of a spec
BATCH_SIZE = 300  # the default of the template
_TICKS = os.sysconf("SC_CLK_TCK")


class Used(NamedTuple):
    """Seconds of CPU (user and system) and of the clock, and the peak memory in bytes."""

    cpu: float
    wall: float
    memory: int


class Subject:
    """A running subject, pinned to one core."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        assert process.stdout is not None
        assert process.stdin is not None
        self._output: IO[str] = process.stdout
        self._input: IO[str] = process.stdin

    def wait_for(self, word: str) -> None:
        """Read until `word`; what else it says is for people."""
        for line in self._output:
            if line.strip() == word:
                return
        raise SystemExit(f"{self._process.args!r} ended with {self._process.wait()}")

    def go(self) -> None:
        self._input.write("go\n")
        self._input.flush()

    @property
    def cpu(self) -> float:
        """Seconds that the process and all its descendants have used, ended ones included."""
        return sum(_cpu(pid) for pid in _tree(self._process.pid))

    @property
    def memory(self) -> int:
        """The peaks of the processes that there are, together."""
        return sum(_peak(pid) for pid in _tree(self._process.pid))


@contextmanager
def started(command: list[str], *, core: int, environment: dict[str, str]) -> Iterator[Subject]:
    """Start a subject on one core."""
    with subprocess.Popen(
        ["taskset", "-c", str(core), *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
    ) as process:
        try:
            yield Subject(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def say(word: str) -> None:
    """Tell the benchmark, from within a subject, that it is `word`: ready or done."""
    print(f"\n{word}", flush=True)
    sys.stdin.readline()


def arguments() -> tuple[list[str], list[str], Path]:
    """Return, within a subject, the URLs to be warm with, those that count, and where rows go."""
    warm, work, rows = map(Path, sys.argv[1:4])
    return warm.read_text().split(), work.read_text().split(), rows


def _tree(root: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int(_stat(int(entry.name))[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def _stat(pid: int) -> list[str]:
    """Return the fields of proc(5)'s stat from the third one on."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()


def _cpu(pid: int) -> float:
    try:
        return (
            sum(map(int, _stat(pid)[11:15])) / _TICKS
        )  # utime, stime and the waited-for children's
    except OSError:
        return 0.0


def _peak(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next(
        int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM")
    )
