"""
The clock and the CPU of a command with all that it starts: `python -m bench.timed RESULT COMMAND…`.

A program of its own, so that nothing but the command is counted: processes whose parent has gone
become children of this one, and whatever they used is in its own children's times. Writes RESULT
as JSON. Linux only.
"""

import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

_SET_CHILD_SUBREAPER = 36  # prctl(2)
_GRACE = 10.0  # seconds from an interrupt to the end
_ROOT = Path(__file__).parents[1]


class Timed(NamedTuple):
    """
    What a command took, in seconds.

    `began` is by the monotonic clock, which all processes of a machine share.
    """

    began: float
    wall: float
    cpu: float
    status: int
    left: int
    """Processes that ran on a moment after it had ended; they were killed."""


def timed(command: list[str], log: Path, *, limit: float) -> Timed:
    """
    Run `command` in the project's folder, and interrupt it after `limit` seconds.

    What it says is in the file `log`.
    """
    with tempfile.NamedTemporaryFile() as result, log.open("wb") as output:
        with subprocess.Popen(
            [sys.executable, "-m", "bench.timed", result.name, f"{limit}", *command],
            cwd=_ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as process:
            try:
                process.wait()
            finally:
                process.terminate()  # it ends the command, too
                process.wait()
        return Timed(*json.loads(Path(result.name).read_bytes()))


def _main(result: Path, limit: float, command: list[str]) -> None:
    if ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise SystemExit("this system does not tell whose children the processes are")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    began = time.monotonic()
    with subprocess.Popen(command) as process:
        try:
            process.wait(limit)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_IGN)
            process.send_signal(signal.SIGINT)
            try:
                process.wait(_GRACE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    wall = time.monotonic() - began
    left = _reap()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = Timed(began, wall, used.ru_utime + used.ru_stime, process.returncode, left)
    result.write_text(json.dumps(found))


def _reap() -> int:
    """Wait for all processes that the command has left behind; return how many had to be killed."""
    killed: set[int] = set()
    patience = time.monotonic() + 1.0
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return len(killed)
        if pid:
            continue
        if time.monotonic() > patience:
            for child in _children():
                os.kill(child, signal.SIGKILL)
                killed.add(child)
        time.sleep(0.01)


def _children() -> list[int]:
    lists = Path("/proc/self/task").glob("*/children")
    return [int(pid) for children in lists for pid in children.read_text().split()]


if __name__ == "__main__":
    _main(Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3:])
