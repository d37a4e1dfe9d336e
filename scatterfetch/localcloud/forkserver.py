"""
A process that has imported what handlers need, seen from outside; sandboxes are forked from it.

Each sandbox would import for half a second of CPU. The process begins when it is asked for, and
ends with this one. It has one thread and no handler, since these read their function's environment.
"""

import atexit
import math
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress

from scatterfetch.deployable import DEPLOYABLE

_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR")
_SLICE = 0.05  # seconds that one thread looks; others may want to
_STARTING = threading.Lock()
_servers: dict[frozenset[tuple[str, str]], "ForkServer"] = {}


class Forked:
    """
    A process forked elsewhere, with what is known of one's own: its id and how it has ended.

    `told` is where the server tells that, in two lines.
    """

    def __init__(self, told: int) -> None:
        os.set_blocking(told, False)
        self._told = told
        self._reading = threading.Lock()
        self._text = b""
        self._over = False

    @property
    def pid(self) -> int | None:
        """
        Of the process; None if there never was one, since the server has ended.

        A server that is still at its imports is waited for.
        """
        while not self._lines() and not self._over:
            self._look(math.inf)
        return int(self._lines()[0]) if self._lines() else None

    def poll(self) -> int | None:
        """Return how the process has ended, as `subprocess` has it, or None while it runs."""
        self._look(0)
        if len(lines := self._lines()) > 1:
            return int(lines[1])
        if not self._over:
            return None
        self.kill()  # whoever could tell is gone, and nobody may be at work unseen
        return -signal.SIGKILL

    def wait(self, timeout: float = math.inf) -> int:
        """
        Return how the process has ended.

        Raises:
            subprocess.TimeoutExpired: it has not within `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        while (code := self.poll()) is None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise subprocess.TimeoutExpired("a sandbox", timeout)
            self._look(left)
        return code

    def kill(self) -> None:
        """End the process, and what it has started."""
        if (pid := self.pid) is not None:
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)

    def close(self) -> None:
        """Forget the process, which has ended; whoever asks for it in another thread hears so."""
        with self._reading:
            os.close(self._told)
            self._over = True

    def _lines(self) -> list[bytes]:
        return self._text.split(b"\n")[:-1]

    def _look(self, timeout: float) -> None:
        """Read what there is, or what comes in `timeout` seconds or a little less."""
        with self._reading, suppress(BlockingIOError):  # until there is no more
            if self._over or not select.select([self._told], [], [], min(timeout, _SLICE))[0]:
                return
            while piece := os.read(self._told, 64):
                self._text += piece
            self._over = True


class ForkServer:
    """The process. What it does is in bootstrap.py."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._asking = threading.Lock()
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "scatterfetch.localcloud.bootstrap",
                    str(theirs.fileno()),
                ],
                env=environment,
                cwd=DEPLOYABLE,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,  # Ctrl-C is for us, who say what is to be done
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def fork(self, requests: int, answers: int, log: int) -> Forked:
        """Have a sandbox forked that reads `requests`, writes `answers`, and prints to `log`."""
        told, end = os.pipe()
        try:
            with self._asking, suppress(OSError):  # it has ended, which `Forked` finds out
                socket.send_fds(self._socket, [b"f"], [requests, answers, log, end])
        finally:
            os.close(end)
        return Forked(told)

    def stop(self) -> None:
        """End the process. Its sandboxes live on, but nobody is told any more how they end."""
        self._process.kill()
        self._process.wait()
        self._socket.close()


def base_environment() -> dict[str, str]:
    """Return what all sandboxes have in their environment; of ours, what any process needs."""
    return {
        **{key: os.environ[key] for key in _PASSED_ON if key in os.environ},
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "PYTHONUNBUFFERED": "1",
    }


def fork_server(environment: Mapping[str, str] | None = None) -> ForkServer:
    """
    Return the server of this process, at once: it is started if there is none.

    What is read when Python starts, or at imports, would be another with another `environment`
    (None: `base_environment`), so each has a server of its own.
    """
    environment = base_environment() if environment is None else environment
    key = frozenset(environment.items())
    with _STARTING:
        server = _servers.get(key)
        if server is None or not server.is_running:
            server = _servers[key] = ForkServer(environment)
        return server


@atexit.register
def stop_fork_servers() -> None:
    """End the servers of this process, if any."""
    with _STARTING:
        while _servers:
            _servers.popitem()[1].stop()
