"""
Run the chaos suite: every scenario with many seeds, each in a process of its own.

    $ make chaos RUNS=50
    $ make chaos RUNS=1 SEED=1234 SCENARIO=killed_at_random

The seed decides what goes wrong; when exactly is left to the machine.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from random import SystemRandom
from typing import NamedTuple

from tests.chaos.arena import Arena, Skipped
from tests.chaos.harness import Website
from tests.chaos.scenarios import SCENARIOS
from tests.site import running_site

SKIPPED = 77
_LIMIT = 600  # seconds for one run
_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "SSL_CERT_FILE": os.devnull,  # nobody speaks TLS, and each process would read them thrice
}


class Ran(NamedTuple):
    """A scenario that was run in a process of its own; `status` is its exit status."""

    scenario: str
    seed: int
    status: int
    output: str
    seconds: float

    @property
    def failed(self) -> bool:
        return self.status not in {0, SKIPPED}


def run_apart(scenario: str, seed: int, *, short: bool) -> Ran:
    """Run one scenario in a process of its own; what it leaves is kept if it fails."""
    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix=f"chaos-{scenario}-"))
    command = [sys.executable, "-m", "tests.chaos", "--only", scenario, "--seed", str(seed)]
    command += ["--in", str(folder), *(["--short"] if short else [])]
    if scenario == "full_disk" and shutil.which("unshare"):
        command = ["unshare", "--user", "--map-root-user", "--mount", *command]
    try:
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **_ENVIRONMENT},
            text=True,
            timeout=_LIMIT,
            check=False,
        )
        status, output = done.returncode, done.stdout.strip()
    except subprocess.TimeoutExpired as error:
        status, output = 1, f"no end after {_LIMIT} s: {(error.stdout or b'')[-2000:]!r}"
    if status in {0, SKIPPED}:
        shutil.rmtree(folder)
    else:
        output += f"\nwhat it left is in {folder}"
    return Ran(scenario, seed, status, output, time.monotonic() - began)


def run_here(scenario: str, seed: int, folder: Path, *, short: bool) -> int:
    """
    Run one scenario in this process; return its exit status.

    Raises:
        AssertionError: something was lost.
    """
    with running_site(Website()) as site:
        assert isinstance(site, Website)
        try:
            print(SCENARIOS[scenario](Arena(folder, site, seed, short)))
        except Skipped as reason:
            print(reason)
            return SKIPPED
    return 0


def run_all(names: Sequence[str], runs: int, seed: int, jobs: int, *, short: bool) -> int:
    """Run each scenario `runs` times, print what happened, return the exit status."""
    began = time.monotonic()
    finished: dict[str, list[Ran]] = defaultdict(list)
    with ThreadPoolExecutor(jobs) as pool:
        futures: list[Future[Ran]] = [
            pool.submit(run_apart, name, seed + number, short=short)
            for number in range(runs)
            for name in names
        ]
        for future in futures:
            ran = future.result()
            finished[ran.scenario].append(ran)
            word = {0: "ok", SKIPPED: "skipped"}.get(ran.status, "FAILED")
            print(f"{ran.scenario} SEED={ran.seed}: {word} in {ran.seconds:.0f} s: {ran.output}")
            if ran.failed:
                print(f"  again: make chaos RUNS=1 SEED={ran.seed} SCENARIO={ran.scenario}")
            sys.stdout.flush()
    print(f"\n{'scenario':24}runs  failed  skipped  seconds each")
    for name, some in finished.items():
        failed = sum(ran.failed for ran in some)
        skipped = sum(ran.status == SKIPPED for ran in some)
        mean = sum(ran.seconds for ran in some) / len(some)
        print(f"{name:24}{len(some):4}{failed:8}{skipped:9}{mean:14.1f}")
    print(f"in {time.monotonic() - began:.0f} s; first seed {seed}")
    return int(any(ran.failed for some in finished.values() for ran in some))


def main() -> int:
    summary, _, details = (__doc__ or "").strip().partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="make chaos",
        description=summary,
        epilog=details,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--runs", type=int, default=1, metavar="N", help="seeds for each scenario")
    parser.add_argument("--seed", type=int, metavar="N", help="the first seed (default: by chance)")
    parser.add_argument("--only", choices=[*SCENARIOS], metavar="SCENARIO", help="one scenario")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="at once (default: 2)")
    parser.add_argument("--short", action="store_true", help="fewer targets and faults")
    parser.add_argument("--in", dest="folder", type=Path, metavar="DIR", help="in this process")
    args = parser.parse_args()
    seed = SystemRandom().randrange(1_000_000) if args.seed is None else args.seed
    if args.folder:
        return run_here(args.only, seed, args.folder, short=args.short)
    return run_all(
        [args.only] if args.only else [*SCENARIOS], args.runs, seed, args.jobs, short=args.short
    )


if __name__ == "__main__":
    sys.exit(main())
