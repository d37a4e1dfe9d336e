"""
The local event source mapping: receives, invokes, deletes, as Lambda's does.

It differs from Lambda's in one thing, on purpose: a message whose sandbox has died, or whose
handler has raised, comes back soon, and not when its visibility timeout ends. Nobody can be at work
on it any more, and on AWS nobody sits and waits.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from scatterfetch.localcloud.sandbox import FunctionError, Sandbox, SandboxDiedError
from scatterfetch.localcloud.template import ACCOUNT, REGION, QueueSource

if TYPE_CHECKING:
    from types_boto3_sqs.client import SQSClient

_AGAIN_SECONDS = 1
_POLL_INTERVAL = 0.2  # seconds between two looks at a queue that had nothing


class EventSourceMapping:
    """
    Feeds the messages of one queue to sandboxes, one thread each.

    Args:
        sqs: The embedded SQS.
        queue_url: Of the queue.
        queue_name: Of the queue, for the events' ARN.
        source: What the template says of the mapping.
        sandboxes: Of the function; more than `MaximumConcurrency` are not used.
        has_messages: Tells whether asking the queue for messages may be worth it, for it is asked
            several times a second.
        report: Is told of what went wrong, in words.
        done: Is called after each invocation; a place to `wake` whom it concerns.
        died: Is told of a sandbox whose process has ended in the middle of an invocation.
    """

    def __init__(
        self,
        sqs: "SQSClient",
        queue_url: str,
        queue_name: str,
        source: QueueSource,
        sandboxes: Sequence[Sandbox],
        *,
        has_messages: Callable[[], bool],
        report: Callable[[str], None],
        done: Callable[[], None],
        died: Callable[[Sandbox], None] = lambda _sandbox: None,
    ) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue_name}"
        self._source = source
        self._sandboxes = sandboxes[: source.maximum_concurrency]
        self._has_messages = has_messages
        self._report = report
        self._done = done
        self._died = died
        self._receiving = threading.Lock()
        self._something_new = threading.Condition()
        self._news = 0
        self._stopping = threading.Event()
        self._killed = threading.Event()
        self._threads: list[threading.Thread] = []
        self.failures = 0
        """How often the handler has raised, without a success in between."""

    def start(self) -> None:
        for sandbox in self._sandboxes:
            thread = threading.Thread(target=self._serve, args=(sandbox,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def wake(self) -> None:
        """Look at the queue at once: something was sent, or a group is free again."""
        with self._something_new:
            self._news += 1
            self._something_new.notify_all()

    def drain(self) -> None:
        """Take no more messages; the invocations under way go on."""
        self._stopping.set()
        self.wake()

    def cut_short(self, deadline: float) -> None:
        """Have the invocations under way believe that their time ends at `deadline`."""
        for sandbox in self._sandboxes:
            sandbox.cut_short(deadline)

    def kill(self) -> None:
        """Take no more messages, and end the invocations under way."""
        self._killed.set()
        self.drain()
        for sandbox in self._sandboxes:
            sandbox.kill()

    def join(self, timeout: float | None = None) -> bool:
        """Wait, at most `timeout` seconds each, for the invocations; tell whether all ended."""
        for thread in self._threads:
            thread.join(timeout)
        return not any(thread.is_alive() for thread in self._threads)

    def _serve(self, sandbox: Sandbox) -> None:
        while not self._stopping.is_set():
            seen = self._news
            records = self._receive()
            if records:
                self._process(sandbox, records)
                self._done()
            else:
                self._wait_for_news(seen)

    def _wait_for_news(self, seen: int) -> None:
        with self._something_new:
            self._something_new.wait_for(lambda: self._news != seen, _POLL_INTERVAL)

    def _process(self, sandbox: Sandbox, records: list[dict[str, Any]]) -> None:
        try:
            result = sandbox.invoke({"Records": records})
        except SandboxDiedError as death:
            if self._killed.is_set():
                return  # by us, and there is nobody left to deliver to
            self._report(f"{death}; its messages are delivered again")
            self._lose(sandbox, records)
        except FunctionError as error:
            self._report(f"{error}; its messages are delivered again")
            self.failures += 1
            self._give_back(records, seconds=_AGAIN_SECONDS)
        else:
            self.failures = 0
            self._delete(records, result)

    def _lose(self, sandbox: Sandbox, records: list[dict[str, Any]]) -> None:
        self._died(sandbox)
        self._give_back(records)

    def _receive(self) -> list[dict[str, Any]]:
        with self._receiving:
            if self._stopping.is_set() or not self._has_messages():
                return []
            answer = self._sqs.receive_message(
                QueueUrl=self._queue_url,
                MaxNumberOfMessages=self._source.batch_size,
                AttributeNames=["All"],
                MessageAttributeNames=["All"],
                WaitTimeSeconds=0,
            )
        return [self._record(message) for message in answer.get("Messages", [])]

    def _record(self, message: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": dict(message["Attributes"]),
            "messageAttributes": dict(message.get("MessageAttributes", {})),
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": self._arn,
            "awsRegion": REGION,
        }

    def _delete(self, records: list[dict[str, Any]], result: Any) -> None:  # noqa: ANN401
        failed = set()
        if self._source.partial_responses and isinstance(result, dict):
            failed = {
                failure["itemIdentifier"] for failure in result.get("batchItemFailures") or []
            }
        for record in records:
            if record["messageId"] in failed:
                self._report(
                    f"a message failed for the {record['attributes']['ApproximateReceiveCount']}. "
                    "time; it comes back when its handler has said, or else its visibility timeout"
                )
            else:
                self._sqs.delete_message(
                    QueueUrl=self._queue_url, ReceiptHandle=record["receiptHandle"]
                )

    def _give_back(self, records: list[dict[str, Any]], *, seconds: int = 0) -> None:
        for record in records:
            self._sqs.change_message_visibility(
                QueueUrl=self._queue_url,
                ReceiptHandle=record["receiptHandle"],
                VisibilityTimeout=seconds,
            )
