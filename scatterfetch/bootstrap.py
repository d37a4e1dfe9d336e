"""
The inside of a sandbox: imports a handler and answers invocations until its parent is gone.

``python -m scatterfetch.bootstrap HANDLER REQUESTS ANSWERS``, where the last two are file
descriptors; messages are JSON, one a line. What Lambda's runtime interface client is to Lambda.
"""

import importlib
import json
import os
import sys
import threading
import time
import traceback
from queue import SimpleQueue
from typing import Any, TextIO


class LambdaContext:
    """What a handler gets to know of its invocation. `deadline` in seconds since the epoch."""

    def __init__(self, request_id: str, deadline: float) -> None:
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

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self._deadline - time.time()) * 1000))


def main(handler_name: str, requests: int, answers: int) -> None:
    """Import the handler and serve, until the process ends with its parent."""
    with os.fdopen(requests) as incoming, os.fdopen(answers, "w") as outgoing:

        def answer(message: dict[str, Any]) -> None:
            json.dump(message, outgoing)
            outgoing.write("\n")
            outgoing.flush()

        try:
            module, _, name = handler_name.rpartition(".")
            handler = getattr(importlib.import_module(module), name)
        except Exception as error:
            answer({"error": f"{type(error).__name__}: {error}"})
            raise
        answer({"ready": True})
        lines: SimpleQueue[str] = SimpleQueue()
        threading.Thread(target=_listen, args=(incoming, lines), daemon=True).start()
        while True:
            request = json.loads(lines.get())
            context = LambdaContext(request["id"], request["deadline"])
            try:
                answer({"result": handler(request["event"], context)})
            except Exception as error:  # noqa: BLE001 -- a failed invocation; the sandbox lives on
                traceback.print_exc()
                answer({"error": f"{type(error).__name__}: {error}"})
            sys.stdout.flush()


def _listen(incoming: TextIO, lines: "SimpleQueue[str]") -> None:
    """Take requests; when there can be no more, the parent is gone, and nobody may work on."""
    for line in incoming:
        lines.put(line)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
