"""
The inside of sandboxes: one process that has imported what handlers need, and those forked from it.

``python -m scatterfetch.localcloud.bootstrap SOCKET`` forks whenever a byte comes through the
socket, a file descriptor. A sandbox imports a handler and answers invocations until its parent is
gone; messages are JSON, one a line. What Lambda's runtime interface client is to Lambda.
"""

import gc
import importlib
import json
import math
import os
import select
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NoReturn, TextIO

from scatterfetch.localcloud.user_parsers import use_parsers

# All that the handlers import, and not these, since what they make reads their environment.
_IMPORTS = (
    "aws_lambda_powertools.metrics",
    "aws_lambda_powertools.utilities.typing",
    "functions.dispatcher.close",
    "functions.dispatcher.dispatch",
    "functions.dispatcher.events",
    "functions.worker.deployment",
    "functions.worker.worker",
)
_TELL_INTERVAL = 0.2  # seconds
_SERVICES = ("events", "s3", "sqs")


class LambdaContext:
    """
    What a handler gets to know of its invocation.

    `deadline` is in seconds since the epoch, and so is what `latest` returns, which may be sooner.
    `tell` takes what came of a batch so far: its job, its id and its counts. Lambda has no such.
    """

    def __init__(
        self,
        request_id: str,
        deadline: float,
        latest: Callable[[], float] = lambda: math.inf,
        tell: Callable[[str, str, Mapping[str, int]], None] = lambda *_: None,
    ) -> None:
        self.tell = tell
        self.aws_request_id = request_id
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = "$LATEST"
        self.memory_limit_in_mb = int(os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"])
        self.invoked_function_arn = os.environ["SCATTERFETCH_FUNCTION_ARN"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.client_context = None
        self.identity = None
        self._deadline = deadline
        self._latest = latest

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((min(self._deadline, self._latest()) - time.time()) * 1000))


class _Progress:
    """Tells the parent what came of batches so far, a few times a second."""

    def __init__(self, answer: Callable[[dict[str, Any]], None]) -> None:
        self._answer = answer
        self._latest: dict[tuple[str, str], Mapping[str, int]] = {}
        self._told_at = 0.0

    def tell(self, job: str, batch: str, counts: Mapping[str, int]) -> None:
        self._latest[job, batch] = counts
        if time.monotonic() >= self._told_at + _TELL_INTERVAL:
            self._told_at = time.monotonic()
            self._answer({"progress": [[*key, seen] for key, seen in self._latest.items()]})
            self._latest.clear()


class _Inbox:
    """
    What the parent says.

    A message with an `event` is a request; any other is a `deadline` for whatever is under way from
    then on, which is a word to the handler and nothing that would end it.
    """

    def __init__(self, incoming: TextIO) -> None:
        self._incoming = incoming
        self._requests: SimpleQueue[dict[str, Any]] = SimpleQueue()
        self.deadline = math.inf
        threading.Thread(target=self._listen, daemon=True).start()

    def get(self) -> dict[str, Any]:
        """Wait for the next request."""
        return self._requests.get()

    def _listen(self) -> None:
        try:
            for line in self._incoming:
                message = json.loads(line)
                if "event" in message:
                    self._requests.put(message)
                else:
                    self.deadline = message["deadline"]
        finally:
            # The parent is gone, maybe in the middle of a line, and nobody may work on.
            os._exit(0)


def _serve(requests: int, answers: int) -> None:
    """Become the sandbox that the first line asks for, until the process ends with its parent."""
    with os.fdopen(requests) as incoming, os.fdopen(answers, "w") as outgoing:
        wanted = json.loads(incoming.readline())
        os.environ.clear()
        os.environ.update(wanted["environment"])

        def answer(message: dict[str, Any]) -> None:
            json.dump(message, outgoing)
            outgoing.write("\n")
            outgoing.flush()

        try:
            if parsers := os.environ.get("SCATTERFETCH_PARSERS"):
                use_parsers(Path(parsers))
            module, _, name = wanted["handler"].rpartition(".")
            handler = getattr(importlib.import_module(module), name)
        except Exception as error:
            answer({"error": f"{type(error).__name__}: {error}"})
            raise
        answer({"ready": True})
        inbox = _Inbox(incoming)
        progress = _Progress(answer)
        while True:
            request = inbox.get()
            context = LambdaContext(
                request["id"], request["deadline"], lambda: inbox.deadline, progress.tell
            )
            try:
                answer({"result": handler(request["event"], context)})
            except Exception as error:  # noqa: BLE001 -- a failed invocation; the sandbox lives on
                traceback.print_exc()
                answer({"error": f"{type(error).__name__}: {error}"})
            sys.stdout.flush()


def _prepare() -> None:
    """Import what handlers need, and read what the SDK knows of the services that they call."""
    gc.disable()  # it takes a seventh of the time, and finds nothing
    for name in _IMPORTS:
        importlib.import_module(name)
    from scatterfetch.localcloud.sdk import loader  # noqa: PLC0415 -- as the rest of it
    from shared.clients import session  # noqa: PLC0415 -- as the rest of it

    session().register_component("data_loader", loader())
    for service in _SERVICES:
        loader().load_service_model(service, "service-2")
        loader().load_service_model(service, "endpoint-rule-set-1")
    gc.freeze()  # or each sandbox would copy all of it, to look for garbage there
    gc.enable()


class _Forks:
    """Forks sandboxes, and tells how they end."""

    def __init__(self, commands: socket.socket) -> None:
        self._commands = commands
        self._ends: dict[int, int] = {}
        """Where to tell how a process has ended, by its id."""
        self._woken, wake = os.pipe()
        os.set_blocking(wake, False)
        os.set_blocking(self._woken, False)
        self._wake = wake
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)

    def run(self) -> None:
        """Fork as asked, until nobody is there to ask."""
        while True:
            ready, _, _ = select.select([self._commands.fileno(), self._woken], [], [])
            if self._woken in ready:
                os.read(self._woken, 1024)
                self._tell_ends()
            if self._commands.fileno() in ready:
                asked, descriptors, _, _ = socket.recv_fds(self._commands, 1, 4)
                if not asked:
                    return
                self._fork(*descriptors)

    def _fork(self, requests: int, answers: int, log: int, end: int) -> None:
        pid = os.fork()
        if pid == 0:
            self._become_sandbox(requests, answers, log, end)
        with suppress(OSError):  # it has done so itself, or has ended
            os.setpgid(pid, pid)  # now, since who is told of it may kill it
        for descriptor in (requests, answers, log):
            os.close(descriptor)
        self._ends[pid] = end
        self._tell(pid, pid)

    def _become_sandbox(self, requests: int, answers: int, log: int, end: int) -> NoReturn:
        code = 1
        try:
            with suppress(OSError):
                os.setpgid(0, 0)
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._commands.close()
            for descriptor in (self._woken, self._wake, end, *self._ends.values()):
                os.close(descriptor)
            os.dup2(log, 1)
            os.dup2(log, 2)
            os.close(log)
            _serve(requests, answers)
            code = 0
        except BaseException:  # noqa: BLE001 -- nothing of it may get back to the loop
            traceback.print_exc()
        os._exit(code)

    def _tell_ends(self) -> None:
        while self._ends:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            self._tell(pid, os.waitstatus_to_exitcode(status))
            os.close(self._ends.pop(pid))

    def _tell(self, pid: int, what: int) -> None:
        with suppress(BrokenPipeError):  # nobody wants to know
            os.write(self._ends[pid], f"{what}\n".encode())


def main(commands: int) -> None:
    """Serve, until the process ends with its parent."""
    _prepare()
    with socket.socket(fileno=commands) as asked:
        _Forks(asked).run()


if __name__ == "__main__":
    main(int(sys.argv[1]))
