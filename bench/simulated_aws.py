"""
S3, SQS and Lambda in simulated time, as far as a fleet of workers uses them; all is on the bill.

The clients have the methods of boto3's that `shared.store` and `shared.queue` call. Queues hide
what was received for as long as it was asked for, lock groups, and look for a free one among the
first 120,000 messages, as SQS does.
"""

import asyncio
import math
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from itertools import count
from typing import Any, NamedTuple, NoReturn

from botocore.exceptions import ClientError

from bench.simulated_time import Calls, NothingYet
from functions.dispatcher import prices
from functions.dispatcher.prices import SQS_CHUNK

LOOK_AHEAD = 120_000  # messages among which SQS looks for a group that is free

Bill = defaultdict[str, float]
"""What AWS meters, by name: `usage` knows the names."""


class Pace(NamedTuple):
    """How long calls take, in seconds; `cpu` is the caller's, of a full core."""

    read: float = 0.020
    """S3, small objects, to the last byte."""
    write: float = 0.035
    call: float = 0.010
    """SQS."""
    cpu: float = 0.0015


class S3:
    """A client of S3, with the objects of one bucket, but for those that it `forgets`."""

    def __init__(
        self,
        calls: Calls,
        bill: Bill,
        pace: Pace,
        *,
        forgets: Callable[[str], bool] = lambda _key: False,
    ) -> None:
        self._calls = calls
        self._bill = bill
        self._pace = pace
        self._forgets = forgets
        self.objects: dict[str, tuple[bytes, str]] = {}
        self._numbers = count()

    class exceptions:  # noqa: N801 -- so boto3 has it
        NoSuchKey = KeyError

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 -- boto3's names
        del Bucket
        self._took("s3_reads", self._pace.read)
        body, etag = self.objects[Key]
        return {"Body": _Body(body), "ETag": etag}

    def put_object(
        self,
        *,
        Bucket: str,  # noqa: N803
        Key: str,  # noqa: N803
        Body: bytes,  # noqa: N803
        IfNoneMatch: str | None = None,  # noqa: N803
        IfMatch: str | None = None,  # noqa: N803
    ) -> dict[str, Any]:
        del Bucket
        self._took("s3_writes", self._pace.write)
        _, etag = self.objects.get(Key, (b"", None))
        if (IfNoneMatch and etag) or (IfMatch and etag != IfMatch):
            _refuse(412, "PreconditionFailed")
        etag = f"{next(self._numbers)}"
        if not self._forgets(Key):
            self.objects[Key] = Body, etag
        return {"ETag": etag}

    def get_paginator(self, _name: str) -> "S3":
        return self

    def paginate(self, *, Prefix: str, **_: object) -> Iterator[dict[str, Any]]:  # noqa: N803
        self._took("s3_writes", self._pace.read)
        yield {"Contents": [{"Key": key} for key in self.objects if key.startswith(Prefix)]}

    def _took(self, what: str, seconds: float) -> None:
        self._bill[what] += 1
        self._calls.took(seconds, self._pace.cpu)


class _Body(bytes):
    def read(self) -> bytes:
        return self


def _refuse(status: int, code: str) -> NoReturn:
    answer: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    raise ClientError(answer, "simulated")


class _Message:
    """One in a queue. `handle` is None as long as nobody has it."""

    __slots__ = ("body", "group", "handle", "hidden_until", "number", "receives")

    def __init__(self, number: int, group: str, body: str) -> None:
        self.number = number
        self.group = group
        self.body = body
        self.receives = 0
        self.handle: str | None = None
        self.hidden_until = 0.0


