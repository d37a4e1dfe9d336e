"""One cold start, as Lambda has it; bench/cold.py runs it, each time in a new process."""

import time

_PHASES = [("interpreter", 0.0, time.process_time())]
_clock = time.perf_counter()

import importlib  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402


class Context:
    """What a handler gets to know of its invocation."""

    aws_request_id = "00000000-0000-0000-0000-000000000000"
    function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
    function_version = "$LATEST"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:1:function:bench"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 120_000


def phase(name: str) -> None:
    """What was done since the phase before is called `name`."""
    global _clock  # noqa: PLW0603 -- a script
    cpu, clock = time.process_time(), time.perf_counter()
    _PHASES.append((name, clock - _clock, cpu - sum(used for _, _, used in _PHASES)))
    _clock = clock


def main() -> None:
    event = json.loads(sys.argv[2])
    phase("interpreter")
    handler = importlib.import_module(sys.argv[1]).handler
    phase("import")
    importlib.import_module("shared.store").s3_client()
    importlib.import_module("shared.queue").sqs_client()
    phase("clients")
    first, second = (json.loads(json.dumps(event).replace("RUN", run)) for run in sys.argv[3:5])
    assert handler(first, Context()) == {"batchItemFailures": []}
    phase("first invocation")
    assert handler(second, Context()) == {"batchItemFailures": []}
    phase("second invocation")
    print("\n" + json.dumps(_PHASES))


main()
