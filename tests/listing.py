"""
An S3 client with more objects than anybody would put: their keys are made when they are listed.

Does of S3 what `shared.store.Bucket` needs to close a job; `test_many_receipts.py` holds it against
a real S3 API.
"""

import heapq
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from itertools import islice
from typing import Any

from botocore.exceptions import ClientError

_PAGE = 1_000
_LAST = "\U0010ffff"


class Numbered(Sequence[str]):
    """So many keys in their order, each made from its number, but for the one that is `missing`."""

    def __init__(self, count: int, name: Callable[[int], str], missing: int | None = None) -> None:
        self._count = count if missing is None else count - 1
        self._name = name
        self._missing = count if missing is None else missing

    def __contains__(self, key: object) -> bool:
        number = bisect_right(self, str(key)) - 1
        return number >= 0 and self[number] == key

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number: Any) -> Any:
        if number >= self._count:
            raise IndexError(number)
        return self._name(number + (number >= self._missing))


class ListedS3:
    """
    An S3 client.

    Args:
        made: The keys of objects that are there without having been put.
        body: Of each of these.
        on_call: Is told of each call: `list`, `get` or `put`.
    """

    class exceptions:  # noqa: N801 -- as boto3 has it
        class NoSuchKey(ClientError):  # noqa: N818 -- likewise
            pass

    def __init__(
        self,
        made: Sequence[str],
        body: bytes,
        on_call: Callable[[str], None] = lambda _call: None,
    ) -> None:
        self._made = made
        self._body = body
        self._put: dict[str, bytes] = {}
        self._on_call = on_call

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: ARG002, N803
        self._on_call("get")
        body = self._put.get(Key)
        if body is None:
            if Key not in self._made:
                raise self.exceptions.NoSuchKey({"Error": {"Code": "NoSuchKey"}}, "GetObject")
            body = self._body
        return {"Body": BytesIO(body), "ETag": '"1"'}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, **condition: str) -> dict[str, str]:  # noqa: ARG002, N803
        self._on_call("put")
        if condition and Key in self._put:
            meta = {"HTTPStatusCode": 412}
            error: Any = {"Error": {"Code": "PreconditionFailed"}, "ResponseMetadata": meta}
            raise ClientError(error, "PutObject")
        self._put[Key] = Body
        return {"ETag": '"1"'}

    def get_paginator(self, _operation: str) -> "ListedS3":
        return self

    def paginate(
        self,
        *,
        Bucket: str,  # noqa: ARG002, N803
        Prefix: str,  # noqa: N803
        Delimiter: str = "",  # noqa: N803
        StartAfter: str = "",  # noqa: N803
    ) -> Iterator[dict[str, Any]]:
        entries = self._entries(Prefix, Delimiter, StartAfter)
        while True:
            some = list(islice(entries, _PAGE))
            self._on_call("list")
            yield {
                "Contents": [{"Key": entry} for entry, common in some if not common],
                "CommonPrefixes": [{"Prefix": entry} for entry, common in some if common],
            }
            if len(some) < _PAGE:
                return

    def _entries(self, prefix: str, delimiter: str, after: str) -> Iterator[tuple[str, bool]]:
        """Yield keys, and prefixes that keys have in common up to the delimiter, in order."""
        keys = self._behind(max(prefix, after))
        for key in keys:
            if not key.startswith(prefix):
                return
            end = key.find(delimiter, len(prefix)) if delimiter else -1
            if end < 0:
                yield key, False
                continue
            common = key[: end + len(delimiter)]
            yield common, True
            if common != key:  # others have it, too
                yield from self._entries(prefix, delimiter, common + _LAST)
                return

    def _behind(self, key: str) -> Iterator[str]:
        first = bisect_right(self._made, key)
        made = (self._made[number] for number in range(first, len(self._made)))
        return heapq.merge(made, sorted(put for put in self._put if put > key))