class SQS:
    """
    A client of one queue.

    Args:
        kind: What its calls are on the bill: `sqs_fifo` or `sqs_standard`.
        loop: Tells the time.
        calls: Take the time of calls.
        bill: Of all calls.
        pace: Of each.
        look_ahead: See `LOOK_AHEAD`.
        groups: Whether groups lock. Without, each message is one of its own.
    """

    def __init__(
        self,
        kind: str,
        loop: asyncio.AbstractEventLoop,
        calls: Calls,
        bill: Bill,
        pace: Pace,
        *,
        look_ahead: int = LOOK_AHEAD,
        groups: bool = True,
    ) -> None:
        self._kind = kind
        self._loop = loop
        self._calls = calls
        self._bill = bill
        self._pace = pace
        self._look_ahead = look_ahead
        self._has_groups = groups and kind == "sqs_fifo"
        self._groups: dict[str, deque[_Message]] = {}
        self._free: list[tuple[int, str]] = []
        self._in_flight: dict[str, _Message] = {}
        self._numbers = count()
        self._handles = count()
        self._deleted = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self.expired = 0
        """Messages that came back since nobody had renewed or deleted them in time."""

    # ---- calls of boto3's client

    def send_message_batch(self, *, QueueUrl: str, Entries: list[Any]) -> dict[str, Any]:  # noqa: N803
        del QueueUrl
        self._took(sum(len(entry["MessageBody"]) for entry in Entries))
        for entry in Entries:
            group = entry.get("MessageGroupId", "")
            if delay := entry.get("DelaySeconds", 0):
                self._loop.call_later(delay, self.add, entry["MessageBody"], group)
            else:
                self.add(entry["MessageBody"], group)
        return {}

    def receive_message(
        self,
        *,
        QueueUrl: str,  # noqa: N803
        VisibilityTimeout: int,  # noqa: N803
        WaitTimeSeconds: int,  # noqa: N803
        **_: object,
    ) -> dict[str, Any]:
        del QueueUrl
        message = self.take(VisibilityTimeout)
        if message is None and self._calls.may_wait:
            change = self._loop.create_future()
            self._waiting.append(change)
            raise NothingYet(change, WaitTimeSeconds)
        self._took(0 if message is None else len(message.body))
        if message is None:
            self._bill["empty_receives"] += 1
            return {}
        entry = {
            "Body": message.body,
            "ReceiptHandle": message.handle,
            "Attributes": {"ApproximateReceiveCount": f"{message.receives}"},
        }
        return {"Messages": [entry]}

    def delete_message(self, *, QueueUrl: str, ReceiptHandle: str) -> dict[str, Any]:  # noqa: N803
        del QueueUrl
        self._took(0)
        self.delete(ReceiptHandle)
        return {}

    def change_message_visibility_batch(
        self,
        *,
        QueueUrl: str,  # noqa: N803
        Entries: list[Any],  # noqa: N803
    ) -> dict[str, Any]:
        del QueueUrl
        self._took(0)
        self._bill["renewals"] += 1
        answer: dict[str, Any] = {"Successful": [], "Failed": []}
        for entry in Entries:
            message = self._in_flight.get(entry["ReceiptHandle"])
            if message is None:
                answer["Failed"].append({"Id": entry["Id"], "SenderFault": True})
            else:
                message.hidden_until = self._loop.time() + entry["VisibilityTimeout"]
                answer["Successful"].append({"Id": entry["Id"]})
        return answer

    def change_message_visibility(
        self,
        *,
        QueueUrl: str,  # noqa: N803
        ReceiptHandle: str,  # noqa: N803
        VisibilityTimeout: int,  # noqa: N803
    ) -> dict[str, Any]:
        del QueueUrl
        self._took(0)
        if (message := self._in_flight.get(ReceiptHandle)) is not None:
            message.hidden_until = self._loop.time() + VisibilityTimeout
            self._loop.call_later(VisibilityTimeout, self._come_back, ReceiptHandle, True)
        return {}

    def _took(self, size: int) -> None:
        self._bill[self._kind] += max(1, math.ceil(size / SQS_CHUNK))
        self._calls.took(self._pace.call, self._pace.cpu)

    # ---- the queue

    def add(self, body: str, group: str) -> None:
        number = next(self._numbers)
        if not self._has_groups:
            group = f"{number}"
        messages = self._groups.setdefault(group, deque())
        messages.append(message := _Message(number, group, body))
        if len(messages) == 1:
            self._offer(message)

    def take(self, hidden: float) -> _Message | None:
        """Return the oldest message whose group is free."""
        # Whatever was deleted was among the first, so those are the next ones after as many.
        if not self._free or self._free[0][0] >= self._deleted + self._look_ahead:
            return None
        _, group = heappop(self._free)
        message = self._groups[group][0]
        message.receives += 1
        message.handle = handle = f"{next(self._handles)}"
        message.hidden_until = self._loop.time() + hidden
        self._in_flight[handle] = message
        self._loop.call_later(hidden, self._come_back, handle)
        return message

    def delete(self, handle: str) -> None:
        message = self._in_flight.pop(handle, None)
        if message is None:
            return
        messages = self._groups[message.group]
        messages.popleft()
        self._deleted += 1
        if messages:
            self._offer(messages[0])
        else:
            del self._groups[message.group]

    @property
    def is_empty(self) -> bool:
        return not self._groups

    async def changed(self) -> None:
        """Wait until there may be something to take."""
        change = self._loop.create_future()
        self._waiting.append(change)
        await change

    def _come_back(self, handle: str, is_wanted: bool = False) -> None:  # noqa: FBT001, FBT002
        message = self._in_flight.get(handle)
        if message is None:
            return
        left = message.hidden_until - self._loop.time()
        if left > 1e-3:  # noqa: PLR2004 -- of the clock
            self._loop.call_later(left, self._come_back, handle)
            return
        self.expired += not is_wanted
        del self._in_flight[handle]
        self._offer(message)

    def _offer(self, message: _Message) -> None:
        heappush(self._free, (message.number, message.group))
        while self._waiting:
            change = self._waiting.popleft()
            if not change.done():
                change.set_result(None)
                break


def usage(bill: Bill, *, memory: int) -> prices.Usage:
    """Return what is on the bill, of workers that have so many MB and of dispatchers."""
    seconds = bill["worker_seconds"] * memory + bill["dispatcher_seconds"] * 512
    return prices.Usage(
        gb_seconds=seconds / 1024,
        invocations=bill["invocations"],
        s3_writes=bill["s3_writes"],
        s3_reads=bill["s3_reads"],
        sqs_fifo=bill["sqs_fifo"],
        sqs_standard=bill["sqs_standard"],
        events=1,
        log_bytes=bill["log_bytes"],
        sent_bytes=bill["sent_bytes"],
    )
