"""
What a cold start takes, and what takes it: `make bench-cold`.

The handlers of the built package, each time in a new process of Lambda's Python, with the layer
where Lambda has it and the .pyc files that are shipped. See docs/performance.md.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from bench.aws import worker_environment
from bench.subjects import BATCH_SIZE
from shared.keys import manifest_key
from shared.manifest import Manifest, encode_manifest
from shared.messages import Batch, Submit, Target, encode
from shared.spec import FetchSpec, Spec
from shared.store import Bucket

_ROOT = Path(__file__).parents[1]
_BUILD = _ROOT / ".aws-sam/build"
_START = _ROOT / "bench/cold_start.py"
_IMPORT_TIME = re.compile(r"import time: +(\d+) \| +\d+ \|( +)([\w.]+)")
_SMALL = 2.0  # ms; smaller ones are summed up
_OWN = {"functions", "shared"}


class Function(NamedTuple):
    name: str
    folder: str
    handler: str


FUNCTIONS = (
    Function("worker", "WorkerFunction", "functions.worker.handler"),
    Function("dispatcher", "DispatcherFunction", "functions.dispatcher.handler"),
)


class Starts:
    """Starts functions in new processes; `page` is what the worker is to fetch."""

    def __init__(self, python: Path, endpoint: str, page: str) -> None:
        self._python = python
        self._page = page
        self._environment = {
            "PATH": os.environ["PATH"],
            **worker_environment(endpoint),
            "BATCH_SIZE": f"{BATCH_SIZE}",
            "STALL_MINUTES": "60",
            "WORKER_MEMORY": "512",
            "ARCHITECTURE": "arm64",
            # Lambda's folders cannot be written to either.
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        # The clients of this process, which put the manifests, are not what is measured.
        os.environ.update(worker_environment(endpoint))
        self._data = Bucket("data")

    def start(self, function: Function) -> dict[str, tuple[float, float]]:
        """Return wall-clock and CPU milliseconds of each phase."""
        runs = [f"cold-{time.time_ns()}-{number}" for number in range(2)]
        spec = Spec(fetch=FetchSpec(pause=0))
        for run in runs:
            manifest = Manifest(job=run, spec=spec, partitions=1, batch_size=1, created_at="now")
            self._data.put(manifest_key(run), encode_manifest(manifest))
        record = {
            "messageId": "RUN",
            "receiptHandle": "RUN",
            "body": self._message(function),
            "attributes": {"ApproximateReceiveCount": "1"},
        }
        event = json.dumps({"Records": [record]})
        output = self._run(function, [str(_START), function.handler, event, *runs])
        phases: dict[str, tuple[float, float]] = {}
        for name, wall, cpu in json.loads(output.splitlines()[-1]):
            before = phases.get(name, (0.0, 0.0))
            phases[name] = before[0] + wall * 1000, before[1] + cpu * 1000
        return phases

    def imports(self, function: Function) -> dict[str, float]:
        """Return the milliseconds of importing, by package, without what it imports in turn."""
        code = f"import {function.handler}"
        output = self._run(function, ["-X", "importtime", "-c", code])
        found: Counter[str] = Counter()
        started = False
        for line in output.splitlines():
            step = _IMPORT_TIME.fullmatch(line)
            if step is None:
                continue
            if started:
                found[_package(step[3])] += int(step[1])
            started = started or step[3] == "site"  # what comes before is the interpreter's own
        return {name: used / 1000 for name, used in found.items()}

    def _run(self, function: Function, arguments: list[str]) -> str:
        paths = (_BUILD / function.folder, _BUILD / "SharedLayer/python")
        ended = subprocess.run(
            [self._python, "-P", *arguments],
            env=self._environment | {"PYTHONPATH": ":".join(map(str, paths))},
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if ended.returncode != 0:
            raise SystemExit(ended.stdout)
        return ended.stdout

    def _message(self, function: Function) -> str:
        if function.name == "dispatcher":
            return encode(Submit(id="RUN", name="cold", urls=(self._page,)))
        target = Target(self._page, 1)
        # The id of the job is put in later.
        batch = Batch(job="RUN", batch="00000-000000", partition=0, targets=(target,))
        return encode(batch)


def _package(module: str) -> str:
    package = module.partition(".")[0]
    if package in _OWN:
        return "our own"
    return "standard library" if package in sys.stdlib_module_names else package.lstrip("_")


@contextmanager
def servers() -> Iterator[tuple[str, str]]:
    """Start S3, SQS and a website; yield the address of AWS and that of a page."""
    commands = [[sys.executable, "-m", f"bench.{name}"] for name in ("aws", "website")]
    with (
        subprocess.Popen(commands[0], stdout=subprocess.PIPE, text=True) as aws,
        subprocess.Popen(commands[1], stdout=subprocess.PIPE, text=True) as website,
    ):
        assert aws.stdout is not None
        assert website.stdout is not None
        try:
            yield tuple(  # type: ignore[misc] # two
                f"http://127.0.0.1:{process.stdout.readline().strip()}{path}"
                for process, path in ((aws, ""), (website, "/30000"))
                if process.stdout is not None
            )
        finally:
            aws.terminate()
            website.terminate()


def measure(python: Path, rounds: int) -> dict[str, Any]:
    """Return medians in milliseconds."""
    phases: dict[str, list[dict[str, tuple[float, float]]]] = {f.name: [] for f in FUNCTIONS}
    imports: dict[str, list[dict[str, float]]] = {f.name: [] for f in FUNCTIONS}
    with servers() as (endpoint, page):
        starts = Starts(python, endpoint, page)
        for _ in range(rounds):
            for function in FUNCTIONS:
                phases[function.name].append(starts.start(function))
                imports[function.name].append(starts.imports(function))
    return {
        name: {
            "phases": {
                phase: {
                    "wall": round(median(run[phase][0] for run in runs), 1),
                    "cpu": round(median(run[phase][1] for run in runs), 1),
                }
                for phase in runs[0]
            },
            "import_and_clients_cpu": round(
                median(run["import"][1] + run["clients"][1] for run in runs), 1
            ),
            "imports": _shares(imports[name], median(run["import"][1] for run in runs)),
        }
        for name, runs in phases.items()
    }


def _shares(imports: list[dict[str, float]], cpu: float) -> dict[str, float]:
    """Return the packages' shares of `cpu`, the largest first."""
    # They are told in wall-clock time. Of several the shortest is what nothing else disturbed.
    packages = {package for run in imports for package in run}
    shortest = {name: min(run.get(name, 0.0) for run in imports) for name in packages}
    scale = cpu / sum(shortest.values())
    ordered = sorted(shortest.items(), key=lambda entry: -entry[1])
    return {name: round(used * scale, 1) for name, used in ordered}


def main() -> None:
    parser = argparse.ArgumentParser(description="What a cold start takes, and what takes it.")
    parser.add_argument("--python", type=Path, required=True, help="Lambda's: python3.13")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", type=Path, help="a file for the numbers")
    options = parser.parse_args()
    found = measure(options.python, options.rounds)
    for name, numbers in found.items():
        print(f"\n{name}: import and clients {numbers['import_and_clients_cpu']:.0f} ms of CPU\n")
        print("| phase | CPU, ms | wall clock, ms |\n|---|---|---|")
        for phase, used in numbers["phases"].items():
            print(f"| {phase} | {used['cpu']:.0f} | {used['wall']:.0f} |")
        print("\n| package | of the import, ms of CPU |\n|---|---|")
        packages = numbers["imports"].items()
        rest = sum(used for _, used in packages if used < _SMALL)
        for package, used in [*((p, u) for p, u in packages if u >= _SMALL), ("the rest", rest)]:
            print(f"| {package} | {used:.1f} |")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
