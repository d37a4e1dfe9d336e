"""
What `scatterfetch run` makes of its workers: `make bench-local`.

The whole command, from its start to its exit, against the same sandboxes of the same handler: each
is woken once and takes the same batches from a queue, several in hand, where S3 and SQS cost next
to nothing (bench/aws.py). Both in turns; the pages come from other processes. Then the command
beside Scrapy's (bench/whole.py).
"""

import argparse
import json
import platform
import resource
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import NamedTuple

import boto3

from bench.aws import KEPT
from bench.command import parameters, run_command
from bench.serving import serving
from bench.whole import PARTS, beside_scrapy
from functions.dispatcher.written import message_of
from scatterfetch.deployable import TEMPLATE
from scatterfetch.localcloud.forkserver import stop_fork_servers
from scatterfetch.localcloud.sandbox import Sandbox
from scatterfetch.localcloud.template import WORKER, Template
from scatterfetch.machine.resources import usable_cores
from shared.ids import batch_id
from shared.keys import manifest_key, results_prefix
from shared.lock import LOCAL_PARTITIONS
from shared.manifest import Manifest, encode_manifest
from shared.messages import Batch, Target, Wake, encode
from shared.queue import Queue
from shared.spec import FetchSpec, Spec
from shared.store import Bucket
from shared.urls import parse_url, partition_of

_ROOT = Path(__file__).parents[1]
_HOSTS = 256
_FETCH = {"pause": 0, "per_host": 10, "robots": "obey"}


class Used(NamedTuple):
    """Wall time and CPU of all processes but the websites', in seconds."""

    wall: float
    cpu: float


def children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def text_of(urls: list[str]) -> bytes:
    return "".join(f"{url}\n" for url in urls).encode()


def whole(urls: list[str], workers: int, website: int, folder: Path) -> Used:
    """Run the command."""
    (folder / "urls.txt").write_bytes(text_of(urls))
    more = ("--workers", str(workers))
    command = run_command(folder / "urls.txt", {"fetch": _FETCH}, parameters(website), *more)
    cpu, began = children_cpu(), time.perf_counter()
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
    used = Used(time.perf_counter() - began, children_cpu() - cpu)
    if done.returncode or f"{len(urls):,}" not in done.stdout:
        raise SystemExit(f"the run failed:\n{done.stdout}\n{done.stderr}")
    return used


