"""
Where jobs live: in a deployed stack, or in a folder that `scatterfetch run` has written.

The only module that knows the difference. The folder mirrors the data bucket, so both are read
in the same way, as `Data`.
"""

import argparse
import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from scatterfetch.project import find_project
from scatterfetch.releases import FIRST
from shared.errors import InvalidJobError
from shared.keys import JOBS, ticks_prefix

if TYPE_CHECKING:
    import boto3
    from types_boto3_s3.client import S3Client
    from types_boto3_sqs.client import SQSClient

    from shared.messages import Place
    from shared.queue import Queue
    from shared.store import Bucket

_LOCK = ".lock"
DEFAULT_FOLDER = "out"
READERS = 16
"""Objects that are read at once."""


class Data(Protocol):
    """The data bucket, as `shared.store.Bucket` has it."""

    def get(self, key: str) -> bytes | None: ...
    def keys(self, prefix: str, *, end: str = "") -> Iterator[str]: ...
    def folders(self, prefix: str) -> Iterator[str]: ...
    def sizes(self, prefix: str) -> Iterator[tuple[str, int]]: ...


class Folder:
    """The data bucket of local runs. Unlike a bucket's, its prefixes end with a slash."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __str__(self) -> str:
        return str(self.path)

    @property
    def data(self) -> Data:
        return self

    @property
    def is_in_use(self) -> bool:
        """Whether a run is writing to it."""
        try:
            with (self.path / _LOCK).open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def address(self, key: str) -> str:
        """Return where people find the object, or what is below a prefix."""
        return f"{self.path}/{key}"

    def list_name(self, place: "Place") -> str:
        """Return what people call a list; the bucket that it was in is gone with the run."""
        return place.key

    def get(self, key: str) -> bytes | None:
        try:
            return (self.path / key).read_bytes()
        except FileNotFoundError:
            return None

    def keys(self, prefix: str, *, end: str = "") -> Iterator[str]:  # noqa: ARG002 -- a bucket's
        for path in sorted((self.path / prefix).rglob("[!.]*")):
            if path.is_file():
                yield path.relative_to(self.path).as_posix()

    def sizes(self, prefix: str) -> Iterator[tuple[str, int]]:
        for key in self.keys(prefix):
            yield key, (self.path / key).stat().st_size

    def folders(self, prefix: str) -> Iterator[str]:
        for path in sorted((self.path / prefix).glob("*/")):
            yield path.name


@dataclass(frozen=True)
class Stack:
    """A deployed stack, by its outputs and parameters; see template.yaml."""

    name: str
    session: "boto3.Session"
    outputs: Mapping[str, str]
    parameters: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"the stack {self.name}"

    @property
    def release(self) -> str:
        """The release that was deployed."""
        return self.outputs.get("Release", FIRST)

    @cached_property
    def data(self) -> "Bucket":
        return self._bucket("DataBucketName")

    def address(self, key: str) -> str:
        """Return where people find the object, or what is below a prefix."""
        return f"s3://{self.data.name}/{key}"

    def list_name(self, place: "Place") -> str:
        """Return what people call a list."""
        return str(place)

    @cached_property
    def input(self) -> "Bucket":
        return self._bucket("InputBucketName")

    def queue(self, output: str) -> "Queue":
        """Return the queue whose URL is the output of this name."""
        from shared.queue import Queue  # noqa: PLC0415

        return Queue(self._output(output), self._sqs)

    def look_soon(self, job: str) -> None:
        """
        Let the dispatcher look whether `job` is complete: at once, and again after growing times.

        Its own ticks may be a quarter of an hour apart, or have ended long ago. Those that are on
        their way end as copies of these.
        """
        from shared.messages import Tick, encode  # noqa: PLC0415
        from shared.queue import Message  # noqa: PLC0415

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

    def _bucket(self, output: str) -> "Bucket":
        from shared.store import Bucket  # noqa: PLC0415

        return Bucket(self._output(output), self._s3)

    def _output(self, name: str) -> str:
        try:
            return self.outputs[name]
        except KeyError:
            raise InvalidJobError(
                f"the stack {self.name} has no output {name}: either it is none of scatterfetch's, "
                "or its deployment has not come to its end"
            ) from None


def open_stack(name: str) -> Stack:
    """
    Look the stack up, with the credentials, the region and the endpoint that the AWS CLI would use.

    Raises:
        InvalidJobError: there is no such stack, or nobody to ask. The message says what to do.
    """
    import boto3  # noqa: PLC0415 -- --help need not wait for it
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError  # noqa: PLC0415

    try:
        # boto3 reads AWS_DEFAULT_REGION only, the AWS CLI this one first.
        project = find_project()
        region = os.environ.get("AWS_REGION") or (project and project.region) or None
        session = boto3.Session(region_name=region)
        cloudformation = session.client("cloudformation", config=_config())
        try:
            [description] = cloudformation.describe_stacks(StackName=name)["Stacks"]
        finally:
            cloudformation.close()
    except NoCredentialsError as error:
        raise InvalidJobError(
            "there are no AWS credentials; set AWS_PROFILE, or run `aws configure` or `aws login`"
        ) from error
    except ClientError as error:
        if "does not exist" in error.response["Error"].get("Message", ""):
            raise InvalidJobError(
                f"there is no stack {name!r} in {session.region_name}; "
                "is it in another region (AWS_REGION) or account (AWS_PROFILE)?"
            ) from error
        raise InvalidJobError(f"cannot look up the stack {name}: {error}") from error
    except BotoCoreError as error:
        raise InvalidJobError(f"cannot look up the stack {name}: {error}") from error
    outputs = {one["OutputKey"]: one["OutputValue"] for one in description.get("Outputs", [])}
    parameters = {
        one["ParameterKey"]: one["ParameterValue"] for one in description.get("Parameters", [])
    }
    return Stack(name, session, outputs, parameters)


def open_folder(path: Path) -> Folder:
    """
    Raises:
        InvalidJobError: no run has written there.
    """
    if not (path / JOBS).is_dir():
        what = "has no jobs" if path.is_dir() else "is no folder"
        raise InvalidJobError(
            f"{path} {what}; name the folder that `scatterfetch run` was given as --out, "
            "or a stack with --stack"
        )
    return Folder(path)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """
    Keep other runs out of `folder`, which is made where it is not there.

    Raises:
        InvalidJobError: one is there, or it cannot be a folder.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise InvalidJobError(f"{folder} is no folder; name another one with --out") from None
    with (folder / _LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InvalidJobError(
                f"another run is writing to {folder}; wait for it, or use another --out"
            ) from None
        yield


def add_place(command: argparse.ArgumentParser) -> None:
    """Let `command` take a folder or a stack; see `open_place`."""
    command.add_argument(
        "folder",
        nargs="?",
        type=Path,
        metavar="DIR",
        help=f"the --out of a local run (default: {DEFAULT_FOLDER})",
    )
    add_stack(command)


def add_stack(command: argparse.ArgumentParser, *, required: bool = False) -> None:
    """Let `command` take a stack; where it needs one, the project's is the default."""
    default = "; default: stack in scatterfetch.toml" if required else ""
    command.add_argument(
        "--stack",
        metavar="NAME",
        help="a deployed stack, found as the AWS CLI would (AWS_PROFILE, AWS_REGION, ...)"
        f"{default}",
    )


def chosen_stack(args: argparse.Namespace) -> Stack:
    """
    Return the stack that a command is about which needs one.

    Raises:
        InvalidJobError: neither the arguments nor the project name one, or see `open_stack`.
    """
    project = find_project()
    name = args.stack or (project and project.stack)
    if not name:
        raise InvalidJobError("name a stack with --stack, or as `stack` in scatterfetch.toml")
    return open_stack(name)


def open_place(args: argparse.Namespace) -> Folder | Stack:
    """Return what the arguments of `add_place` stand for."""
    if args.stack is None:
        return open_folder(args.folder or Path(DEFAULT_FOLDER))
    if args.folder is not None:
        raise InvalidJobError(f"jobs are in {args.folder} or in the stack {args.stack}: name one")
    return open_stack(args.stack)


def place_option(place: Folder | Stack) -> str:
    """Return the argument that stands for `place` on the command line."""
    return f"--stack {place.name}" if isinstance(place, Stack) else str(place.path)


def _config(**more: Any) -> Any:  # noqa: ANN401 -- botocore's Config has no types
    from botocore.config import Config  # noqa: PLC0415

    return Config(
        connect_timeout=5,
        read_timeout=20,
        retries={"mode": "standard", "total_max_attempts": 5},
        **more,
    )
