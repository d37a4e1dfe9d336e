"""
What travels through the two queues.

Dispatcher, worker and command line import this module and nothing of each other, so a change
here is a change of wire format. Messages written by the previous release may still sit in a
queue during a deploy, hence two rules: a new field has a default, and a field is never renamed
or given another meaning.
"""

import re
from typing import Annotated, Any, Literal
from urllib.parse import unquote_plus

import msgspec
from msgspec import Meta, Struct

from shared.errors import InvalidJobError, Reason

JobId = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
BatchId = Annotated[str, Meta(pattern=r"^[0-9]{5}-[0-9]{6}(-[0-9a-z]+)*$", max_length=200)]


Method = Literal["GET", "HEAD", "POST"]
Overlap = Literal["skip", "queue", "run"]
ERRAND = "#rules"
"""Behind the location of a target on an errand; a URL never has a fragment."""


class Target(Struct, frozen=True, omit_defaults=True, gc=False):
    """One URL of a job. Dispatchers make millions: none holds itself, and None is no new dict."""

    url: str
    """As in the list, in the form of `shared.urls.Url`."""
    line: int = 0
    """Where in the list, from 1; 0 of a found one."""
    attempt: int = 1
    redirects: tuple[str, ...] = ()
    """The URLs that `url` has led to so far; the last one is to be fetched next."""
    slowdowns: int = 0
    """How often this URL was answered with "slow down", which costs no attempt."""
    method: Method = "GET"
    headers: dict[str, str] | None = None
    """Of this request alone; they take the place of the spec's."""
    body: str | None = None
    """Of a POST."""
    input: dict[str, Any] | None = None
    """What else the list says about the URL; carried into the outcome."""
    turned: bool = False
    """Whether a redirect has made a GET of it, as browsers do with a POST."""
    page: str | None = None
    """The page kind that the list names, or whose link led to it; None: as its URL says."""
    depth: int = 0
    """How many links lead from the list to it."""
    found_on: str | None = None
    """The URL of the page whose link led to it; None of a listed one."""
    carry: dict[str, Any] | None = None
    """Values of that page, for the rows of this one."""
    taken: bool = False
    """Whether the owner of `location` has taken it for this target, which is then no duplicate."""
    redriven: bool = False
    """Whether it was a dead letter: nothing that it leads to is a duplicate of what it led to."""

    @property
    def id(self) -> int | str:
        """What tells it from the other targets of its job: its line, or its URL if it was found."""
        return self.line or self.url

    @property
    def is_errand(self) -> bool:
        """Whether `location` holds rules that its owner is to read for another, and no page."""
        return self.location.endswith(ERRAND)

    @property
    def location(self) -> str:
        """The URL to fetch next."""
        return self.redirects[-1] if self.redirects else self.url

    @property
    def size(self) -> int:
        """About how many bytes it takes in a message."""
        size = len(self.url) + sum(map(len, self.redirects)) + len(self.body or "")
        size += len(self.found_on or "")
        return size + len(_encoder.encode((self.headers, self.input, self.carry)))


def group_of(partition: int) -> str:
    """Return the message group of a partition, of which one worker at a time gets a message."""
    return f"{partition}"


class Batch(Struct, frozen=True, kw_only=True, tag="batch.v1", omit_defaults=True):
    """
    Targets of one partition: one message of the work queue, one commit object.

    `hops` counts how often these targets were handed back to the dispatcher. A dead letter is a
    batch too: `died` tells why its targets were dead. A `sweep` has no targets: it looks for what
    is gone in the partition. `leads_known` tells that no page was lost to the job that leads to
    further ones, `pages_known` that none was lost at all.
    """

    job: JobId
    batch: BatchId
    partition: Annotated[int, Meta(ge=0)]
    hops: int = 0
    died: Reason | None = None
    sweep: bool = False
    leads_known: bool = False
    pages_known: bool = False
    targets: tuple[Target, ...] = ()

    @property
    def group(self) -> str:
        """The message group, of which one worker at a time gets a message."""
        return group_of(self.partition)


class Place(Struct, frozen=True, omit_defaults=True):
    """An S3 object. `version` is None in a bucket without versions."""

    bucket: Annotated[str, Meta(min_length=3)]
    key: Annotated[str, Meta(min_length=1)]
    version: str | None = None

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


class Submit(Struct, frozen=True, kw_only=True, tag="submit.v1", omit_defaults=True):
    """
    A job to start: one of `list` and `urls`; none of them where the spec says where to `start`.

    Messages with equal `id` are one job, however often they are delivered. Without an `id` the
    SQS message is one job.

    `overlap` says what happens while the last job of the same name is not complete: `skip` refuses
    this job, `queue` starts it later, `run` starts it at once.
    """

    id: str | None = None
    name: str | None = None
    list: Place | None = None
    urls: tuple[str, ...] | None = None
    spec: dict[str, Any] | None = None
    """As people write it: `functions.dispatcher.specs.spec_in` reads it."""
    spec_place: Place | None = None
    overlap: Overlap = "run"
    at: str | None = None
    """When a schedule has sent the message, ISO 8601. Its date is in the job's id."""


class Shard(Struct, frozen=True, kw_only=True, tag="shard.v1", omit_defaults=True):
    """
    A part of a job's list to dispatch: the lines that begin in it.

    `start` is the first byte (of the list unpacked), `line` the number of the first line that
    begins at or after it. Where it ends follows from the manifest. Unless it is to be dispatched
    `alone`, all shards that follow are as well, by this message or those it leads to.
    """

    job: JobId
    shard: Annotated[int, Meta(ge=0)] = 0
    start: Annotated[int, Meta(ge=0)] = 0
    line: Annotated[int, Meta(ge=1)] = 1
    alone: bool = False


