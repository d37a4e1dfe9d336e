"""SQS, and the only module that speaks to it. Every refusal becomes a `StorageError`."""

import hashlib
import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from shared.clients import new_client
from shared.errors import StorageError

if TYPE_CHECKING:
    from types_boto3_sqs.client import SQSClient

MAX_ENTRIES = 10
MAX_DELAY = 900  # seconds
MAX_CALL_BYTES = 1024 * 1024  # of all bodies in one SendMessageBatch
_SEND_TRIES = 6
_CALLS = 8  # at once


class Message(NamedTuple):
    """
    What is to be sent.

    `group` and `identity` are for FIFO queues. SQS drops a message whose identity it has seen in
    the last five minutes; any text will do. `delay` is for others: seconds, `MAX_DELAY` at most.
    """

    body: str
    group: str | None = None
    identity: str = ""
    delay: int = 0


class Received(NamedTuple):
    """
    A message in hand, until it is deleted, put back or not hidden any more.

    `receives` counts how often it was received, this time included.
    """

    body: str
    receipt_handle: str
    receives: int


@cache
def sqs_client() -> "SQSClient":
    """Return this process's client: made once, used by every invocation."""
    client: SQSClient = new_client("sqs")
    return client


class Queue:
    """One SQS queue."""

    def __init__(
        self,
        url: str,
        client: "SQSClient | None" = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.url = url
        self._sqs = client or sqs_client()
        self._sleep = sleep

    def send(self, messages: Iterable[Message]) -> None:
        """
        Send all `messages`, in as few calls as SQS's limits allow, several of them at once.

        Raises:
            StorageError: some may not have been sent. Sending all of them again does no harm, as
                far as their identities are the same.
        """
        calls = _packed(messages)
        first = list(islice(calls, 2))
        if len(first) < 2:  # noqa: PLR2004 -- nothing to do at once
            for entries in first:
                self._send_entries(entries)
            return
        under_way: deque[Future[None]] = deque()
        with ThreadPoolExecutor(_CALLS) as pool:
            try:
                for entries in chain(first, calls):
                    under_way.append(pool.submit(self._send_entries, entries))
                    if len(under_way) > 2 * _CALLS:
                        under_way.popleft().result()
                for call in under_way:
                    call.result()
            finally:
                pool.shutdown(cancel_futures=True)

    def receive_one(self, *, hidden: float, wait: float) -> Received | None:
        """
        Return a message, or None if there is none within `wait` seconds (20 at most).

        One at a time: so nobody has a message in hand that it does not work on, and of a FIFO queue
        each message is of another group.

        Args:
            hidden: Seconds that nobody else receives it, from when SQS hands it out.
            wait: Seconds.

        Raises:
            StorageError: SQS cannot be reached. A message may have been received and not be known:
                it comes back when it is not hidden any more.
        """
        with self._translated("receive from"):
            answer = self._sqs.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=1,
                VisibilityTimeout=math.ceil(hidden),
                WaitTimeSeconds=math.ceil(wait),
                AttributeNames=["ApproximateReceiveCount"],
            )
        for message in answer.get("Messages", []):
            receives = int(message["Attributes"]["ApproximateReceiveCount"])
            return Received(message["Body"], message["ReceiptHandle"], receives)
        return None

    def acknowledge(self, receipt_handle: str) -> None:
        """
        Acknowledge a message; in a FIFO queue, the next of its group may be received.

        Raises:
            StorageError: it comes back when it is not hidden any more.
        """
        with self._translated("delete a message of"):
            self._sqs.delete_message(QueueUrl=self.url, ReceiptHandle=receipt_handle)

    def renew_all(self, receipt_handles: Sequence[str], seconds: float) -> dict[str, bool]:
        """
        Keep received messages hidden for `seconds` from now, `MAX_ENTRIES` of them at most.

        Returns which are renewed (True) and which are not ours any more (False). About the others
        nothing is known: SQS had a trouble of its own.

        Raises:
            StorageError: SQS cannot be reached; of none of them anything is known.
        """
        entries: Any = [
            {"Id": f"{number}", "ReceiptHandle": handle, "VisibilityTimeout": math.ceil(seconds)}
            for number, handle in enumerate(receipt_handles)
        ]
        with self._translated("renew messages of"):
            answer = self._sqs.change_message_visibility_batch(QueueUrl=self.url, Entries=entries)
        known = {receipt_handles[int(entry["Id"])]: True for entry in answer.get("Successful", [])}
        for entry in answer.get("Failed", []):
            if entry["SenderFault"]:
                known[receipt_handles[int(entry["Id"])]] = False
        return known

    def put_back(self, receipt_handle: str, seconds: int) -> None:
        """
        Let others receive a message again, `seconds` from now.

        Raises:
            StorageError: it stays hidden for as long as it was to be.
        """
        with self._translated("put back a message of"):
            self._sqs.change_message_visibility(
                QueueUrl=self.url, ReceiptHandle=receipt_handle, VisibilityTimeout=seconds
            )

    @contextmanager
    def _translated(self, what: str) -> Iterator[None]:
        try:
            yield
        except (BotoCoreError, ClientError) as error:
            raise StorageError(f"{what} {self.url}: {error}") from error

    def _send_entries(self, entries: list[Any]) -> None:
        for attempt in range(_SEND_TRIES):
            try:
                answer = self._sqs.send_message_batch(QueueUrl=self.url, Entries=entries)
            except (BotoCoreError, ClientError) as error:
                raise StorageError(f"send to {self.url}: {error}") from error
            failed = answer.get("Failed", [])
            if not failed:
                return
            if wrong := [failure for failure in failed if failure["SenderFault"]]:
                raise StorageError(
                    f"send to {self.url}: {wrong[0]['Code']}: {wrong[0].get('Message', '')}"
                )
            again = {failure["Id"] for failure in failed}
            entries = [entry for entry in entries if entry["Id"] in again]
            if attempt + 1 < _SEND_TRIES:
                self._sleep(0.1 * 2**attempt)
        raise StorageError(
            f"send to {self.url}: {len(entries)} messages were refused {_SEND_TRIES} times: "
            f"{failed[0]['Code']}"
        )


def _packed(messages: Iterable[Message]) -> Iterator[list[dict[str, Any]]]:
    entries: list[dict[str, Any]] = []
    size = 0
    for message in messages:
        length = len(message.body.encode())
        if entries and (len(entries) == MAX_ENTRIES or size + length > MAX_CALL_BYTES):
            yield entries
            entries, size = [], 0
        entry: dict[str, Any] = {"Id": str(len(entries)), "MessageBody": message.body}
        if message.delay:
            entry["DelaySeconds"] = message.delay
        if message.group is not None:
            entry["MessageGroupId"] = message.group
            # At most 128 characters are allowed; a digest has 64.
            entry["MessageDeduplicationId"] = hashlib.sha256(message.identity.encode()).hexdigest()
        entries.append(entry)
        size += length
    if entries:
        yield entries