def alone(urls: list[str], workers: int, website: int, aws: int, folder: Path) -> Used:
    """Let the same sandboxes take the same batches, without a cloud around them."""
    endpoint = f"http://127.0.0.1:{aws}"
    template = Template(TEMPLATE, endpoint, parameters(website))
    function = template.functions[WORKER]
    partitions = LOCAL_PARTITIONS
    queue_url = f"{endpoint}/1/{KEPT}"
    environment = {
        **function.environment,
        "PARTITIONS": f"{partitions}",
        "WORK_QUEUE_URL": queue_url,
    }
    function = replace(function, environment=environment)
    size = int(template.functions["DispatcherFunction"].environment["BATCH_SIZE"])
    job = f"bench-{time.time_ns()}"
    spec = Spec(fetch=FetchSpec(pause=0, per_host=10))
    manifest = Manifest(
        job=job, spec=spec, partitions=partitions, batch_size=size, created_at="now"
    )
    session = boto3.Session("bench", "bench", region_name="us-east-1")
    data = Bucket(environment["DATA_BUCKET"], session.client("s3", endpoint_url=endpoint))
    data.put(manifest_key(job), encode_manifest(manifest))
    batches = [*cut(job, urls, partitions, size)]
    queue = Queue(queue_url, session.client("sqs", endpoint_url=endpoint))
    queue.send(message_of(batch, encode(batch)) for batch in batches)
    wake = {"messageId": "wake", "receiptHandle": "wake", "body": encode(Wake())}

    def work(sandbox: Sandbox) -> None:
        sandbox.invoke({"Records": [wake]})

    cpu, began = children_cpu(), time.perf_counter()
    sandboxes = [Sandbox(function, endpoint, folder / f"{n}.log", n) for n in range(workers)]
    threads = [threading.Thread(target=work, args=(sandbox.start(),)) for sandbox in sandboxes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wall = time.perf_counter() - began
    for sandbox in sandboxes:
        sandbox.stop()
    stop_fork_servers()  # and so its CPU is that of a child
    committed = len([*data.keys(results_prefix(job))])
    if committed != len(batches):
        raise SystemExit(f"{committed} of {len(batches)} batches were committed")
    return Used(wall, children_cpu() - cpu)


def cut(job: str, urls: Iterable[str], partitions: int, size: int) -> Iterator[Batch]:
    """Yield the batches that the dispatcher would send."""
    waiting: dict[int, list[Target]] = {}
    number = 0

    def batch(partition: int) -> Batch:
        nonlocal number
        number += 1
        targets = tuple(waiting.pop(partition))
        return Batch(job=job, batch=batch_id(0, number), partition=partition, targets=targets)

    for line, url in enumerate(urls, start=1):
        partition = partition_of(parse_url(url).host, partitions)
        waiting.setdefault(partition, []).append(Target(url, line))
        if len(waiting[partition]) == size:
            yield batch(partition)
    for partition in sorted(waiting):
        yield batch(partition)


def against_workers(options: argparse.Namespace) -> dict[str, float]:
    """Print all rounds and return the medians."""
    urls = [f"http://h{n % _HOSTS}.example/{options.size}?n={n}" for n in range(options.pages)]
    rounds: list[dict[str, float]] = []
    with ExitStack() as stack:
        website = stack.enter_context(serving("bench.website"))
        aws = stack.enter_context(serving("bench.aws"))
        print("| | whole, s | alone, s | ratio | whole, CPU s | workers' CPU s | ratio |")
        print("|---|---|---|---|---|---|---|")
        for number in range(options.rounds):
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                least = alone(urls, options.workers, website, aws, folder)
                used = whole(urls, options.workers, website, folder)
            found = {
                "whole, s": used.wall,
                "alone, s": least.wall,
                "ratio": least.wall / used.wall,
                "whole, CPU s": used.cpu,
                "workers' CPU s": least.cpu,
                "ratio of CPU": least.cpu / used.cpu,
            }
            rounds.append(found)
            numbers = " | ".join(f"{value:.2f}" for value in found.values())
            print(f"| round {number + 1} | {numbers} |", flush=True)
    medians = {name: round(median(found[name] for found in rounds), 3) for name in rounds[0]}
    print(f"| median | {' | '.join(f'{value:.2f}' for value in medians.values())} |")
    return medians


def main() -> None:
    parser = argparse.ArgumentParser(description="What a run makes of its workers.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pages", type=int, default=20_000)
    parser.add_argument("--size", type=int, default=30_000, help="bytes of a page")
    parser.add_argument("--workers", type=int, default=usable_cores())
    parser.add_argument("--json", type=Path, help="a file for the numbers, as one line")
    parser.add_argument(
        "--parts",
        nargs="+",
        choices=("workers", *PARTS),
        default=("workers", *PARTS),
        help="against its workers; bench-worker's pages, and one URL, beside Scrapy",
    )
    options = parser.parse_args()
    found: dict[str, object] = {"python": platform.python_version(), "machine": platform.machine()}
    found |= {"pages": options.pages, "size": options.size, "workers": options.workers}
    if "workers" in options.parts:
        found["medians"] = against_workers(options)
    if parts := [part for part in PARTS if part in options.parts]:
        beside = beside_scrapy(parts, options.rounds)
        found["beside Scrapy"] = {name: row._asdict() for name, row in beside.items()}
    if options.json:
        options.json.write_text(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
