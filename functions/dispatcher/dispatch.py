"""
The dispatcher's work: start jobs, cut their lists into batches, pass deferred batches on.

Everything here may happen twice and then does nothing twice: a manifest and the plan of a shard are
written only where there is none, what is sent is what is written, and equal receipts have equal
keys.
"""

import gc
import math
from collections.abc import Callable, Iterable
from datetime import datetime

import msgspec

from functions.dispatcher.close import TICK_FIRST
from functions.dispatcher.lists.formats import (
    PACKED,
    JsonReader,
    Reader,
    Source,
    TextReader,
    check_list,
    kind_of,
    name_of_line,
)
from functions.dispatcher.lists.schemas import HEAD_BYTES, find_schema
from functions.dispatcher.lists.sitemaps import SitemapReader
from functions.dispatcher.lists.tables import TableReader
from functions.dispatcher.plan import Counts, Plan
from functions.dispatcher.specs import nearest_spec, spec_at, spec_in
from functions.dispatcher.written import Came, Written, encode_written, message_of, pack
from shared.errors import InvalidJobError, StorageError
from shared.ids import job_id
from shared.keys import (
    SUBMITTED,
    cancelled_key,
    dispatched_folder,
    manifest_key,
    plan_key,
    receipts_prefix,
    rejected_key,
)
from shared.ledger import Ledger, ledger_of
from shared.manifest import (
    DEFAULT_SPEC,
    MESSAGE_SPEC,
    SHARD_BYTES,
    Manifest,
    decode_manifest,
    encode_manifest,
)
from shared.messages import Defer, ListUploaded, Place, Shard, Submit, Tick, encode
from shared.queue import MAX_DELAY, Message, Queue
from shared.receipts import RECEIPT_END, dispatched_key, settled
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
            return self._dispatch_urls(manifest, urls)
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
        if manifest.shards is None:
            return self._dispatch_stream(manifest, manifest.source, shard, time_left)
        if shard.alone or shard.shard + 1 == manifest.shards:
            return self._dispatch_range(manifest, manifest.source, shard)
        return self._scan(manifest, manifest.source, shard, manifest.shards, time_left)

    def forward(self, defer: Defer) -> None:
        """Put a deferred batch into its partition's group, once it is due or its job cancelled."""
        wait = defer.not_before - self._now().timestamp()
        if wait > 0 and not self._is_cancelled(defer.batch.job):
            # SQS waits for a quarter of an hour at most; a longer wait takes several hops.
            delay = min(math.ceil(wait), MAX_DELAY)
            self._dispatch_queue.send([Message(encode(defer), delay=delay)])
        else:
            self._work_queue.send([message_of(defer.batch, encode(defer.batch))])

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

    def _dispatch_urls(self, manifest: Manifest, urls: Iterable[str]) -> Manifest:
        written = self._written(manifest, 0)
        if written is None:
            if _is_dispatched(self._ledger(manifest), 0):
                return manifest
            plan = self._plan(manifest, 0)
            for line, url in enumerate(urls, start=1):
                plan.add(line, url)
            written = self._write(manifest, 0, plan)
        return self._send(manifest, 0, written)

    def _scan(
        self,
        manifest: Manifest,
        place: Place,
        shard: Shard,
        shards: int,
        time_left: Callable[[], float],
    ) -> Manifest:
        """
        Send a message for each shard from `shard` on, with the number of its first line.

        The first one is dispatched here, before there is a message for another: it says whether the
        job is refused.
        """
        following = shard
        if shard.shard == 0:
            manifest = self._dispatch_range(manifest, place, shard)
            if manifest.error:
                return manifest
        # Where the byte before is a line end, a line begins.
        before = max(0, shard.start - 1)
        try:
            source = Source(read_from(place, before, etag=manifest.etag), text=True)
            while True:
                if following.shard:
                    self.postpone(msgspec.structs.replace(following, alone=True))
                if following.shard + 1 == shards:
                    return manifest
                end = (following.shard + 1) * manifest.shard_bytes
                line = following.line + (following.start == 0)
                for piece in source.pieces(end - 1 - before):
                    line += piece.count(b"\n")
                before = end - 1
                following = Shard(job=manifest.job, shard=following.shard + 1, start=end, line=line)
                if time_left() < _SCAN_SECONDS:
                    self.postpone(following)
                    return manifest
        except InvalidJobError as error:
            # Nobody knows where those that are left begin, and the job ends all the same.
            for number in range(following.shard, shards):
                self._give_up(manifest, number, following.line, error)
            return manifest

    def _dispatch_range(self, manifest: Manifest, place: Place, shard: Shard) -> Manifest:
        written = self._written(manifest, shard.shard)
        if written is None:
            if _is_dispatched(self._ledger(manifest), shard.shard):
                return manifest
            try:
                plan = self._read_range(manifest, place, shard)
            except InvalidJobError as error:
                return self._give_up(manifest, shard.shard, shard.line, error)
            written = self._write(manifest, shard.shard, plan)
        return self._send(manifest, shard.shard, written)

    def _read_range(self, manifest: Manifest, place: Place, shard: Shard) -> Plan:
        end = min(manifest.size, (shard.shard + 1) * manifest.shard_bytes)
        before = max(0, shard.start - 1)
        source = Source(read_from(place, before, etag=manifest.etag), text=True)
        if shard.start == 0:
            check_list(str(place), manifest.size, source.peek(_HEAD_BYTES))
            if manifest.shards != 1:
                _check_beginning(str(place), source.peek(HEAD_BYTES))
        new_reader = _LINE_READERS[kind_of(place.key).format]
        reader = new_reader(source, start=shard.start, line=shard.line)
        plan = self._plan(manifest, shard.shard)
        _fill(plan, reader, end)
        return plan

    def _dispatch_stream(
        self, manifest: Manifest, place: Place, shard: Shard, time_left: Callable[[], float]
    ) -> Manifest:
        # What is written need not be read, and it alone says where the next shard begins.
        while (written := self._written(manifest, shard.shard)) is not None:
            manifest = self._send(manifest, shard.shard, written)
            if written.came.last or manifest.error:
                return manifest
            shard = _next(manifest, shard.shard, written)
            if time_left() < SHARD_SECONDS:
                self.postpone(shard)
                return manifest
        ledger = self._ledger(manifest)
        if ledger.fully_dispatched:
            return manifest
        number = shard.shard
        while _is_dispatched(ledger, number):
            number += 1
        return self._read_stream(manifest, place, shard, number, time_left)

    def _read_stream(
        self,
        manifest: Manifest,
        place: Place,
        shard: Shard,
        number: int,
        time_left: Callable[[], float],
    ) -> Manifest:
        """Read a stream from `shard` on, and dispatch it from the shard with this `number` on."""
        try:
            reader, source = open_stream(
                str(place),
                manifest.size,
                lambda start: read_from(place, start, etag=manifest.etag),
                shard,
            )
            for done in range(shard.shard, number):  # only to see where the next one begins
                _fill(
                    self._plan(manifest, done), reader, shard_end(manifest, done, reader.position)
                )
                if time_left() < SHARD_SECONDS:
                    start, line = reader.position, reader.line
                    self.postpone(Shard(job=manifest.job, shard=done + 1, start=start, line=line))
                    return manifest
        except InvalidJobError as error:
            return self._give_up(manifest, number, shard.line, error, last=True)
        while True:
            plan = self._plan(manifest, number)
            line = reader.line
            try:
                _fill(plan, reader, shard_end(manifest, number, reader.position))
            except InvalidJobError as error:
                return self._give_up(manifest, number, line, error, last=True)
            if reader.ended and source.damage:
                plan.break_off(reader.line, source.damage)
            written = self._write(manifest, number, plan, reader)
            manifest = self._send(manifest, number, written)
            if written.came.last or manifest.error:
                return manifest
            is_ours = (written.came.position, written.came.line) == (reader.position, reader.line)
            if not is_ours or time_left() < SHARD_SECONDS:
                self.postpone(_next(manifest, number, written))
                return manifest
            number += 1

    def _give_up(
        self, manifest: Manifest, shard: int, line: int, error: Exception, *, last: bool = False
    ) -> Manifest:
        """
        Refuse a job whose list cannot be read, if nothing of it was dispatched.

        Otherwise the shard is damaged, unless somebody else has read it, and the job ends.
        """
        written = self._written(manifest, shard)
        if written is None:
            ledger = self._ledger(manifest)
            if _is_dispatched(ledger, shard):
                return manifest
            if shard == 0 and not ledger.dispatched:
                refusal = encode_written(Came(refused=str(error)))
                written = self._put_plan(manifest, shard, refusal)
            else:
                plan = self._plan(manifest, shard)
                plan.break_off(line, str(error))
                written = self._write(manifest, shard, plan, last=last, damaged=True)
        manifest = self._send(manifest, shard, written)
        if manifest.streamed and not (written.came.last or manifest.error):
            self.postpone(_next(manifest, shard, written))
        return manifest

    def _plan(self, manifest: Manifest, shard: int) -> Plan:
        return Plan(
            job=manifest.job,
            shard=shard,
            partitions=manifest.partitions,
            batch_size=manifest.batch_size,
        )

    def _ledger(self, manifest: Manifest) -> Ledger:
        """Return the job's ledger, as far as it is about shards."""
        return ledger_of(manifest, self._data.keys(dispatched_folder(manifest.job)))

    def _written(self, manifest: Manifest, shard: int) -> Written | None:
        """Return the plan of a shard, if somebody has written it down."""
        key = plan_key(manifest.job, shard)
        body = self._data.get(key)
        return None if body is None else Written(f"s3://{self._data.name}/{key}", body)

    def _write(
        self,
        manifest: Manifest,
        shard: int,
        plan: Plan,
        reader: Reader | None = None,
        *,
        last: bool = False,
        damaged: bool = False,
    ) -> Written:
        """
        Write down a plan, once; return what is written, by us or by somebody who was faster.

        Args:
            manifest: Of the job.
            shard: Which one the plan is of.
            plan: All that was read of it.
            reader: Of a stream: knows where the next shard begins, and whether there is one.
            last: There is none.
            damaged: Others were dispatched before, so that the job is not refused for want of URLs.
        """
        gc.freeze()  # the plan is large, and will not be garbage before it is written
        try:
            packed = pack(plan.batches())
        finally:
            gc.unfreeze()
        counts = plan.counts
        came = Came(
            batches=counts.batches,
            targets=counts.targets,
            duplicates=counts.duplicates,
            rejected=counts.rejected,
            damaged=counts.damaged,
            last=last or (reader is not None and reader.ended),
            position=reader.position if reader else 0,
            line=reader.line if reader else 1,
        )
        is_only = came.last or manifest.source is None or manifest.shards == 1
        if not counts.targets and shard == 0 and is_only and not damaged:
            name = str(manifest.source) if manifest.source else "the message"
            came.refused = nothing_to_do(name, counts)
        if counts.reports:
            body = b"".join(msgspec.json.encode(line) + b"\n" for line in counts.reports)
            self._data.put(rejected_key(manifest.job, shard), body)
        return self._put_plan(manifest, shard, encode_written(came, packed))

    def _put_plan(self, manifest: Manifest, shard: int, body: bytes) -> Written:
        key = plan_key(manifest.job, shard)
        name = f"s3://{self._data.name}/{key}"
        if not self._data.put_new(key, body):
            found = self._data.get(key)
            if found is None:
                raise StorageError(f"{name} is there and is not there")
            body = found
        return Written(name, body)

    def _send(self, manifest: Manifest, shard: int, written: Written) -> Manifest:
        """Send what is written, and say so; return the manifest, refused if that is written."""
        came = written.came
        # What an earlier delivery of this shard, or an earlier run, has brought to an end
        # need not go through the queue again.
        ledger = Ledger(manifest.shards)
        for key in self._data.keys(receipts_prefix(manifest.job, shard), end=RECEIPT_END):
            ledger.add(key)
        self._work_queue.send(
            message for batch, message in written.messages() if not settled(ledger.receipts, batch)
        )
        if came.refused is None or came.rejected:
            key = dispatched_key(
                manifest.job,
                shard,
                batches=came.batches,
                targets=came.targets,
                rejected=came.rejected,
                duplicates=came.duplicates,
                last=came.last and manifest.streamed,
                damaged=came.damaged,
            )
            self._data.put(key, b"")
        if came.refused is not None:
            manifest = msgspec.structs.replace(manifest, error=came.refused)
            self._data.put(manifest_key(manifest.job), encode_manifest(manifest))
        return manifest


def _is_dispatched(ledger: Ledger, shard: int) -> bool:
    """
    Tell whether a shard is dispatched.

    If it has no plan, release 0.1 has dispatched it, which wrote none. Its ids mean what was sent
    then: it is not planned anew.
    """
    return f"{shard:05d}" in ledger.dispatched


def _next(manifest: Manifest, shard: int, written: Written) -> Shard:
    """Return what of a stream follows a shard that is written."""
    came = written.came
    return Shard(job=manifest.job, shard=shard + 1, start=came.position, line=came.line)


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
    source = Source(stored.pieces(), kind.packed, text=not is_xml, again=lambda: read(0))
    if is_xml:
        return SitemapReader(source, name, start=shard.start, line=shard.line), source
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
        only = "" if name_of_line(name) == "<loc>" else ", only blank lines and comments"
        return f"{name} holds no URL{only}"
    what = name_of_line(name)
    shown = "; ".join(
        f"{what} {line.line} is {line.text!r}: {line.reason}" for line in counts.reports[:3]
    )
    more = counts.rejected - len(counts.reports[:3])
    return f"{name} holds no URL: {shown}{f'; and {more:,} more' if more else ''}"
