"""A deployed stack: its buckets, queues, outputs. Loads the AWS SDK, which takes its time."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from scatterfetch.jobs.aws_words import in_words
from scatterfetch.jobs.place import READERS
from scatterfetch.jobs.polled_queue import PolledQueue
from scatterfetch.project import Project
from scatterfetch.releases import FIRST
from shared.errors import InvalidJobError
from shared.keys import ticks_prefix
from shared.messages import Place, Tick, encode
from shared.queue import Message
from shared.store import Bucket

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client
    from types_boto3_sqs.client import SQSClient


class NoStackError(InvalidJobError):
    """There is no stack of this name, at least not here."""


@dataclass(frozen=True)
class Stack:
    """
    A deployed stack, by its outputs and parameters; see template.yaml.

    While it `is_changing`, they are those of before.
    """

    name: str
    session: boto3.Session
    outputs: Mapping[str, str]
    parameters: Mapping[str, str] = field(default_factory=dict)
    is_changing: bool = False

    def __str__(self) -> str:
        return f"the stack {self.name}"

    @property
    def release(self) -> str:
        """The release that was deployed."""
        return self.outputs.get("Release", FIRST)

    @cached_property
    def data(self) -> Bucket:
        return self._bucket("DataBucketName")

    def address(self, key: str) -> str:
        """Return where people find the object, or what is below a prefix."""
        return f"s3://{self.data.name}/{key}"

    def list_name(self, place: Place) -> str:
        """Return what people call a list."""
        return str(place)

    @cached_property
    def input(self) -> Bucket:
        return self._bucket("InputBucketName")

    def queue(self, output: str) -> PolledQueue:
        """Return the queue whose URL is the output of this name."""
        return PolledQueue(self.output(output), self._sqs)

    def look_soon(self, job: str) -> None:
        """
        Let the dispatcher look whether `job` is complete: at once, and again after growing times.

        Its own ticks may be a quarter of an hour apart, or have ended long ago. Those that are on
        their way end as copies of these.
        """
        ticks = (key.rpartition("/")[2] for key in self.data.keys(ticks_prefix(job)))
        number = max(map(int, ticks), default=-1) + 1
        tick = Tick(job=job, number=number, first=number)
        self.queue("DispatchQueueUrl").send([Message(encode(tick))])

    @cached_property
    def _s3(self) -> "S3Client":
        return self.session.client("s3", config=_config(max_pool_connections=READERS))

    @cached_property
    def _sqs(self) -> "SQSClient":
        return self.session.client("sqs", config=_config())

    def _bucket(self, output: str) -> Bucket:
        return Bucket(self.output(output), self._s3)

    def output(self, name: str) -> str:
        """
        Return an output of the stack.

        Raises:
            InvalidJobError: it has none of this name.
        """
        try:
            return self.outputs[name]
        except KeyError:
            raise InvalidJobError(
                f"the stack {self.name} has no output {name}: either it is none of scatterfetch's, "
                "or its deployment has not come to its end"
            ) from None


def open_stack(name: str, project: Project | None, *, patience: float | None = None) -> Stack:
    """
    Look the stack up, with the credentials, the region and the endpoint that the AWS CLI would use.

    Where that has no region, it is the one of the project. With `patience` AWS is asked once, for
    so many seconds, in place of five times for longer.

    Raises:
        NoStackError: there is no such stack.
        InvalidJobError: there is nobody to ask. The message says what to do.
    """
    try:
        # boto3 reads AWS_DEFAULT_REGION only, the AWS CLI this one first.
        region = os.environ.get("AWS_REGION") or (project and project.region) or None
        session = boto3.Session(region_name=region)
        try:
            cloudformation = session.client("cloudformation", config=_config(patience))
        except BotoCoreError:  # of which some are a ValueError, too
            raise
        except ValueError as error:
            problem = f"{error}; see AWS_ENDPOINT_URL"
            raise InvalidJobError(f"cannot look up the stack {name}: {problem}") from error
        try:
            [description] = cloudformation.describe_stacks(StackName=name)["Stacks"]
        finally:
            cloudformation.close()
    except (BotoCoreError, ClientError) as error:
        if "does not exist" in str(error) and isinstance(error, ClientError):
            raise NoStackError(
                f"there is no stack {name!r} in {session.region_name}; "
                "is it in another region (AWS_REGION) or account (AWS_PROFILE)?"
            ) from error
        problem = in_words(error)
        raise InvalidJobError(f"cannot look up the stack {name}: {problem}") from error
    outputs = {one["OutputKey"]: one["OutputValue"] for one in description.get("Outputs", [])}
    parameters = {
        one["ParameterKey"]: one["ParameterValue"] for one in description.get("Parameters", [])
    }
    is_changing = description["StackStatus"].endswith("_IN_PROGRESS")
    return Stack(name, session, outputs, parameters, is_changing)


def _config(patience: float | None = None, **more: Any) -> Config:  # noqa: ANN401 -- botocore's own
    return Config(
        connect_timeout=patience or 5,
        read_timeout=patience or 20,
        retries={"mode": "standard", "total_max_attempts": 1 if patience else 5},
        **more,
    )
