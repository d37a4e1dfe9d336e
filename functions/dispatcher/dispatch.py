"""
The dispatcher's work: start jobs, cut their lists into batches, pass deferred batches on.

Everything here may happen twice and then does nothing twice: a manifest is written only where
there is none, batches have deterministic ids, and equal receipts have equal keys.
"""

import gc
import math
from collections.abc import Callable, Iterable
from datetime import datetime

import msgspec

from functions.dispatcher.close import TICK_FIRST
from functions.dispatcher.lists import (
    PACKED,
    JsonReader,
    Reader,
    Source,
    TextReader,
    check_list,
    kind_of,
)
from functions.dispatcher.plan import Counts, Plan
from functions.dispatcher.schemas import HEAD_BYTES, find_schema
from functions.dispatcher.sitemaps import SitemapReader
from functions.dispatcher.specs import nearest_spec, spec_at, spec_in
from functions.dispatcher.tables import TableReader
from shared.errors import InvalidJobError
from shared.jobs import (
    DEFAULT_SPEC,
    MESSAGE_SPEC,
    RECEIPT_END,
    SHARD_BYTES,
    SUBMITTED,
    Ledger,
    Manifest,
    cancelled_key,
    decode_manifest,
    dispatched_key,
    encode_manifest,
    job_id,
    manifest_key,
    receipts_prefix,
    rejected_key,
    settled,
)
from shared.messages import Batch, Defer, ListUploaded, Place, Shard, Submit, Tick, encode
from shared.queue import MAX_DELAY, Message, Queue
from shared.settings import DispatcherSettings
from shared.spec import Spec
from shared.store import Bucket, head, read_from

