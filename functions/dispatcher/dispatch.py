"""
The dispatcher's work: start jobs, cut their lists into batches, pass deferred batches on.

Everything here may happen twice and then does nothing twice: a manifest is written only where
there is none, batches have deterministic ids, and equal receipts have equal keys.
"""

import math
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import chain, islice

import msgspec

from functions.dispatcher.lists import check_list, read_lines
from functions.dispatcher.plan import Counts, plan_batches
from functions.dispatcher.specs import nearest_spec, spec_at
from shared.errors import InvalidJobError
from shared.jobs import (
    SHARD_BYTES,
    Ledger,
    Manifest,
    decode_manifest,
    dispatched_key,
    encode_manifest,
    job_id,
    manifest_key,
    receipts_prefix,
    rejected_key,
    settled,
)
from shared.messages import Batch, Defer, ListUploaded, Place, Shard, Submit, encode
from shared.queue import MAX_DELAY, Message, Queue
from shared.settings import DispatcherSettings
from shared.spec import Spec
from shared.store import Bucket, head, read_from

LIST_SUFFIXES = (".txt",)
_NOT_LISTS = (".yaml", ".yml", ".md", "/")


class Dispatcher:
    """The dispatcher of one deployment. `now` is the clock; it must know its time zone."""

    def __init__(
        self,
        settings: DispatcherSettings,
        *,
        data: Bucket,
        dispatch_queue: Queue,
        work_queue: Queue,
        now: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._data = data
        self._dispatch_queue = dispatch_queue
        self._work_queue = work_queue
        self._now = now

    def start(self, request: Submit | ListUploaded, *, message_id: str) -> Manifest | None:
        """
        Start the job that `request` asks for, unless it is started already.

        Its list is not read yet, but for URLs that came with the message. Returns None where the
        object is not meant to be a list (a spec, a note, a folder).

        Args:
            request: From the dispatch queue.
            message_id: Of SQS; tells one submission from the next where it has no id of its own.
        """
        if isinstance(request, ListUploaded):
            if request.place.key.lower().endswith(_NOT_LISTS):
                return None
            place: Place | None = request.place
            urls = None
            job = uploaded_job(request)
        else:
            place, urls = request.list, request.urls
            name = request.name or (_job_name(place) if place else "submit")
            job = job_id(name, request.id or message_id)
        manifest = self._manifest(job) or self._create(job, request, place)
        if manifest.error:
            return manifest
        if urls is not None:
            self._dispatch_lines(manifest, Shard(job=job), (url.encode() for url in urls))
        else:
            self.postpone(Shard(job=job))
        return manifest

    def dispatch(self, shard: Shard) -> Manifest:
        """
        Send the batches of `shard` to the work queue, and the next shard to the dispatch queue.

        Raises:
            InvalidJobError: there is no such job.
        """
        manifest = self._manifest(shard.job)
        if manifest is None or manifest.source is None:
            raise InvalidJobError(f"shard of a job that has no list: {shard.job}")
        if manifest.error:
            return manifest
        end = min(manifest.size, (shard.shard + 1) * SHARD_BYTES)
        try:
            lines = self._lines(manifest, manifest.source, shard.start, end)
            counts = self._dispatch_lines(manifest, shard, lines)
        except InvalidJobError as error:
            return self._fail(manifest, str(error))
        if end < manifest.size:
            following = Shard(
                job=shard.job,
                shard=shard.shard + 1,
                start=end,
                line=shard.line + counts.lines,
            )
            self.postpone(following)
        return manifest

    def forward(self, defer: Defer) -> None:
        """Put a deferred batch into the group of its partition, once it is due."""
        wait = defer.not_before - self._now().timestamp()
        if wait > 0:
            # SQS waits for a quarter of an hour at most; a longer wait takes several hops.
            delay = min(math.ceil(wait), MAX_DELAY)
            self._dispatch_queue.send([Message(encode(defer), delay=delay)])
        else:
            self._work_queue.send([_message(defer.batch)])

    def postpone(self, message: Shard) -> None:
        """Leave `message` to a later invocation."""
        self._dispatch_queue.send([Message(encode(message))])

    def _create(self, job: str, request: Submit | ListUploaded, place: Place | None) -> Manifest:
        manifest = Manifest(
            job=job,
            source=place,
            spec=Spec(),
            partitions=self._settings.partitions,
            batch_size=self._settings.batch_size,
            created_at=self._now().isoformat(timespec="milliseconds"),
        )
        try:
            manifest = _examined(manifest, request)
        except InvalidJobError as error:
            manifest = msgspec.structs.replace(manifest, error=str(error))
        if not self._data.put_new(manifest_key(job), encode_manifest(manifest)):
            # Another delivery of the same event was faster: its word counts.
            return self._manifest(job) or manifest
        return manifest

    def _manifest(self, job: str) -> Manifest | None:
        body = self._data.get(manifest_key(job))
        return None if body is None else decode_manifest(body)

    def _fail(self, manifest: Manifest, problem: str) -> Manifest:
        failed = msgspec.structs.replace(manifest, error=problem)
        self._data.put(manifest_key(manifest.job), encode_manifest(failed))
        return failed

    @staticmethod
    def _lines(manifest: Manifest, source: Place, start: int, end: int) -> Iterator[bytes | None]:
        # From the byte before: it tells whether `start` is the beginning of a line.
        first = max(0, start - 1)
        chunks = read_from(source, first, etag=manifest.etag)
        if start == 0:
            beginning = next(chunks, b"")
            check_list(_name(source), manifest.size, beginning[:4_096])
            chunks = chain([beginning], chunks)
        return read_lines(chunks, length=end - first, inside_line=start > 0)

    def _dispatch_lines(
        self, manifest: Manifest, shard: Shard, lines: Iterator[bytes | None]
    ) -> Counts:
        counts = Counts()
        batches = plan_batches(
            lines,
            counts,
            job=manifest.job,
            shard=shard.shard,
            first_line=shard.line,
            partitions=manifest.partitions,
            batch_size=manifest.batch_size,
        )
        # What an earlier delivery of this shard, or an earlier run, has brought to an end
        # need not go through the queue again.
        ledger = Ledger(manifest.shards)
        for key in self._data.keys(receipts_prefix(manifest.job, shard.shard)):
            ledger.add(key)
        self._work_queue.send(
            _message(batch) for batch in batches if not settled(ledger.receipts, batch.batch)
        )
        if counts.rejected:
            body = b"".join(msgspec.json.encode(line) + b"\n" for line in counts.rejected)
            self._data.put(rejected_key(manifest.job, shard.shard), body)
        key = dispatched_key(
            manifest.job,
            shard.shard,
            batches=counts.batches,
            targets=counts.targets,
            rejected=len(counts.rejected),
            duplicates=counts.duplicates,
        )
        self._data.put(key, b"")
        if not counts.targets and manifest.shards == 1:
            self._fail(manifest, _nothing_to_do(manifest, counts))
        return counts


def _examined(manifest: Manifest, request: Submit | ListUploaded) -> Manifest:
    """Return `manifest` with the spec and what is known of the list before it is read."""
    if isinstance(request, ListUploaded):
        spec = nearest_spec(request.place)
    else:
        if (request.list is None) == (request.urls is None):
            raise InvalidJobError("a submit.v1 message must have one of `list` and `urls`")
        if request.spec is not None:
            spec = request.spec
        elif request.spec_place is not None:
            spec = spec_at(request.spec_place)
        else:
            spec = nearest_spec(request.list) if request.list else Spec()
    place = manifest.source
    if place is None:
        return msgspec.structs.replace(manifest, spec=spec)
    if not place.key.lower().endswith(LIST_SUFFIXES):
        raise InvalidJobError(
            f"{_name(place)}: a list's name must end with {' or '.join(LIST_SUFFIXES)}"
        )
    size, etag = head(place)
    check_list(_name(place), size, b"")
    return msgspec.structs.replace(manifest, spec=spec, size=size, etag=etag)


def _message(batch: Batch) -> Message:
    return Message(encode(batch), group=batch.group, identity=f"{batch.job}/{batch.batch}")


def uploaded_job(upload: ListUploaded) -> str:
    """Return the id of the job that an upload starts."""
    return job_id(_job_name(upload.place), upload.id)


def _job_name(place: Place) -> str:
    """Return `books-2026-11-21` for `books/2026-11-21.txt`."""
    return place.key.rpartition(".")[0] or place.key


def _name(place: Place) -> str:
    return f"s3://{place.bucket}/{place.key}"


def _nothing_to_do(manifest: Manifest, counts: Counts) -> str:
    name = _name(manifest.source) if manifest.source else "the message"
    if not counts.rejected:
        return f"{name} holds no URL, only blank lines and comments"
    shown = "; ".join(
        f"line {line.line} is {line.text!r}: {line.reason}" for line in islice(counts.rejected, 3)
    )
    return f"{name} holds no URL; {len(counts.rejected)} lines were rejected: {shown}"
