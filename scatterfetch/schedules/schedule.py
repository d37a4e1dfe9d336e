"""A schedule: when it submits which list, and the message that it sends each time."""

import re
import uuid
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from functions.dispatcher.names import job_name, submitted_job
from scatterfetch.lists.url_list import UrlList
from scatterfetch.submission.request import inline_urls
from shared.errors import InvalidJobError
from shared.keys import scheduled_key
from shared.messages import Overlap, Place, Submit, decode_dispatch, encode
from shared.queue import Message
from shared.spec import Spec

if TYPE_CHECKING:
    from scatterfetch.jobs.stack import Stack

MAX_NAME = 64  # characters, EventBridge Scheduler's bound
_MAX_MESSAGE_BYTES = 200_000  # EventBridge Scheduler takes 256 KB
_TIME = "<aws.scheduler.scheduled-time>"
"""EventBridge Scheduler puts the time here for which it sends the message."""
_EXPRESSION = re.compile(r"(rate|cron|at)\(.+\)")
_NO_NAME = re.compile(r"[^0-9A-Za-z_.-]+")


class Schedule(Struct, frozen=True, kw_only=True):
    """A schedule of a stack."""

    name: str
    expression: str
    """As EventBridge Scheduler has it, e.g. `rate(1 day)`."""
    timezone: str
    """Of a `cron` or `at` expression, e.g. `Europe/Berlin`."""
    paused: bool = False
    """`Scheduler.add` leaves this as it was."""
    message: Submit
    """What it sends, with `_TIME` in the place of the time."""

    @property
    def source(self) -> str:
        """Return what is submitted, as people read it."""
        if self.message.list:
            return str(self.message.list)
        first, *others = self.message.urls or ("the spec's start",)
        return f"{first} and {len(others)} more" if others else first


def schedule_name(name: str) -> str:
    """Return what EventBridge Scheduler calls the schedule of jobs of this name."""
    return _NO_NAME.sub("-", name).strip("-")[-MAX_NAME:].strip("-") or "schedule"


def check_expression(expression: str) -> None:
    """
    Check the form of a schedule expression; EventBridge Scheduler checks what is in it.

    Raises:
        InvalidJobError: it has none of the three forms.
    """
    if not _EXPRESSION.fullmatch(expression):
        raise InvalidJobError(
            f"{expression!r} is not a schedule. Write rate(1 day), cron(0 6 * * ? *) or "
            "at(2026-12-24T18:00:00)"
        )


def names_of(source: Place | UrlList, name: str | None) -> tuple[str, str]:
    """
    Return what jobs of a source are called, the same each time, and what their schedule is.

    URLs are called after the first one's host: jobs of one website share a memory.
    """
    if name is None and isinstance(source, UrlList) and source.inline:
        with source.opened() as file:
            name = urlsplit(file.readline().decode().strip()).hostname
    name = name or job_name(source.key)
    return name, schedule_name(name)


def message_of(
    stack: "Stack", source: Place | UrlList, name: str, spec: Spec | None, overlap: Overlap
) -> Submit:
    """
    Return what the schedule of a source sends. A list of this machine is uploaded.

    Args:
        stack: Where it is to be sent.
        source: An object of the input bucket, or a list of this machine.
        name: What its jobs are called, the same each time.
        spec: None stands for the nearest `spec.yaml` of an object.
        overlap: What happens while the last job is not complete.

    Raises:
        InvalidJobError: it does not fit into a schedule.
        StorageError: S3 refused the list.
    """
    schedule = schedule_name(name)
    message = Submit(
        id=f"{schedule}/{_TIME}",
        name=name,
        spec=None if spec is None else msgspec.to_builtins(spec),
        overlap=overlap,
        at=_TIME,
    )
    if isinstance(source, Place):
        message = replace(message, list=source)
    elif source.inline:
        message = replace(message, urls=inline_urls(source))
    else:
        key = scheduled_key(schedule, source.key.rpartition("/")[2])
        with source.opened() as file:
            stack.input.put_versioned(key, file)
        # Of no version: each job reads the list as it is then.
        message = replace(message, list=Place(stack.input.name, key))
    if len(encode(message)) > _MAX_MESSAGE_BYTES:
        raise InvalidJobError(
            f"the URLs and the spec of {schedule} are more than {_MAX_MESSAGE_BYTES:,} bytes, "
            "which a schedule cannot hold: put the URLs into a file"
        )
    return message


def start_now(stack: "Stack", schedule: Schedule, *, now: datetime) -> str:
    """
    Start the job of a schedule at once; return its id.

    Raises:
        StorageError: AWS refused, and the job was most likely not started.
    """
    at = now.isoformat(timespec="seconds")
    request = replace(schedule.message, id=uuid.uuid4().hex, at=at)
    stack.queue("DispatchQueueUrl").send([Message(encode(request))])
    return submitted_job(request, "")


def decode_message(body: str) -> Submit | None:
    """Return the message of a schedule; None if somebody else has written another one."""
    try:
        [message] = decode_dispatch(body)
    except (InvalidJobError, ValueError):
        return None
    return message if isinstance(message, Submit) else None
