"""EventBridge Scheduler, and the only module that speaks to it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from scatterfetch.jobs.aws_words import in_words
from scatterfetch.schedules.schedule import Schedule, decode_message
from shared.errors import InvalidJobError, StorageError
from shared.messages import encode

if TYPE_CHECKING:
    from scatterfetch.jobs.stack import Stack

_RETRY = {"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 10}
"""Older, and the list is better left to the next time."""
_KEPT = ("ScheduleExpression", "ScheduleExpressionTimezone", "FlexibleTimeWindow", "Target")


class Scheduler:
    """
    The schedules of a stack, in the stack's own group.

    Every method raises `InvalidJobError` if there is no such schedule, or AWS finds something
    wrong with it, and `StorageError` if AWS refuses for another reason.
    """

    def __init__(self, stack: "Stack") -> None:
        if "ScheduleGroupName" not in stack.outputs:
            raise InvalidJobError(f"{stack} has no schedules: deploy this release to it")
        self._stack = stack
        self._group = stack.output("ScheduleGroupName")
        self._client: Any = stack.session.client("scheduler")  # no types of it are installed

    def add(self, schedule: Schedule, *, over: bool) -> None:
        """
        Add a schedule; one of its name is an error, or is overwritten if `over`.

        One that is overwritten stays paused, if it was.
        """
        request: dict[str, Any] = {
            "Name": schedule.name,
            "GroupName": self._group,
            "ScheduleExpression": schedule.expression,
            "ScheduleExpressionTimezone": schedule.timezone,
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": {
                "Arn": self._stack.output("DispatchQueueArn"),
                "RoleArn": self._stack.output("ScheduleRoleArn"),
                "Input": encode(schedule.message),
                "RetryPolicy": _RETRY,
            },
        }
        with self._translated(schedule.name):
            if over and self.has(schedule.name):
                there = self._client.get_schedule(Name=schedule.name, GroupName=self._group)
                self._client.update_schedule(**request, State=there["State"])
            else:
                self._client.create_schedule(**request)

    def has(self, name: str) -> bool:
        """Tell whether there is a schedule of this name."""
        return name in self._names()

    def find(self, name: str) -> Schedule:
        """Return the schedule of this name."""
        with self._translated(name):
            answer = self._client.get_schedule(Name=name, GroupName=self._group)
        found = _schedule(answer)
        if found is None:
            raise InvalidJobError(f"the schedule {name} does not submit a list: others made it")
        return found

    def all(self) -> Iterator[Schedule | str]:
        """Yield the schedules by name; of one that submits no list, only the name."""
        for name in sorted(self._names()):
            with self._translated(name):
                answer = self._client.get_schedule(Name=name, GroupName=self._group)
            yield _schedule(answer) or name

    def remove(self, name: str) -> None:
        """Remove the schedule. Its jobs go on."""
        with self._translated(name):
            self._client.delete_schedule(Name=name, GroupName=self._group)

    def pause(self, name: str, *, paused: bool) -> None:
        """Let a schedule start no jobs, or let it start jobs again."""
        with self._translated(name):
            answer = self._client.get_schedule(Name=name, GroupName=self._group)
            kept = {key: answer[key] for key in _KEPT}
            state = "DISABLED" if paused else "ENABLED"
            self._client.update_schedule(Name=name, GroupName=self._group, State=state, **kept)

    def _names(self) -> list[str]:
        with self._translated("of this stack"):
            pages = self._client.get_paginator("list_schedules").paginate(GroupName=self._group)
            return [one["Name"] for page in pages for one in page["Schedules"]]

    @contextmanager
    def _translated(self, name: str) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            code = error.response["Error"].get("Code")
            if code == "ConflictException":
                raise InvalidJobError(
                    f"there is a schedule {name} already: overwrite it with --replace, or give "
                    "this one another --name"
                ) from error
            if code == "ResourceNotFoundException":
                raise InvalidJobError(
                    f"there is no schedule {name}; "
                    f"`scatterfetch schedule list --stack {self._stack.name}` lists them"
                ) from error
            kind = InvalidJobError if code == "ValidationException" else StorageError
            raise kind(f"the schedule {name}: {in_words(error)}") from error
        except BotoCoreError as error:
            raise StorageError(f"the schedule {name}: {in_words(error)}") from error


def _schedule(answer: Mapping[str, Any]) -> Schedule | None:
    message = decode_message(answer["Target"].get("Input", ""))
    if message is None:
        return None
    return Schedule(
        name=answer["Name"],
        expression=answer["ScheduleExpression"],
        timezone=answer.get("ScheduleExpressionTimezone", "UTC"),
        paused=answer.get("State") == "DISABLED",
        message=message,
    )
