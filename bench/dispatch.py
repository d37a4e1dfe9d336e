"""
What it costs to send a list on its way: `make bench-dispatch`.

The dispatcher's own code reads a list from S3 and sends its batches to SQS, in a process of its
own; S3 and SQS are a stub in another process, which answers as they do and is not measured. The
same URLs go through Celery's `delay` and through a Redis pipeline, to a Redis in another process.

Redis is Debian's, unpacked and not installed; Celery and redis-py are the ones of `bench-worker`.
"""

import argparse
import gzip
import itertools
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from bisect import bisect
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any
from urllib.request import urlopen

from bench import corpus
from bench.subjects import BATCH_SIZE

_HOSTS = 100_000
_SERVER_CORE = 1
_CELERY_URLS = 20_000  # a million would take minutes, and cost the same each
_JOB = "bench-000000000000"

Write = Callable[[int, str], str]
FORMATS: dict[str, Write] = {
    "txt": lambda _, url: f"{url}\n",
    "csv": lambda n, url: f'{n},"Product {n}, blue",{url},{n % 90}.99\n',
    "jsonl": lambda n, url: f'{{"url":"{url}","meta":{{"id":{n}}}}}\n',
}


def urls(count: int) -> Iterator[str]:
    """Yield URLs of hosts whose shares follow Zipf's law, all different."""
    rng = Random(7)  # noqa: S311 -- the same lists every time
    weights = list(itertools.accumulate(1 / rank for rank in range(1, _HOSTS + 1)))
    for number in range(count):
        host = bisect(weights, rng.random() * weights[-1])
        yield f"https://www.shop{host}.com/products/{number}-blue?ref=list"


def write_lists(folder: Path, count: int, formats: list[str]) -> None:
    with (folder / "list.txt").open("w") as text:
        text.writelines(f"{url}\n" for url in urls(count))
    for name in formats:
        path = folder / f"list.{name}"
        if name == "txt.gz":
            path.write_bytes(gzip.compress((folder / "list.txt").read_bytes(), 6))
        elif name != "txt":
            with path.open("w") as file, (folder / "list.txt").open() as text:
                if name == "csv":
                    file.write("id,name,url,price\n")
                write = FORMATS[name]
                file.writelines(write(n, line[:-1]) for n, line in enumerate(text))


# ---- the subjects, each in a process of its own


