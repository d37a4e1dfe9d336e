"""
The inside of a sandbox: imports a handler and answers invocations until its parent is gone.

``python -m scatterfetch.localcloud.bootstrap HANDLER REQUESTS ANSWERS``, where the last two are
file descriptors; messages are JSON, one a line. What Lambda's runtime interface client is to
Lambda.
"""

import importlib
import json
import math
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TextIO

from scatterfetch.localcloud.user_parsers import use_parsers


class LambdaContext:
    """
    What a handler gets to know of its invocation.

    `deadline` is in seconds since the epoch, and so is what `latest` returns, which may be sooner.
    """

    def __init__(
        self, request_id: str, deadline: float, latest: Callable[[], float] = lambda: math.inf
    ) -> None:
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


def main(handler_name: str, requests: int, answers: int) -> None:
    """Import the handler and serve, until the process ends with its parent."""
    with os.fdopen(requests) as incoming, os.fdopen(answers, "w") as outgoing:

        def answer(message: dict[str, Any]) -> None:
            json.dump(message, outgoing)
            outgoing.write("\n")
            outgoing.flush()

        try:
            if parsers := os.environ.get("SCATTERFETCH_PARSERS"):
                use_parsers(Path(parsers))
            module, _, name = handler_name.rpartition(".")
            handler = getattr(importlib.import_module(module), name)
        except Exception as error:
            answer({"error": f"{type(error).__name__}: {error}"})
            raise
        answer({"ready": True})
        inbox = _Inbox(incoming)
        while True:
            request = inbox.get()
            context = LambdaContext(request["id"], request["deadline"], lambda: inbox.deadline)
            try:
                answer({"result": handler(request["event"], context)})
            except Exception as error:  # noqa: BLE001 -- a failed invocation; the sandbox lives on
                traceback.print_exc()
                answer({"error": f"{type(error).__name__}: {error}"})
            sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
