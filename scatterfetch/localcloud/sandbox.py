"""
A function's sandbox, seen from outside: a process of its own with the function's environment,
one invocation at a time, killed at its timeout or beyond its memory, started again after that.
"""

import json
import math
import os
import select
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn, Self

from scatterfetch.deployable import DEPLOYABLE
from scatterfetch.localcloud.forkserver import Forked, base_environment, fork_server
from scatterfetch.localcloud.resident import resident_mb
from scatterfetch.localcloud.template import ACCOUNT, REGION, Function

_END_SECONDS = 5.0  # until who has closed its pipe, or was killed, has ended
OnProgress = Callable[[str, str, Mapping[str, int]], None]
_MEMORY_INTERVAL = 0.25  # seconds between two looks at a process's memory


class SandboxDiedError(Exception):
    """The process ended, or was ended, during an invocation."""


class FunctionError(Exception):
    """The handler raised. The sandbox lives on."""


class Sandbox:
    """
    One execution environment of `function`; what it prints goes to the end of `log`.

    Specs may name the Python parsers in the folder `parsers`. `on_progress` is told what came of a
    batch so far: its job, its id, and the counts of its outcomes by `outcome_name`.
    """

    def __init__(
        self,
        function: Function,
        endpoint: str,
        log: Path,
        number: int,
        *,
        parsers: Path | None = None,
        on_progress: OnProgress = lambda _job, _batch, _counts: None,
    ) -> None:
        self._function = function
        self._base = base_environment()
        self._environment = self._base | _own_environment(function, endpoint, number)
        self.access_key = self._environment["AWS_ACCESS_KEY_ID"]
        if parsers is not None:
            self._environment["SCATTERFETCH_PARSERS"] = str(parsers)  # for bootstrap.py
        self._log = log
        self._on_progress = on_progress
        self._process: Forked | None = None
        self._writing = threading.Lock()
        self._latest = math.inf

    @property
    def name(self) -> str:
        return self._function.name

    def start(self) -> Self:
        """Start the process, if none runs; it goes on with its imports by itself."""
        if self._process is not None and self._process.poll() is None:
            return self
        self._close_pipes()
        request_read, request_write = os.pipe()
        answer_read, answer_write = os.pipe()
        with self._log.open("ab") as log:
            server = fork_server(self._base)
            self._process = server.fork(request_read, answer_write, log.fileno())
        os.close(request_read)
        os.close(answer_write)
        self._requests = os.fdopen(request_write, "wb", buffering=0)
        self._answers = os.fdopen(answer_read, "rb", buffering=0)
        self._received = b""
        self._ready = False
        with suppress(OSError):  # it has ended, which the first invocation finds out
            self._say({"handler": self._function.handler, "environment": self._environment})
        return self

    @property
    def pid(self) -> int | None:
        """Of the process, while there is one."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def invoke(self, event: Mapping[str, Any]) -> Any:  # noqa: ANN401 -- what the handler returns
        """
        Run the handler on `event` and return what it returns.

        Raises:
            FunctionError: it raised.
            SandboxDiedError: it took longer than its timeout or more than its memory, or its
                process ended by itself. The next invocation gets a new one.
        """
        self.start()
        if not self._ready:
            self._answer(time.time() + 60)
            self._ready = True
        deadline = time.time() + self._function.timeout
        request = {
            "id": str(uuid.uuid4()),
            "deadline": min(deadline, self._latest),
            "event": event,
        }
        try:
            self._say(request)
        except OSError:
            self._died()
        return self._answer(deadline).get("result")

    def cut_short(self, deadline: float) -> None:
        """Have the handler believe that its time ends at `deadline`, from now on."""
        self._latest = deadline
        if self.pid is not None:
            with suppress(OSError, ValueError):  # its process or the pipe is gone
                self._say({"deadline": deadline})

    def kill(self) -> None:
        """End the process, whatever it does; an invocation under way notices it by itself."""
        if self._process is not None:
            self._process.kill()

    def stop(self) -> None:
        """End the process, whatever it does. No invocation may be under way in another thread."""
        if self._process is None:
            return
        self.kill()
        self._process.wait()
        self._close_pipes()
        self._process = None

    def _say(self, message: Mapping[str, Any]) -> None:
        line = json.dumps(message).encode() + b"\n"
        with self._writing:
            _write_all(self._requests.fileno(), line)

    def _answer(self, deadline: float) -> dict[str, Any]:
        answer: dict[str, Any] = {"progress": []}
        look_at = time.monotonic() + _MEMORY_INTERVAL
        while "progress" in answer:
            for job, batch, counts in answer["progress"]:
                self._on_progress(job, batch, counts)
            while b"\n" not in self._received:
                wait = deadline - time.time()
                if wait <= 0:
                    self._kill(f"timed out after {self._function.timeout} s")
                look = max(0.0, look_at - time.monotonic())
                if select.select([self._answers], [], [], min(wait, look))[0]:
                    part = self._answers.read(1 << 20)
                    if not part:
                        self._died()
                    self._received += part
                if time.monotonic() >= look_at:
                    self._check_memory()
                    look_at = time.monotonic() + _MEMORY_INTERVAL
            line, _, self._received = self._received.partition(b"\n")
            answer = json.loads(line)
        if "error" in answer:
            raise FunctionError(f"{self._function.name}: {answer['error']}")
        return answer

    def _check_memory(self) -> None:
        assert self._process is not None
        used = resident_mb(self._process.pid)
        if used is not None and used > self._function.memory:
            self._kill(f"used {used} MB of memory and may use {self._function.memory}")

    def _kill(self, why: str) -> NoReturn:
        pid = self.pid
        self.stop()
        raise SandboxDiedError(f"{self._function.name} (pid {pid}) {why} and was killed")

    def _died(self) -> NoReturn:
        assert self._process is not None
        pid = self._process.pid
        try:
            code = self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:  # it has closed its pipe and goes on
            self._kill("does not answer any more")
        self.stop()
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        raise SandboxDiedError(f"{self._function.name} (pid {pid}) {how}")

    def _close_pipes(self) -> None:
        if self._process is not None:
            with self._writing:
                self._requests.close()
            self._answers.close()
            self._process.close()


def _own_environment(function: Function, endpoint: str, number: int) -> dict[str, str]:
    """Return what the environment of a sandbox has beyond `base_environment`."""
    name = function.name
    return {
        "AWS_ACCESS_KEY_ID": f"{name}-{number}",  # so that the embedded SQS knows who has what
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": f"local/{number}",
        "LAMBDA_TASKPROJECT": str(DEPLOYABLE),
        "SCATTERFETCH_FUNCTION_ARN": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}",
        **function.environment,
    }


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
