"""Lambda handlers for the tests of the sandbox; each runs in a process of its own."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from scatterfetch.localcloud.bootstrap import LambdaContext


def describe(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return {
        "event": event,
        "time_left": context.get_remaining_time_in_millis(),
        "environment": dict(os.environ),
        "pid": os.getpid(),
        "parent": os.getppid(),
        "modules": [*sys.modules],
        "random": random.random(),
        "zone": time.tzname[0],
    }


def fail_if_asked(event: dict[str, Any], _: LambdaContext) -> str:
    if event["fail"]:
        raise ValueError("as asked")
    return "fine"


def sleep_if_asked(event: dict[str, Any], _: LambdaContext) -> str:
    if event["sleep"]:
        time.sleep(600)
    return "awake"


def wait_for_the_end(event: dict[str, Any], context: LambdaContext) -> int:
    Path(event["begun"]).touch()
    while context.get_remaining_time_in_millis() > 5_000:
        time.sleep(0.01)
    return context.get_remaining_time_in_millis()


def fill_memory(_event: dict[str, Any], _: LambdaContext) -> None:
    held = []
    while True:
        held.append(b"x" * 10_000_000)
        time.sleep(0.01)


def fill_memory_elsewhere(_event: dict[str, Any], _: LambdaContext) -> None:
    program = "held = b'x' * 200_000_000; import time; time.sleep(600)"
    subprocess.run([sys.executable, "-c", program], check=False)


def start_another(_event: dict[str, Any], _: LambdaContext) -> int:
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]).pid


def kill_itself_if_asked(event: dict[str, Any], _: LambdaContext) -> str:
    if "signal" in event:
        os.kill(os.getpid(), event["signal"])
    return "alive"