def dispatch(name: str, size: int, shards: int | None, only: list[int] | None) -> None:
    """Dispatch a list, or `only` some shards of it; print what it took."""
    import functions.dispatcher.handler as _  # noqa: F401, PLC0415 -- what Lambda imports
    from functions.dispatcher.dispatch import Dispatcher  # noqa: PLC0415
    from functions.dispatcher.lists import format_of  # noqa: PLC0415
    from shared.keys import manifest_key  # noqa: PLC0415
    from shared.manifest import SHARD_BYTES, Manifest, encode_manifest  # noqa: PLC0415
    from shared.messages import Place, Shard  # noqa: PLC0415
    from shared.queue import Queue  # noqa: PLC0415
    from shared.settings import DispatcherSettings  # noqa: PLC0415
    from shared.spec import Spec  # noqa: PLC0415
    from shared.store import Bucket  # noqa: PLC0415
    from shared.wakes import Wakes  # noqa: PLC0415

    endpoint = os.environ["AWS_ENDPOINT_URL"]
    settings = DispatcherSettings(
        data_bucket="data",
        dispatch_queue_url=f"{endpoint}/1/dispatch",
        work_queue_url=f"{endpoint}/1/work.fifo",
        wake_queue_url=f"{endpoint}/1/wake",
        worker_concurrency=20,
        batch_size=BATCH_SIZE,
        stall_minutes=60,
        worker_memory=1769,
        architecture="arm64",
    )
    dispatcher = Dispatcher(
        settings,
        data=Bucket(settings.data_bucket),
        dispatch_queue=Queue(settings.dispatch_queue_url),
        work_queue=Queue(settings.work_queue_url),
        wakes=Wakes(Queue(settings.wake_queue_url), workers=settings.worker_concurrency),
        now=lambda: datetime.now(UTC),
    )
    manifest = Manifest(
        job=_JOB,
        source=Place("lists", name),
        etag=f'"{size}"',  # of bench/aws.py
        size=size,
        shard_bytes=-(-size // shards) if shards else SHARD_BYTES,
        streamed=format_of(name).is_streamed,
        spec=Spec(),
        partitions=settings.partitions,
        batch_size=settings.batch_size,
        created_at="now",
    )
    Bucket("data").put(manifest_key(_JOB), encode_manifest(manifest))
    began = time.process_time(), time.perf_counter()
    if manifest.shards is None:
        dispatcher.dispatch(Shard(job=_JOB), time_left=lambda: 1e9)
    else:
        for shard in _cut(manifest.shards, manifest.shard_bytes, only):
            dispatcher.dispatch(shard, time_left=lambda: 1e9)
    report(began)


def _cut(shards: int, shard_bytes: int, only: list[int] | None) -> Iterator[Any]:
    """Yield the messages for shards, as the scan would send them."""
    from shared.messages import Shard  # noqa: PLC0415

    lines = json.loads(os.environ["BENCH_LINES"])
    for number in range(shards):
        if only is None or number in only:
            line = lines[number]
            yield Shard(job=_JOB, shard=number, start=number * shard_bytes, line=line, alone=True)


def celery(path: str) -> None:
    """Send URLs with `delay`."""
    from celery import Celery  # type: ignore[import-not-found,unused-ignore] # noqa: PLC0415

    app = Celery(broker=f"redis+socket://{os.environ['BENCH_REDIS']}", set_as_current=False)
    app.conf.task_ignore_result = True

    @app.task(name="scrape")  # type: ignore[untyped-decorator,unused-ignore]
    def scrape(url: str) -> None:
        del url

    scrape.delay("http://warm.example/")
    began = time.process_time(), time.perf_counter()
    with Path(path).open() as lines:
        for line in itertools.islice(lines, _CELERY_URLS):
            scrape.delay(line.rstrip("\n"))
    report(began)


def pipeline(path: str) -> None:
    """Push URLs onto a Redis list, 1,000 at a time, as somebody would who writes it himself."""
    import redis  # type: ignore[import-not-found,unused-ignore] # noqa: PLC0415

    client = redis.Redis(unix_socket_path=os.environ["BENCH_REDIS"])
    began = time.process_time(), time.perf_counter()
    with Path(path).open() as lines:
        while chunk := list(itertools.islice(lines, 1_000)):
            with client.pipeline(transaction=False) as pipe:
                for line in chunk:
                    pipe.rpush("urls", json.dumps({"url": line.rstrip("\n")}))
                pipe.execute()
    report(began)


def report(began: tuple[float, float]) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    cpu, wall = time.process_time() - began[0], time.perf_counter() - began[1]
    print(json.dumps({"cpu": cpu, "wall": wall, "peak_mb": peak}))


# ---- the bench


@contextmanager
def running(*command: str) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def measured(python: str, *arguments: str, **environment: str) -> dict[str, float]:
    done = subprocess.run(
        [python, "-m", "bench.dispatch", *arguments],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        check=True,
    )
    result: dict[str, float] = json.loads(done.stdout)
    return result


class Bench:
    """Lists, a stub and the results so far."""

    def __init__(self, folder: Path, count: int, endpoint: str) -> None:
        self.folder = folder
        self.count = count
        self.endpoint = endpoint
        self.results: list[dict[str, Any]] = []

    def dispatch(self, name: str, label: str, *, shards: int = 0, parallel: int = 1) -> str:
        """Measure the dispatcher; return the sum of its messages."""
        path = self.folder / name
        size = path.stat().st_size
        environment = {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench",
            "AWS_DEFAULT_REGION": "us-east-1",
            "POWERTOOLS_LOG_LEVEL": "WARNING",
            "BENCH_LINES": json.dumps(_first_lines(path, shards)),
        }
        arguments = ["dispatch", name, str(size), str(shards)]
        if parallel > 1:  # in no order, each process several shards
            orders = [list(range(shards))[n::parallel] for n in range(parallel)]
            with ThreadPoolExecutor(parallel) as pool:
                runs = list(
                    pool.map(
                        lambda only: measured(
                            sys.executable, *arguments, json.dumps(only), **environment
                        ),
                        orders,
                    )
                )
        else:
            runs = [measured(sys.executable, *arguments, **environment)]
        with urlopen(f"{self.endpoint}/counts") as answer:  # noqa: S310 -- our own stub
            counts = json.load(answer)
        assert counts["targets"] == self.count, counts
        self.add(label, self.count, runs)
        total: str = counts["sum"]
        return total

    def peer(self, subject: str, label: str, count: int, redis: str) -> None:
        python = str(corpus.peers_python())
        path = str(self.folder / "list.txt")
        self.add(label, count, [measured(python, subject, path, BENCH_REDIS=redis)])

    def add(self, label: str, count: int, runs: list[dict[str, float]]) -> None:
        cpu = sum(run["cpu"] for run in runs)
        result = {
            "subject": label,
            "urls": count,
            "cpu_seconds": round(cpu, 3),
            "wall_seconds": round(max(run["wall"] for run in runs), 3),
            "urls_per_cpu_second": round(count / cpu),
            "peak_mb": round(max(run["peak_mb"] for run in runs)),
        }
        self.results.append(result)
        print(
            f"| {label} | {count:,} | {result['urls_per_cpu_second']:,} | {result['peak_mb']} MB |",
            flush=True,
        )


def _first_lines(path: Path, shards: int) -> list[int]:
    """Return the number of the first line of each shard, as the scan finds it."""
    from shared.manifest import SHARD_BYTES  # noqa: PLC0415

    size = path.stat().st_size
    step = -(-size // shards) if shards else SHARD_BYTES
    numbers, line = [1], 2
    with path.open("rb") as file:
        piece = file.read(step - 1)
        while len(numbers) * step < size:
            line += piece.count(b"\n")
            numbers.append(line)
            piece = file.read(step)
    return numbers


def main() -> None:
    """Run the bench, or, in a process of its own, one of its subjects."""
    if sys.argv[1:2] == ["dispatch"]:
        name, size, shards, *only = sys.argv[2:]
        dispatch(name, int(size), int(shards) or None, json.loads(only[0]) if only else None)
        return
    if sys.argv[1:2] in (["celery"], ["pipeline"]):
        {"celery": celery, "pipeline": pipeline}[sys.argv[1]](sys.argv[2])
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--urls", type=int, default=1_000_000)
    parser.add_argument("--large", type=int, default=10_000_000, help="0: not")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--json", type=Path, metavar="FILE")
    args = parser.parse_args()
    print("| | URLs | per CPU second | peak memory |\n|---|---|---|---|")
    results = []
    formats = ["txt", "txt.gz", "csv", "jsonl"]
    with ready(args.urls, formats) as bench:
        for name in formats:
            bench.dispatch(f"list.{name}", f"dispatcher, .{name}")
        if not args.no_peers:
            with running_redis() as redis:
                bench.peer("celery", "Celery's `delay`, Redis", _CELERY_URLS, redis)
                bench.peer("pipeline", "redis-py, pipelines of 1,000", args.urls, redis)
        results += bench.results
    if args.large:
        with ready(args.large, ["txt"]) as bench:
            at_once = bench.dispatch("list.txt", "dispatcher, .txt, in one go", shards=16)
            apart = bench.dispatch("list.txt", "…, 16 shards in 4 processes", shards=16, parallel=4)
            bench.dispatch("list.txt", "…, shards of 16 MiB, in one go")
            same = at_once == apart
            print(
                f"\nThe batches of one go and of 16 shards apart are {'' if same else 'NOT '}equal."
            )
            results += bench.results
    if args.json:
        machine = f"{platform.python_implementation()} {platform.python_version()}"
        args.json.write_text(json.dumps({"python": machine, "results": results}, indent=1))


@contextmanager
def ready(count: int, formats: list[str]) -> Iterator[Bench]:
    """Have lists written and a stub running."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_lists(folder, count, formats)
        with running(sys.executable, "-m", "bench.aws", name) as stub:
            assert stub.stdout is not None
            port = stub.stdout.readline().strip()
            yield Bench(folder, count, f"http://127.0.0.1:{port}")


@contextmanager
def running_redis() -> Iterator[str]:
    """Run a Redis; yield the path of its socket."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "socket")
        options = ("--port", "0", "--unixsocket", str(path))
        with corpus.redis(Path(name), *options, core=_SERVER_CORE):
            for _ in range(200):
                if path.exists():
                    break
                time.sleep(0.05)
            else:
                sys.exit(f"redis-server does not start: {Path(name, 'redis.log').read_text()}")
            yield str(path)


if __name__ == "__main__":
    main()
