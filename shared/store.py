"""S3, and the only module that speaks to it. Every refusal becomes a `StorageError`."""

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from http import HTTPStatus
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    ParamValidationError,
)

from shared.clients import new_client
from shared.errors import InvalidJobError, StorageError

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client
    from types_boto3_s3.type_defs import (
        ListObjectsV2OutputTypeDef,
        ListObjectsV2RequestPaginateTypeDef,
    )

    from shared.messages import Place

_CONFLICT_TRIES = 6  # with the pauses in between, 3 s
_CONFLICT_FIRST = 0.1  # seconds; doubled for each further try
_READERS = 16  # threads, each with its connection
_MISSING = {"NoSuchKey", "404", "NoSuchBucket", "NoSuchVersion"}


class ObjectHead(NamedTuple):
    """An object, without its body; `size` in bytes."""

    size: int
    etag: str
    version: str | None
    """None in a bucket without versions."""


@cache
def s3_client() -> "S3Client":
    """Return this process's client: made once, used by every invocation."""
    client: S3Client = new_client("s3", connections=_READERS)
    return client


class Bucket:
    """One S3 bucket."""

    def __init__(
        self,
        name: str,
        client: "S3Client | None" = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name = name
        self._s3 = client or s3_client()
        self._sleep = sleep

    def get(self, key: str) -> bytes | None:
        """Return the object's body, or None if there is no such object."""
        found = self.get_versioned(key)
        return None if found is None else found[0]

    def put(self, key: str, body: bytes) -> None:
        """Write the object, over one that is there."""
        with _translated(f"put s3://{self.name}/{key}"):
            self._s3.put_object(Bucket=self.name, Key=key, Body=body)

    def put_versioned(self, key: str, body: bytes | BinaryIO) -> str | None:
        """
        Write the object; return its version, or None in a bucket without versions.

        A file is sent as it is read, up to the 5 GB that S3 takes at once.
        """
        with _translated(f"put s3://{self.name}/{key}"):
            answer = self._s3.put_object(Bucket=self.name, Key=key, Body=body)
        return answer.get("VersionId")

    def put_new(self, key: str, body: bytes) -> bool:
        """
        Write the object unless there is one already; tell whether it was written.

        False may also mean that the SDK repeated a call which had worked: who must know reads
        what is there.
        """
        return self._put_if(key, body, IfNoneMatch="*") is not None

    def get_versioned(self, key: str) -> tuple[bytes, str] | None:
        """Return the object's body and its etag, or None if there is no such object."""
        with _translated(f"get s3://{self.name}/{key}"):
            try:
                answer = self._s3.get_object(Bucket=self.name, Key=key)
                return answer["Body"].read(), answer["ETag"]
            except self._s3.exceptions.NoSuchKey:
                return None

    def put_over(self, key: str, body: bytes, *, etag: str | None) -> str | None:
        """
        Write the object if it still is what `etag` stands for (None: not there).

        Returns the new etag. None means that somebody else has written it meanwhile, or that the
        SDK repeated a call which had worked.
        """
        if etag is None:
            return self._put_if(key, body, IfNoneMatch="*")
        return self._put_if(key, body, IfMatch=etag)

    def _put_if(self, key: str, body: bytes, **condition: str) -> str | None:
        """Return the etag, or None where the condition does not hold."""
        with _translated(f"put s3://{self.name}/{key}"):
            for attempt in range(_CONFLICT_TRIES):
                try:
                    answer = self._s3.put_object(
                        Bucket=self.name,
                        Key=key,
                        Body=body,
                        **condition,  # type: ignore[arg-type] # of str it sees object
                    )
                except ClientError as error:
                    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
                    gone = error.response["Error"].get("Code") == "NoSuchKey"
                    if status == HTTPStatus.PRECONDITION_FAILED or gone:
                        return None
                    if status != HTTPStatus.CONFLICT:  # somebody else writes it now
                        raise
                else:
                    return answer.get("ETag", "")
                if attempt + 1 < _CONFLICT_TRIES:
                    self._sleep(_CONFLICT_FIRST * 2**attempt)
        raise StorageError(
            f"put s3://{self.name}/{key}: somebody else was writing it, "
            f"{_CONFLICT_TRIES} times in a row"
        )

    def get_all(self, keys: Iterable[str]) -> Iterator[tuple[str, bytes | None]]:
        """Yield each key with what `get` returns for it, in order; several are read at once."""
        waiting = iter(keys)
        with ThreadPoolExecutor(_READERS) as pool:
            while some := list(islice(waiting, 4 * _READERS)):
                yield from zip(some, pool.map(self.get, some), strict=True)

    def keys(self, prefix: str, *, end: str = "", after: str = "") -> Iterator[str]:
        """
        Yield the keys that start with `prefix`, in order; 1,000 a call.

        With an `end`, those that end with it cost less, and must have it nowhere else. With
        `after`, which need not be a key, those that come behind it.
        """
        for page in self._listed(prefix, end, after):
            found = [entry["Key"] for entry in page.get("Contents", [])]
            common = [entry["Prefix"] for entry in page.get("CommonPrefixes", [])]
            yield from sorted([*found, *common]) if found and common else found or common

    def sizes(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Yield the keys that start with `prefix`, in order, each with its object's bytes."""
        for page in self._listed(prefix, "", ""):
            for entry in page.get("Contents", []):
                yield entry["Key"], entry["Size"]

    def folders(self, prefix: str) -> Iterator[str]:
        """Yield the names that follow `prefix` up to a slash, in order; 1,000 a call."""
        for page in self._listed(prefix, "/", ""):
            for common in page.get("CommonPrefixes", []):
                yield common["Prefix"].removeprefix(prefix).rstrip("/")

    def _listed(
        self, prefix: str, delimiter: str, after: str
    ) -> "Iterator[ListObjectsV2OutputTypeDef]":
        request: ListObjectsV2RequestPaginateTypeDef = {"Bucket": self.name, "Prefix": prefix}
        if after:
            request["StartAfter"] = after
        if delimiter:
            request["Delimiter"] = delimiter
        with _translated(f"list s3://{self.name}/{prefix}"):
            yield from self._s3.get_paginator("list_objects_v2").paginate(**request)


def head(place: "Place", client: "S3Client | None" = None) -> ObjectHead:
    """
    Return size, etag and version of the object at `place`.

    Raises:
        InvalidJobError: there is none.
    """
    s3 = client or s3_client()
    with _translated(f"head {place}"):
        try:
            answer = (
                s3.head_object(Bucket=place.bucket, Key=place.key, VersionId=place.version)
                if place.version
                else s3.head_object(Bucket=place.bucket, Key=place.key)
            )
        except ClientError as error:
            if error.response["Error"]["Code"] in _MISSING:
                raise InvalidJobError(
                    f"there is no {place}; was it deleted, or is its name misspelt?"
                ) from error
            raise
        return ObjectHead(answer["ContentLength"], answer["ETag"], answer.get("VersionId"))


def read_from(
    place: "Place", start: int, *, etag: str, client: "S3Client | None" = None
) -> Iterator[bytes]:
    """
    Yield the object's bytes from `start` on, as a stream; the caller stops when it has enough.

    Raises:
        InvalidJobError: the object is gone, or is another than the one `etag` stands for.
    """
    s3 = client or s3_client()
    name = str(place)
    with _translated(f"get {name}"):
        try:
            version = {"VersionId": place.version} if place.version else {}
            answer = s3.get_object(
                Bucket=place.bucket,
                Key=place.key,
                Range=f"bytes={start}-",
                IfMatch=etag,
                **version,  # type: ignore[arg-type] # of str | None it sees object
            )
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _MISSING:
                raise InvalidJobError(f"there is no {name} any more") from error
            if code == "PreconditionFailed":
                raise InvalidJobError(
                    f"{name} was overwritten while it was read; its new content is a job of its own"
                ) from error
            raise
        body = answer["Body"]
        try:
            yield from body.iter_chunks(256 * 1024)
        finally:
            body.close()


@contextmanager
def _translated(what: str) -> Iterator[None]:
    try:
        yield
    except ParamValidationError as error:
        raise InvalidJobError(f"{what}: no bucket or object in it is called so") from error
    except (BotoCoreError, ClientError, HTTPClientError) as error:
        raise StorageError(f"{what}: {error}") from error
