"""
The local cloud: the deployed system on one machine, as template.yaml describes it.

The same handlers, each sandbox a process of its own; S3 and SQS embedded; the data bucket kept
in a folder.
"""

import json
import math
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import msgspec
from botocore.config import Config

from functions.worker.politeness.pause import LONG_PAUSE
from scatterfetch.deployable import TEMPLATE
from scatterfetch.localcloud.embedded import EmbeddedCloud, FolderBucket
from scatterfetch.localcloud.mapping import EventSourceMapping
from scatterfetch.localcloud.notifications import put_notification
from scatterfetch.localcloud.queues import has_visible, messages_in, messages_in_hand
from scatterfetch.localcloud.sandbox import OnProgress, Sandbox
from scatterfetch.localcloud.sdk import session
from scatterfetch.localcloud.template import DISPATCHER, REGION, WORKER, Function, Template
from shared.lock import (
    FENCE_SECONDS,
    LOCAL_PARTITIONS,
    LOCK_KEY,
    Lock,
    decode_lock,
    encode_lock,
    lock_name,
    partitions_of,
)
from shared.messages import Batch, Tick, Wake, decode_batch, encode, is_tick, is_wake

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client
    from types_boto3_sqs.client import SQSClient

    from shared.messages import Dispatch

INPUT_BUCKET = "InputBucket"  # logical ids, as in the template
DATA_BUCKET = "DataBucket"
WORK_QUEUE = "WorkQueue"
LAST_SECONDS = 20.0
"""What a worker keeps free at its end: with so much left it begins nothing any more."""
_MAX_FAILURES = 3  # of workers, one after the other
_DISK_INTERVAL = 10.0  # seconds between two words about a full disk