class Defer(Struct, frozen=True, kw_only=True, tag="defer.v1", omit_defaults=True):
    """
    A batch that a worker hands back, to be put into the group of its partition.

    Not before `not_before`, in epoch seconds.
    """

    batch: Batch
    not_before: float = 0.0


class Tick(Struct, frozen=True, kw_only=True, tag="tick.v1", omit_defaults=True):
    """
    A look at whether a job is complete; each one but the last sends the next.

    `done` counts what the ledger held when something was last new in it, which was at `since`, in
    epoch seconds. `stalled` tells whether the standstill after that was announced. Delays grow from
    the tick `first` on: who knows that there will be something to see sends one that begins anew.
    """

    job: JobId
    number: Annotated[int, Meta(ge=0)] = 0
    first: Annotated[int, Meta(ge=0)] = 0
    done: int = 0
    since: float = 0.0
    stalled: bool = False


class Wake(Struct, frozen=True, tag="wake.v1"):
    """Calls for a worker, which looks for batches by itself."""


class ListUploaded(Struct, frozen=True):
    """An object was put into the input bucket. `id` tells one upload from the next."""

    place: Place
    id: str


Dispatch = Submit | Shard | Defer | Tick


class _S3Bucket(Struct):
    name: str


class _S3Object(Struct, rename="camel"):
    key: str
    e_tag: str = ""
    version_id: str | None = None
    sequencer: str = ""


class _S3Entity(Struct):
    bucket: _S3Bucket
    object: _S3Object


class _S3Record(Struct, rename="camel"):
    event_name: str
    s3: _S3Entity


class _Notification(Struct):
    """What S3 sends: records, or once, when the notification is set up, a test event."""

    records: list[_S3Record] = msgspec.field(name="Records", default_factory=list)
    event: str = msgspec.field(name="Event", default="")


class _Tag(Struct):
    type: str | None = None


_NO_CHARACTER = re.compile(b"\xef\xbf[\xbe\xbf]")
_encoder = msgspec.json.Encoder()
_tag_decoder = msgspec.json.Decoder(_Tag)
_dispatch_decoder = msgspec.json.Decoder(Dispatch)
_notification_decoder = msgspec.json.Decoder(_Notification)
_batch_decoder = msgspec.json.Decoder(Batch)


def encode(message: Batch | Dispatch | Wake) -> str:
    """Return `message` as JSON with a `type` tag."""
    return escaped(_encoder.encode(message)).decode()


def escaped(body: bytes) -> bytes:
    """Return JSON as it may travel: SQS refuses a message with U+FFFE or U+FFFF in it."""
    if _NO_CHARACTER.search(body):
        body = _NO_CHARACTER.sub(lambda found: b"\\u%04x" % ord(found[0].decode()), body)
    return body


def decode_batch(body: str) -> Batch:
    """
    Return the batch in an SQS message body.

    Raises:
        InvalidJobError: the body is not JSON or does not fit the schema. The message names the
            offending path, as in ``Expected `str`, got `int` - at `$.targets[3].url` ``.
    """
    try:
        return _checked(_batch_decoder.decode(body))
    except msgspec.MsgspecError as error:
        raise InvalidJobError(f"not a batch message: {error}") from error


def _checked(batch: Batch) -> Batch:
    if batch.sweep == bool(batch.targets):
        raise msgspec.ValidationError("a batch has targets, unless it is a sweep")
    return batch


def is_tick(body: str) -> bool:
    """Tell whether an SQS message is a `Tick`, on which no target depends."""
    return _is_tagged(body, Tick)


def is_wake(body: str) -> bool:
    """Tell whether an SQS message is a `Wake`."""
    return _is_tagged(body, Wake)


def _is_tagged(body: str, kind: type[Struct]) -> bool:
    try:
        return _tag_decoder.decode(body).type == kind.__struct_config__.tag
    except msgspec.MsgspecError:
        return False


def decode_dispatch(body: str) -> list[Dispatch | ListUploaded]:
    """
    Return what an SQS message of the dispatch queue asks for; nothing for an `s3:TestEvent`.

    Raises:
        InvalidJobError: as for `decode_batch`.
    """
    try:
        if _tag_decoder.decode(body).type is not None:
            message = _dispatch_decoder.decode(body)
            if isinstance(message, Defer):
                _checked(message.batch)
            return [message]
        notification = _notification_decoder.decode(body)
    except msgspec.MsgspecError as error:
        raise InvalidJobError(f"not a dispatch message: {error}") from error
    if not notification.records and notification.event != "s3:TestEvent":
        raise InvalidJobError(
            "not a dispatch message: it has neither the `type` of a message nor the `Records` of S3"
        )
    return [
        _list_uploaded(record.s3)
        for record in notification.records
        if record.event_name.startswith("ObjectCreated:")
    ]


def _list_uploaded(s3: _S3Entity) -> ListUploaded:
    place = Place(s3.bucket.name, unquote_plus(s3.object.key), s3.object.version_id)
    # The same in every copy of one event; different for the next upload of the same content.
    return ListUploaded(place, f"{s3.object.version_id}/{s3.object.e_tag}/{s3.object.sequencer}")
