"""What template.yaml tells the functions through their environment."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

import msgspec
from msgspec import Meta, Struct

from shared.errors import InvalidJobError
from shared.lock import PARTITIONS

LEAST_MEMORY = 512
"""MB, of a worker: what its worst pages take is bounded from there on."""

QueueUrl = Annotated[str, Meta(pattern=r"^https?://")]


class _FunctionSettings(Struct, frozen=True, kw_only=True):
    """Each field is the environment variable of its name in upper case."""

    partitions: Annotated[int, Meta(ge=1, le=65_536)] = PARTITIONS
    """Only a local cloud, whose lock is its own, sets another number; see `shared.lock`."""

    @classmethod
    def from_env(cls, environment: Mapping[str, str]) -> Self:
        """
        Return the settings in `environment`.

        Raises:
            InvalidJobError: a variable is missing or makes no sense; the message names it.
        """
        names = {name: name.upper() for name in cls.__struct_fields__}
        given = {name: environment[var] for name, var in names.items() if var in environment}
        try:
            return msgspec.convert(given, cls, strict=False)
        except msgspec.ValidationError as error:
            raise InvalidJobError(
                f"the function's environment: {error}; see the Environment in template.yaml"
            ) from error


class DispatcherSettings(_FunctionSettings, frozen=True, kw_only=True):
    data_bucket: Annotated[str, Meta(min_length=3)]
    dispatch_queue_url: QueueUrl
    work_queue_url: QueueUrl
    wake_queue_url: QueueUrl
    worker_concurrency: Annotated[int, Meta(ge=0)]
    """Workers at most that Lambda runs; wakes beyond are not sent."""
    batch_size: Annotated[int, Meta(ge=1, le=500)]
    """Targets in one work message at most."""
    stall_minutes: Annotated[int, Meta(ge=1)]
    """A job without progress for as long is announced as stalled."""
    worker_memory: Annotated[int, Meta(ge=128)]
    """MB; for the estimate of what a job has cost."""
    architecture: Literal["arm64", "x86_64"]
    """For the same."""


class WorkerSettings(_FunctionSettings, frozen=True, kw_only=True):
    data_bucket: Annotated[str, Meta(min_length=3)]
    dispatch_queue_url: QueueUrl
    work_queue_url: QueueUrl
    wake_queue_url: QueueUrl
    dead_letter_queue_url: QueueUrl
    """Of the dispatch queue."""
    worker_concurrency: Annotated[int, Meta(ge=0)]
    """Workers at most that Lambda runs; without any, none are called."""
    worker_memory: Annotated[int, Meta(ge=LEAST_MEMORY)] = LEAST_MEMORY
    """MB; its bounds follow."""
    user_agent: Annotated[str, Meta(min_length=1)]
    connect_to: str = ""
    """See `functions.worker.transport.addresses.parse_connect_to`."""
    allow_private_networks: bool = False
    former_partitions: int | None = None
    """How many partitions the stack had under release 0.1, where their number was a parameter."""