class LocalCloud:
    """
    One deployment of the template on this machine.

    Args:
        folder: The data bucket, and `logs/`.
        workers: Worker sandboxes at most; the template's `MaximumConcurrency` may allow fewer.
        parameters: Of the template, in place of their defaults.
        on_put: Is told the key of every object put into the data bucket, in some thread.
        on_progress: Is told what came of a batch so far, in some thread; see `Sandbox`.
        report: Is told of sandboxes that died and the like, in words, in some thread.
        template: The template.
        parsers: The folder of the user's Python parsers; None where there are none.
        partitions: A local cloud's lock is its own.
    """

    dead_seconds = LONG_PAUSE
    """Until others have what a worker had in hand that has died: none was told of its pauses."""

    def __init__(
        self,
        folder: Path,
        *,
        workers: int,
        parameters: Mapping[str, str],
        on_put: Callable[[str], None],
        report: Callable[[str], None],
        on_progress: OnProgress = lambda _job, _batch, _counts: None,
        template: Path = TEMPLATE,
        parsers: Path | None = None,
        partitions: int = LOCAL_PARTITIONS,
    ) -> None:
        self._parsers = parsers
        self._partitions = partitions
        self._server = EmbeddedCloud()
        try:
            self.template = Template(template, self._server.endpoint, parameters)
            wanted = {WORKER: workers}
            self._wanted = {name: wanted.get(name, 1) for name in self.template.functions}
        except BaseException:  # of the template, or a parameter that it does not have
            self._server.stop()
            raise
        self.input_bucket = self.template.buckets[INPUT_BUCKET]
        self._kept = FolderBucket(
            self.template.buckets[DATA_BUCKET].name, folder, on_put, self._report_disk
        )
        self._disk_reported = 0.0
        self.disk_problem: str | None = None
        """Why something could not be written to the folder, the last time it could not."""
        self._logs = folder / "logs"
        self._report = report
        self._on_progress = on_progress
        self._sandboxes: list[Sandbox] = []
        self.mappings: dict[str, EventSourceMapping] = {}
        """By logical id of the function."""

    @property
    def endpoint(self) -> str:
        """The address of the embedded S3 and SQS."""
        return self._server.endpoint

    def start(self) -> None:
        """Start everything; messages are received from now on."""
        self._logs.mkdir(parents=True, exist_ok=True)
        for name, count in self._wanted.items():
            self._start_sandboxes(name, count)  # they import while the rest is made
        self._server.start()
        self._s3 = cast("S3Client", session().create_client("s3", **self._access()))
        self._sqs = cast("SQSClient", session().create_client("sqs", **self._access()))
        for bucket in self.template.buckets.values():
            self._s3.create_bucket(Bucket=bucket.name)
        self._make_queues()

    def load(self, keys: Iterable[str]) -> None:
        """Put back into the data bucket what an earlier run has left in the folder."""
        self._kept.load(self._s3, keys)

    def take_lock(self) -> None:
        """
        Have the hosts for this cloud alone, at once.

        Nobody can be at work in the folder under another lock, since one run at a time has it. What
        hosts have asked for under that one is taken along.
        """
        name, since = lock_name(self._partitions), time.time() - FENCE_SECONDS
        lock = self._former_lock()
        if lock is None or lock.name != name:
            former = None if lock is None else partitions_of(lock)
            lock = Lock(name=name, since=since, former=former)
            # Where the disk is full, outcomes say so, which matter more.
            with suppress(OSError), self._kept.prepared(LOCK_KEY, encode_lock(lock)) as move:
                move()
        elif lock.since > since:  # by a clock that was ahead
            lock = msgspec.structs.replace(lock, since=since)
        self._s3.put_object(Bucket=self._kept.bucket, Key=LOCK_KEY, Body=encode_lock(lock))

    def _former_lock(self) -> Lock | None:
        try:
            return decode_lock((self._kept.folder / LOCK_KEY).read_bytes())
        except (FileNotFoundError, msgspec.MsgspecError):
            return None

    def serve(self) -> None:
        """From now on, keep what is put and work on what is sent."""
        self._server.keep(self._kept)
        for mapping in self.mappings.values():
            mapping.start()

    def upload(
        self, key: str, body: bytes | Path, *, bucket_number: int = 0
    ) -> Callable[[bytes], str]:
        """
        Put an object into an input bucket; return what makes S3's notification of it.

        A file is not copied: the bucket has it as long as it stays what it is. There are as many
        buckets as numbers, for objects with one key; which one an object is in, no job knows.

        Given a salt, that is: equal content and salt make an equal one but for its time. S3 numbers
        the uploads (`sequencer`), so that each is a job of its own, but here the same list is to be
        the same job tomorrow.
        """
        bucket = self.input_bucket.name
        if bucket_number:
            bucket = f"{bucket}-{bucket_number + 1}"
            self._s3.create_bucket(Bucket=bucket)
        if isinstance(body, Path):
            _, size, etag, _ = self._server.mount(bucket, key, body)
        else:
            size = len(body)
            etag = self._s3.put_object(Bucket=bucket, Key=key, Body=body)["ETag"].strip('"')
        return partial(put_notification, bucket, key, size, etag)

    def notify(self, notification: str) -> None:
        """Send a notification to the queues that the template's input bucket notifies."""
        for arn in self.input_bucket.notifies:
            self._send(arn.rpartition(":")[2], notification)

    def dead_letters(self) -> int:
        """Return how many messages are in dead-letter queues."""
        queues = self.template.queues
        return sum(len(messages_in(queues[name].name)) for name in self._dead_letter_queues())

    def idle(self) -> bool:
        """Tell whether no message is waiting or being worked on, but looks at jobs and wakes."""
        dead = self._dead_letter_queues()
        return all(
            is_tick(body) or is_wake(body)
            for logical, queue in self.template.queues.items()
            if logical not in dead
            for body in messages_in(queue.name)
        )

    def in_hand(self) -> list[Batch]:
        """Return the batches that workers have in hand."""
        queue = self.template.queues[WORK_QUEUE].name
        return [decode_batch(body) for body in messages_in_hand(queue)]

    def has_no_workers(self) -> bool:
        """Tell whether workers only fail when they are called, so that nothing goes on."""
        return self.mappings[WORKER].failures >= _MAX_FAILURES

    def look_at(self, job: str) -> None:
        """Let the dispatcher look at once whether the job is complete; its own tick may be far."""
        self.ask(Tick(job=job))

    def ask(self, message: "Dispatch") -> None:
        """Send `message` to the dispatcher."""
        queue = self.template.functions[DISPATCHER].source.queue
        self._send(self.template.queues[queue].name, encode(message))

    def drain(self) -> None:
        """Take no more messages; the invocations under way go on."""
        for mapping in self.mappings.values():
            mapping.drain()

    def cut_short(self) -> None:
        """Have the invocations under way hand back what they have not begun."""
        for mapping in self.mappings.values():
            mapping.cut_short(time.time() + LAST_SECONDS)

    def drained(self) -> bool:
        """Tell whether no invocation is under way."""
        return all(mapping.join(timeout=0) for mapping in self.mappings.values())

    def settled(self) -> bool:
        """Tell whether nothing is being dispatched, and no batch in hand; workers may wait."""
        return self.mappings[DISPATCHER].join(timeout=0) and not self.in_hand()

    def stop(self) -> None:
        """End everything at once."""
        for mapping in self.mappings.values():
            mapping.kill()
        for mapping in self.mappings.values():
            mapping.join(timeout=5)
        for sandbox in self._sandboxes:
            sandbox.stop()
        self._server.stop()

    def _function(self, name: str) -> Function:
        function = self.template.functions[name]
        environment = {**function.environment, "PARTITIONS": f"{self._partitions}"}
        return replace(function, environment=environment)

    def _start_sandboxes(self, name: str, count: int) -> None:
        function = self._function(name)
        count = min(count, function.source.maximum_concurrency)
        for number in range(1, count + 1):
            log = self._logs / f"{name.removesuffix('Function').lower()}-{number}.log"
            sandbox = Sandbox(
                function,
                self._server.endpoint,
                log,
                number,
                parsers=self._parsers if name == WORKER else None,
                on_progress=self._on_progress,
            )
            self._sandboxes.append(sandbox.start())

    def _make_queues(self) -> None:
        queues = self.template.queues
        for queue in queues.values():
            self._sqs.create_queue(QueueName=queue.name, Attributes=dict(queue.attributes))  # type: ignore[arg-type] # str keys
        for logical, queue in queues.items():  # now that all dead-letter queues are there
            if queue.redrive:
                self._sqs.set_queue_attributes(
                    QueueUrl=self.template.queue_url(logical),
                    Attributes={"RedrivePolicy": json.dumps(queue.redrive)},
                )
        for name, function in self.template.functions.items():
            source = function.source
            self.mappings[name] = EventSourceMapping(
                self._sqs,
                self.template.queue_url(source.queue),
                queues[source.queue].name,
                source,
                [s for s in self._sandboxes if s.name == function.name],
                has_messages=partial(has_visible, queues[source.queue].name),
                report=self._report,
                done=self._wake_all,
                died=self._release,
            )

    def _release(self, sandbox: Sandbox) -> None:
        """
        Give back what a dead sandbox has in hand, when the pauses are over that it told nobody of.

        Its event comes back at once, since there may be other things to do.
        """
        if self._server.release(sandbox.access_key, self.dead_seconds):
            queue = self.template.functions[WORKER].source.queue
            self._send(self.template.queues[queue].name, encode(Wake()), delay=self.dead_seconds)
            self._report(
                f"what it had in hand begins again in {self.dead_seconds:g} s, since nobody knows "
                "when it asked its hosts"
            )

    def _report_disk(self, problem: str) -> None:
        self.disk_problem = problem
        if time.monotonic() > self._disk_reported + _DISK_INTERVAL:
            self._disk_reported = time.monotonic()
            self._report(f"{problem}; it is tried again for a while")

    def _wake_all(self) -> None:
        for mapping in self.mappings.values():
            mapping.wake()

    def _send(self, queue_name: str, body: str, *, delay: float = 0.0) -> None:
        [url] = [
            self.template.queue_url(logical)
            for logical, queue in self.template.queues.items()
            if queue.name == queue_name
        ]
        self._sqs.send_message(QueueUrl=url, MessageBody=body, DelaySeconds=math.ceil(delay))
        self._wake_all()

    def _dead_letter_queues(self) -> set[str]:
        targets = {
            str(queue.redrive["deadLetterTargetArn"]).rpartition(":")[2]
            for queue in self.template.queues.values()
            if queue.redrive
        }
        return {name for name, queue in self.template.queues.items() if queue.name in targets}

    def _access(self) -> dict[str, Any]:
        return {
            "endpoint_url": self._server.endpoint,
            "region_name": REGION,
            "aws_access_key_id": "local",
            "aws_secret_access_key": "local",
            "config": Config(max_pool_connections=50, retries={"mode": "standard"}),
        }