SHARD_SECONDS = 60.0  # what a shard may take at worst; no shard is begun with less time left
_SCAN_SECONDS = 20.0  # what a shard may take at worst to be gone through for its line ends
_HEAD_BYTES = 4_096
_HOPELESS = 100  # lines without a URL, at the beginning of a list that has none so far
_LINE_READERS: dict[str, type[TextReader | JsonReader]] = {"txt": TextReader, "jsonl": JsonReader}
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
        object is not meant to be a list (a spec, a note, a folder), or has a message of its own.

        Args:
            request: From the dispatch queue.
            message_id: Of SQS; tells one submission from the next where it has no id of its own.
        """
        if isinstance(request, ListUploaded):
            key = request.place.key
            if key.startswith(SUBMITTED) or key.lower().endswith(_NOT_LISTS):
                return None
            place: Place | None = request.place
            urls = None
            job = uploaded_job(request)
        else:
            place, urls = request.list, request.urls
            name = request.name or (job_name(place.key) if place else "submit")
            job = job_id(name, request.id or message_id)
        manifest = self._manifest(job) or self._create(job, request, place)
        if manifest.error:
            return manifest
        # First of all, or a job whose dispatcher crashes could be one that nobody looks at.
        self._dispatch_queue.send([Message(encode(Tick(job=job)), delay=TICK_FIRST)])
        if urls is not None:
            plan = self._plan(manifest, 0)
            for line, url in enumerate(urls, start=1):
                plan.add(line, url)
            self._send(manifest, 0, plan)
            if not plan.counts.targets:
                self._fail_empty(manifest, plan.counts)
        else:
            self.postpone(Shard(job=job))
        return manifest

    def dispatch(self, shard: Shard, *, time_left: Callable[[], float]) -> Manifest:
        """
        See to it that the batches of `shard` are sent to the work queue, and of those behind it.

        A list that can be cut anywhere is gone through for its line ends, and each of its shards
        becomes a message of its own, to be dispatched by as many invocations. Any other is read on
        until the time is up, and what is left becomes a message.

        Args:
            shard: From the dispatch queue.
            time_left: Returns the seconds until the invocation is ended.

        Raises:
            InvalidJobError: there is no such job.
        """
        manifest = self._manifest(shard.job)
        if manifest is None or manifest.source is None:
            raise InvalidJobError(f"shard of a job that has no list: {shard.job}")
        if manifest.error:
            return manifest
        try:
            if manifest.shards is None:
                self._dispatch_stream(manifest, manifest.source, shard, time_left)
            elif shard.alone or shard.shard + 1 == manifest.shards:
                self._dispatch_range(manifest, manifest.source, shard)
            else:
                self._scan(manifest, manifest.source, shard, manifest.shards, time_left)
        except InvalidJobError as error:
            return self._fail(manifest, str(error))
        return manifest

    def forward(self, defer: Defer) -> None:
        """Put a deferred batch into its partition's group, once it is due or its job cancelled."""
        wait = defer.not_before - self._now().timestamp()
        if wait > 0 and not self._is_cancelled(defer.batch.job):
            # SQS waits for a quarter of an hour at most; a longer wait takes several hops.
            delay = min(math.ceil(wait), MAX_DELAY)
            self._dispatch_queue.send([Message(encode(defer), delay=delay)])
        else:
            self._work_queue.send([_message(defer.batch)])

    def postpone(self, message: Shard | Tick) -> None:
        """Leave `message` to a later invocation."""
        self._dispatch_queue.send([Message(encode(message))])

    def _create(self, job: str, request: Submit | ListUploaded, place: Place | None) -> Manifest:
        manifest = Manifest(
            job=job,
            source=place,
            spec=Spec(),
            partitions=self._settings.partitions,
            batch_size=self._settings.batch_size,
            shard_bytes=SHARD_BYTES,
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

    def _is_cancelled(self, job: str) -> bool:
        return self._data.get(cancelled_key(job)) is not None

    def _fail(self, manifest: Manifest, problem: str) -> Manifest:
        failed = msgspec.structs.replace(manifest, error=problem)
        self._data.put(manifest_key(manifest.job), encode_manifest(failed))
        return failed

    def _fail_empty(self, manifest: Manifest, counts: Counts) -> None:
        name = str(manifest.source) if manifest.source else "the message"
        self._fail(manifest, nothing_to_do(name, counts))

    def _scan(
        self,
        manifest: Manifest,
        place: Place,
        shard: Shard,
        shards: int,
        time_left: Callable[[], float],
    ) -> None:
        """Send a message for each shard from `shard` on, with the number of its first line."""
        following = shard
        # Where the byte before is a line end, a line begins.
        before = max(0, shard.start - 1)
        source = Source(read_from(place, before, etag=manifest.etag), text=True)
        if shard.start == 0:
            check_list(str(place), manifest.size, source.peek(_HEAD_BYTES))
            _check_beginning(str(place), source.peek(HEAD_BYTES))
        while True:
            self.postpone(msgspec.structs.replace(following, alone=True))
            if following.shard + 1 == shards:
                return
            end = (following.shard + 1) * manifest.shard_bytes
            line = following.line + (following.start == 0)
            for piece in source.pieces(end - 1 - before):
                line += piece.count(b"\n")
            before = end - 1
            following = Shard(job=manifest.job, shard=following.shard + 1, start=end, line=line)
            if time_left() < _SCAN_SECONDS:
                self.postpone(following)
                return

    def _dispatch_range(self, manifest: Manifest, place: Place, shard: Shard) -> None:
        end = min(manifest.size, (shard.shard + 1) * manifest.shard_bytes)
        before = max(0, shard.start - 1)
        source = Source(read_from(place, before, etag=manifest.etag), text=True)
        if shard.start == 0:
            check_list(str(place), manifest.size, source.peek(_HEAD_BYTES))
        new_reader = _LINE_READERS[kind_of(place.key).format]
        reader = new_reader(source, start=shard.start, line=shard.line)
        plan = self._plan(manifest, shard.shard)
        _fill(plan, reader, end)
        self._send(manifest, shard.shard, plan)
        if not plan.counts.targets and manifest.shards == 1:
            self._fail_empty(manifest, plan.counts)

    def _dispatch_stream(
        self, manifest: Manifest, place: Place, shard: Shard, time_left: Callable[[], float]
    ) -> None:
        reader, source = open_stream(
            str(place),
            manifest.size,
            lambda start: read_from(place, start, etag=manifest.etag),
            shard,
        )
        number = shard.shard
        while True:
            plan = self._plan(manifest, number)
            _fill(plan, reader, shard_end(manifest, number, reader.position))
            if reader.ended and source.damage:
                plan.break_off(reader.line, source.damage)
            self._send(manifest, number, plan, last=reader.ended)
            if reader.ended:
                if not number and not plan.counts.targets:
                    self._fail_empty(manifest, plan.counts)
                return
            number += 1
            if time_left() < SHARD_SECONDS:
                following = Shard(
                    job=manifest.job, shard=number, start=reader.position, line=reader.line
                )
                self.postpone(following)
                return

    def _plan(self, manifest: Manifest, shard: int) -> Plan:
        return Plan(
            job=manifest.job,
            shard=shard,
            partitions=manifest.partitions,
            batch_size=manifest.batch_size,
        )

    def _send(self, manifest: Manifest, shard: int, plan: Plan, *, last: bool = False) -> None:
        # What an earlier delivery of this shard, or an earlier run, has brought to an end
        # need not go through the queue again.
        ledger = Ledger(manifest.shards)
        for key in self._data.keys(receipts_prefix(manifest.job, shard), end=RECEIPT_END):
            ledger.add(key)
        gc.freeze()  # the plan is large, and will not be garbage before it is sent
        try:
            self._work_queue.send(
                _message(batch)
                for batch in plan.batches()
                if not settled(ledger.receipts, batch.batch)
            )
        finally:
            gc.unfreeze()
        counts = plan.counts
        if counts.reports:
            body = b"".join(msgspec.json.encode(line) + b"\n" for line in counts.reports)
            self._data.put(rejected_key(manifest.job, shard), body)
        key = dispatched_key(
            manifest.job,
            shard,
            batches=counts.batches,
            targets=counts.targets,
            rejected=counts.rejected,
            duplicates=counts.duplicates,
            last=last,
            damaged=counts.damaged,
        )
        self._data.put(key, b"")


def shard_end(manifest: Manifest, shard: int, start: int) -> int:
    """
    Return where a shard of a stream ends that begins at the offset `start`.

    One before it that was full has ended sooner, and then they all begin before their time.
    """
    return min((shard + 1) * manifest.shard_bytes, start + manifest.shard_bytes)


def _fill(plan: Plan, reader: Reader, end: int) -> None:
    gc.disable()  # it would look through all that there is, again and again, and find nothing
    try:
        reader.fill(plan, end)
    finally:
        gc.enable()


def open_stream(
    name: str, size: int, read: Callable[[int], Iterable[bytes]], shard: Shard
) -> tuple[Reader, Source]:
    """
    Return what reads a list from `shard` on, and what it reads from.

    Args:
        name: Of the list; its end tells the format.
        size: Of the list as it is stored, in bytes.
        read: Returns its bytes from a place on.
        shard: The first of them, or where an earlier reader has stopped.

    Raises:
        InvalidJobError: it is none, or not what its name says.
    """
    kind = kind_of(name)
    stored = Source(read(0))
    is_xml = kind.format == "xml"
    check_list(name, size, stored.peek(_HEAD_BYTES), kind.packed, xml=is_xml)
    source = Source(stored.pieces(), kind.packed, text=not is_xml)
    if is_xml:
        return SitemapReader(source, name, start=shard.start), source
    head = source.peek(HEAD_BYTES)
    if kind.packed and head:
        check_list(name, size, head)
    before = max(0, shard.start - 1)
    if not kind.packed and before:
        source = Source(read(before), text=True)
    else:
        source.skip(before)
    if new_reader := _LINE_READERS.get(kind.format):
        return new_reader(source, start=shard.start, line=shard.line), source
    schema = find_schema(name, head, kind.format)
    return TableReader(source, schema, start=shard.start, line=shard.line), source


def _examined(manifest: Manifest, request: Submit | ListUploaded) -> Manifest:
    """Return `manifest` with the spec and what is known of the list before it is read."""
    spec, spec_from = _spec_of(request)
    place = manifest.source
    if place is None:
        return msgspec.structs.replace(manifest, spec=spec, spec_from=spec_from)
    kind = kind_of(str(place))
    size, etag, version = head(place)
    check_list(str(place), size, b"")
    return msgspec.structs.replace(
        manifest,
        spec=spec,
        spec_from=spec_from,
        source=Place(place.bucket, place.key, version),
        size=size,
        etag=etag,
        streamed=kind.is_streamed,
    )


def _spec_of(request: Submit | ListUploaded) -> tuple[Spec, str]:
    """Return the spec that `request` asks for, and where it was found."""
    if isinstance(request, ListUploaded):
        return nearest_spec(request.place)
    if (request.list is None) == (request.urls is None):
        raise InvalidJobError("a submit.v1 message must have one of `list` and `urls`")
    if request.spec is not None:
        return spec_in(request.spec), MESSAGE_SPEC
    if request.spec_place is not None:
        return spec_at(request.spec_place), str(request.spec_place)
    return nearest_spec(request.list) if request.list else (Spec(), DEFAULT_SPEC)


def _check_beginning(name: str, head: bytes) -> None:
    """
    See whether a long list of lines holds URLs at all: who lists domains is told so at once.

    Raises:
        InvalidJobError: there is none among the first.
    """
    if b"://" not in head:
        plan = Plan(job="-", shard=0, partitions=1, batch_size=1)
        plan.add_lines(head[: head.rfind(b"\n") + 1], 1)
        if plan.counts.rejected > _HOPELESS:
            raise InvalidJobError(nothing_to_do(name, plan.counts))


def _message(batch: Batch) -> Message:
    return Message(encode(batch), group=batch.group, identity=f"{batch.job}/{batch.batch}")


def uploaded_job(upload: ListUploaded) -> str:
    """Return the id of the job that an upload starts."""
    name = job_name(upload.place.key)
    # `list.txt` and `list.csv` may have the same bytes. Ids of .txt are as they always were, so
    # that a local run goes on after an upgrade.
    form = upload.place.key.removeprefix(name).removeprefix(".txt")
    return job_id(name, f"{upload.id}{form}")


def job_name(key: str) -> str:
    """Return `books/2026-11-21` for the list `books/2026-11-21.txt.gz`."""
    name = key
    for packed in PACKED:
        name = name.removesuffix(packed)
    return name.rpartition(".")[0] or name


def nothing_to_do(name: str, counts: Counts) -> str:
    """Say why the list called `name` gives no batch."""
    if not counts.reports:
        return f"{name} holds no URL, only blank lines and comments"
    shown = "; ".join(
        f"line {line.line} is {line.text!r}: {line.reason}" for line in counts.reports[:3]
    )
    more = counts.rejected - len(counts.reports[:3])
    return f"{name} holds no URL: {shown}{f'; and {more:,} more' if more else ''}"
