"""
What the embedded queues hold, which their API does not tell: all messages, and which are in hand.

Knows how moto keeps them.
"""

import time
from typing import Any

from moto.sqs import models as sqs_models

from scatterfetch.localcloud.template import ACCOUNT, REGION


def reset_queues() -> None:
    """Begin without queues, and have moto look at the clock as we need it."""
    sqs_models.sqs_backends.reset()
    # moto's takes 2 µs, and is asked about each message in a queue whenever one is sent.
    sqs_models.unix_time_millis = _now_ms  # type: ignore[attr-defined, assignment]
    # Released messages are visible at once. moto wants the time to have gone on since then, and
    # a float of it goes on in steps of 240 ns: half of them stayed in flight, and others of
    # their group were delivered before them.
    sqs_models.Message.visible = property(  # type: ignore[assignment, method-assign]
        lambda message: _now_ms() >= message.visible_at
    )


def messages_in(queue: str) -> list[str]:
    """Return the body of every message, delayed ones and those in hand as well."""
    return [message.body for message in _messages(queue)]


def messages_in_hand(queue: str) -> list[str]:
    """Return the body of every message that somebody has received and works on."""
    return [message.body for message in _messages(queue) if _is_in_hand(message)]


def has_visible(queue: str) -> bool:
    """Tell whether a message is neither delayed nor in hand."""
    return any(message.visible and not message.delayed for message in _messages(queue))


def has_message(queue: str) -> bool:
    """Tell whether there is a message that may be received: of a FIFO queue, of a free group."""
    locked = set()
    for message in _messages(queue):
        if _is_in_hand(message):
            locked.add(message.group_id)
        elif not message.delayed and (message.group_id is None or message.group_id not in locked):
            return True
    return False


def let_go(receipt_handles: set[str], seconds: float) -> None:
    """Have messages in hand received again in so many seconds."""
    for queue in sqs_models.sqs_backends[ACCOUNT][REGION].queues.values():
        for message in list(queue._messages):  # noqa: SLF001
            if message.receipt_handle in receipt_handles and not message.visible:
                message.visible_at = _now_ms() + 1000 * seconds


def _now_ms() -> float:
    return time.time() * 1000


def _messages(queue: str) -> list[Any]:
    queues = sqs_models.sqs_backends[ACCOUNT][REGION].queues
    return list(queues[queue]._messages) if queue in queues else []  # noqa: SLF001


def _is_in_hand(message: Any) -> bool:  # noqa: ANN401 -- moto's
    return bool(message.approximate_receive_count) and not message.visible
