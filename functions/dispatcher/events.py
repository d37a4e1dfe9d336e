"""EventBridge, and the only module that speaks to it. Every refusal becomes a `StorageError`."""

from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from shared.clients import new_client
from shared.errors import StorageError

if TYPE_CHECKING:
    from types_boto3_events.client import EventBridgeClient

SOURCE = "scatterfetch"


@cache
def events_client() -> "EventBridgeClient":
    """Return this process's client: made when the first job ends, used by every invocation."""
    client: EventBridgeClient = new_client("events")
    return client


def announce(what: str, facts: dict[str, Any], client: "EventBridgeClient | None" = None) -> None:
    """
    Put an event on the account's default bus.

    Args:
        what: The detail-type, which rules ask for.
        facts: The detail; plain data.
        client: To be used in place of the process's.

    Raises:
        StorageError: EventBridge did not take it.
    """
    detail = msgspec.json.encode(facts).decode()
    try:
        answer = (client or events_client()).put_events(
            Entries=[{"Source": SOURCE, "DetailType": what, "Detail": detail}]
        )
    except (BotoCoreError, ClientError) as error:
        raise StorageError(f"the event {what!r}: {error}") from error
    if answer["FailedEntryCount"]:
        [entry] = answer["Entries"]
        raise StorageError(
            f"the event {what!r}: {entry.get('ErrorCode')}: {entry.get('ErrorMessage')}"
        )
