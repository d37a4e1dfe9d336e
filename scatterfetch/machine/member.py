"""One worker process, seen from outside: started, told to end, watched, killed."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import IO

import msgspec

from scatterfetch.localcloud.resident import resident_mb
from scatterfetch.machine.news import News, decode
from scatterfetch.machine.process import Wanted


class Member:
    """
    A worker process, from its start on.

    Args:
        wanted: What it is to do.
        environment: Of the process.
        log: Where it writes what goes wrong; None means our standard error.
        tell: Is told, in a thread, what becomes of batches.
    """

    def __init__(
        self,
        wanted: Wanted,
        environment: Mapping[str, str],
        log: IO[bytes] | None,
        tell: Callable[[str, News], None],
    ) -> None:
        self.name = wanted.name
        self.is_ending = False
        # Not -m: the folder that this is called in may have modules of any name.
        program = (
            f"import sys; sys.path[:] = {json.dumps(sys.path)}; "
            "from scatterfetch.machine.process import main; main()"
        )
        self._process = subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=dict(environment),
            start_new_session=True,  # Ctrl-C is for us, who say what is to be done
        )
        self._tell = tell
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._say(msgspec.json.encode(wanted))

    @property
    def memory(self) -> int | None:
        """The memory in use, in MB; None where the system does not tell."""
        return resident_mb(self._process.pid)

    def ended(self) -> int | None:
        """Return how the process has ended, as `subprocess` has it, or None while it runs."""
        code = self._process.poll()
        if code is not None:
            self._reader.join()  # all that it has told is known now
        return code

    def end(self) -> None:
        """Have it hand back what it has in hand, and end."""
        self.is_ending = True
        self._say(b"")

    def kill(self) -> None:
        """End it at once, and what it has started; what it had in hand comes back in a minute."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join()

    def _say(self, line: bytes) -> None:
        assert self._process.stdin is not None
        with suppress(OSError):  # it has ended, which is seen soon
            self._process.stdin.write(line + b"\n")
            self._process.stdin.flush()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as told:
            for line in told:
                with suppress(msgspec.MsgspecError):  # it was killed in the middle of a line
                    self._tell(self.name, decode(line))
