"""Who is told what becomes of batches."""

from collections.abc import Mapping
from typing import Protocol

from functions.worker.work import Delivery, Worked
from shared.messages import Batch


class Report(Protocol):
    """Is told what becomes of batches."""

    def begun(self, delivery: Delivery) -> None:
        """Take note that a batch is in hand; one of the next two follows."""

    def outcome(self, batch: Batch, counts: Mapping[str, int]) -> None:
        """Take note of an outcome that is not committed yet, by the counts of all so far."""

    def done(self, delivery: Delivery, worked: Worked) -> None:
        """Take note that a batch is concluded and acknowledged."""

    def failed(self, delivery: Delivery, error: Exception) -> None:
        """Take note that a batch is not, and will be delivered again."""

    def trouble(self, error: Exception) -> None:
        """Take note of what concerns no batch: a message that is none, a queue that is silent."""
