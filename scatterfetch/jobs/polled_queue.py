"""A deployed queue as people handle it: received from, deleted from, moved, many at once."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from shared.errors import StorageError
from shared.queue import MAX_ENTRIES, Queue

NONE_SECONDS = 1
"""That a receive waits, so that none means that there are none: at once, SQS asks a few servers."""


class Received(NamedTuple):
    """A message as it was received; `sent_at` in epoch seconds."""

    id: str
    handle: str
    """Stands for this receipt of the message: it can be deleted with it."""
    body: str
    group: str | None
    sent_at: float


class PolledQueue(Queue):
    """One SQS queue, polled by hand."""

    def receive(self, *, hidden: int) -> list[Received]:
        """
        Receive up to `MAX_ENTRIES` messages; nobody else gets them for `hidden` seconds.

        None means that there are none.
        """
        with self._translated("receive from"):
            answer = self._sqs.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=MAX_ENTRIES,
                VisibilityTimeout=hidden,
                WaitTimeSeconds=NONE_SECONDS,
                AttributeNames=["MessageGroupId", "SentTimestamp"],
            )
        return [
            Received(
                message["MessageId"],
                message["ReceiptHandle"],
                message["Body"],
                message["Attributes"].get("MessageGroupId"),
                int(message["Attributes"]["SentTimestamp"]) / 1000,
            )
            for message in answer.get("Messages", [])
        ]

    def delete(self, handles: Sequence[str]) -> None:
        """Delete received messages; one that could not be deleted comes back."""
        for start in range(0, len(handles), MAX_ENTRIES):
            entries = [
                {"Id": str(number), "ReceiptHandle": handle}
                for number, handle in enumerate(handles[start : start + MAX_ENTRIES])
            ]
            with self._translated("delete from"):
                self._sqs.delete_message_batch(QueueUrl=self.url, Entries=entries)  # type: ignore[arg-type] # dicts

    def release(self, handles: Sequence[str]) -> None:
        """Let others see received messages at once."""
        for start in range(0, len(handles), MAX_ENTRIES):
            entries = [
                {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": 0}
                for number, handle in enumerate(handles[start : start + MAX_ENTRIES])
            ]
            with self._translated("release messages of"):
                self._sqs.change_message_visibility_batch(QueueUrl=self.url, Entries=entries)  # type: ignore[arg-type] # dicts

    def waiting(self) -> int:
        """Return about how many messages there are, hidden ones too."""
        names: list[Any] = [
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
        ]
        with self._translated("look at"):
            answer = self._sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)
        return sum(int(count) for count in answer["Attributes"].values())

    def move_all(self, target: "PolledQueue") -> int | None:
        """
        Let SQS move all messages of this dead-letter queue to `target`; return how many it moved.

        None if it does not want to: not all that speak SQS's language know how, and it takes a
        permission of its own.
        """
        source, destination = self.arn(), target.arn()
        try:
            self._sqs.start_message_move_task(SourceArn=source, DestinationArn=destination)
        except (BotoCoreError, ClientError):
            return None
        with self._translated("move messages of"):
            while True:
                answer = self._sqs.list_message_move_tasks(SourceArn=source, MaxResults=1)
                [task] = answer["Results"]
                if task["Status"] != "RUNNING":
                    break
                self._sleep(1.0)
        if task["Status"] != "COMPLETED":
            raise StorageError(
                f"moving messages of {self.url}: {task['Status']}: {task.get('FailureReason', '')}"
            )
        return task["ApproximateNumberOfMessagesMoved"]

    def arn(self) -> str:
        with self._translated("look at"):
            answer = self._sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])
        return answer["Attributes"]["QueueArn"]
