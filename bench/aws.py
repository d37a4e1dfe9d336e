"""
S3 and SQS at next to no cost, for what the functions ask of them: `python -m bench.aws [DIR]`.

Prints its port. moto's server takes 25 ms for what a worker does in one; this answers the same
calls as AWS does (tests/integration/test_bench.py has both side by side) and keeps objects in
memory, but that those of the bucket `lists` are the files of DIR. Any other bucket exists, and so
does any queue; sent messages are counted, summed up and forgotten. GET /counts tells. Only the
queue `kept.fifo` keeps them and gives them to workers.
"""

import asyncio
import hashlib
import json
import sys
import uuid
from collections import deque
from collections.abc import Awaitable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, cast
from urllib.parse import parse_qs, quote, unquote

_STATUSES = {
    200: "OK",
    206: "Partial Content",
    400: "Bad Request",
    404: "Not Found",
    412: "Precondition Failed",
    501: "Not Implemented",
}
_MODIFIED = "<LastModified>2026-11-21T00:00:00.000Z</LastModified>"
_NO_SUCH_KEY = "The specified key does not exist."
_PRECONDITION = "At least one of the pre-conditions you specified did not hold"


def worker_environment(endpoint: str) -> dict[str, str]:
    """Return the environment of a worker that takes `endpoint` for AWS."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_LAMBDA_FUNCTION_NAME": "worker",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "AWS_LAMBDA_LOG_GROUP_NAME": "worker",
        "AWS_LAMBDA_LOG_STREAM_NAME": "bench",
        "SCATTERFETCH_FUNCTION_ARN": "arn:aws:lambda:us-east-1:1:function:worker",
        "DATA_BUCKET": "data",
        "DISPATCH_QUEUE_URL": f"{endpoint}/1/dispatch",
        "WORK_QUEUE_URL": f"{endpoint}/1/work.fifo",
        "WAKE_QUEUE_URL": f"{endpoint}/1/wake",
        "WORKER_CONCURRENCY": "1",
        "DEAD_LETTER_QUEUE_URL": f"{endpoint}/1/dead",
        "PARTITIONS": "1",  # of one partition are all hosts of a benchmark
        "USER_AGENT": "bench/1.0 (+https://bench.example/bot)",
        "ALLOW_PRIVATE_NETWORKS": "true",
        "MALLOC_ARENA_MAX": "1",  # the template's
    }


KEPT = "kept.fifo"


class _Kept:
    """
    The messages of a FIFO queue: one of a group at a time, each in the hands of one receiver.

    No receipt ends by itself, since nobody dies here.
    """

    def __init__(self) -> None:
        self._groups: dict[str, deque[dict[str, Any]]] = {}
        self._free: deque[str] = deque()
        self._in_hand: dict[str, str] = {}
        self._news = asyncio.Event()

    def send(self, entry: dict[str, str]) -> None:
        group = entry["MessageGroupId"]
        messages = self._groups.setdefault(group, deque())
        body = entry["MessageBody"]
        name = str(uuid.uuid4())
        attributes = {"ApproximateReceiveCount": "1", "MessageGroupId": group}
        messages.append(
            {
                "MessageId": name,
                "ReceiptHandle": name,
                "Body": body,
                "MD5OfBody": _md5(body.encode()),
                "Attributes": attributes,
            }
        )
        if len(messages) == 1:
            self._free.append(group)
        self._news.set()

    async def receive(self, seconds: float) -> dict[str, Any]:
        """Wait for a message as long as there may come one, and for so many seconds at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._groups and not self._free:
                    self._news.clear()
                    await self._news.wait()
        if not self._free:
            return {}
        group = self._free.popleft()
        message = self._groups[group][0]
        self._in_hand[message["ReceiptHandle"]] = group
        return {"Messages": [message]}

    def delete(self, handle: str) -> None:
        group = self._in_hand.pop(handle)
        self._groups[group].popleft()
        if self._groups[group]:
            self._free.append(group)
        else:
            del self._groups[group]
        self._news.set()


class Aws:
    """All buckets and queues. A file of `lists` has its size for its ETag."""

    def __init__(self, lists: Path | None) -> None:
        self._lists = lists
        self._bodies: dict[str, bytes] = {}
        self._messages = self._targets = self._sum = 0
        self._kept = _Kept()

    def answer(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> "bytes | _Part | Awaitable[bytes]":
        """Return the answer to a request, at once or later, or which part of a file it is."""
        if target := headers.get("x-amz-target"):
            return self._sqs(target.partition(".")[2], body)
        if path == "/counts":
            return _http(200, json.dumps(self._counts()).encode())
        key = unquote(path.partition("?")[0])
        if method == "PUT":
            return self._put(key, headers, body)
        if method == "GET" and "list-type=2" in path:
            return self._list(path)
        if method == "GET":
            return self._get(key, headers)
        return _error(501, "NotImplemented", method)

    def _get(self, key: str, headers: dict[str, str]) -> "bytes | _Part":
        if self._lists and key.startswith("/lists/"):
            return _part(self._lists / key.removeprefix("/lists/"), headers)
        found = self._bodies.get(key)
        if found is None:
            return _error(404, "NoSuchKey", _NO_SUCH_KEY)
        return _http(200, found, f"ETag: {_etag(found)}\r\nContent-Type: binary/octet-stream\r\n")

    def _list(self, path: str) -> bytes:
        bucket, _, query = path.partition("?")
        asked = parse_qs(query)
        start = len(bucket) + 1
        prefix, end = (asked.get(name, [""])[0] for name in ("prefix", "delimiter"))
        keys = [key[start:] for key in self._bodies if key.startswith(f"{bucket}/{prefix}")]
        found = {_common(key, len(prefix), end) for key in keys}
        entries = "".join(
            f"<CommonPrefixes><Prefix>{quote(key)}</Prefix></CommonPrefixes>"
            if is_prefix
            else f"<Contents><Key>{quote(key)}</Key>{_MODIFIED}</Contents>"
            for key, is_prefix in sorted(found)
        )
        # All at once, where AWS has pages of 1,000: nobody here has as many.
        body = f"<ListBucketResult><EncodingType>url</EncodingType>{entries}</ListBucketResult>"
        return _http(200, body.encode(), "Content-Type: application/xml\r\n")

    def _put(self, key: str, headers: dict[str, str], body: bytes) -> bytes:
        found = self._bodies.get(key)
        if headers.get("if-none-match") == "*" and found is not None:
            return _error(412, "PreconditionFailed", _PRECONDITION)
        if (etag := headers.get("if-match")) is not None:
            if found is None:
                return _error(404, "NoSuchKey", _NO_SUCH_KEY)
            if _etag(found) != etag:
                return _error(412, "PreconditionFailed", _PRECONDITION)
        self._bodies[key] = body
        return _http(200, b"", f"ETag: {_etag(body)}\r\n")

    def _sqs(self, operation: str, body: bytes) -> "bytes | Awaitable[bytes]":
        call = json.loads(body)
        is_kept = call["QueueUrl"].endswith(f"/{KEPT}")
        answer: dict[str, object] = {}
        if operation == "SendMessageBatch":
            if is_kept:
                for entry in call["Entries"]:
                    self._kept.send(entry)
            answer = {"Successful": [self._sent(entry) for entry in call["Entries"]]}
        elif operation == "ChangeMessageVisibilityBatch":
            answer = {"Successful": [{"Id": entry["Id"]} for entry in call["Entries"]]}
        elif operation == "ReceiveMessage" and is_kept:
            return self._received(call["WaitTimeSeconds"])
        elif operation == "DeleteMessage" and is_kept:
            self._kept.delete(call["ReceiptHandle"])
        elif operation not in {"ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility"}:
            return _http(400, json.dumps({"__type": "UnsupportedOperation"}).encode())
        return _json(answer)

    async def _received(self, seconds: float) -> bytes:
        return _json(await self._kept.receive(seconds))

    def _sent(self, entry: dict[str, str]) -> dict[str, str]:
        body = entry["MessageBody"].encode()
        identity = entry.get("MessageDeduplicationId", "").encode()
        digest = hashlib.sha256(identity + body).digest()
        self._messages += 1
        self._targets += body.count(b'{"url":')
        self._sum = (self._sum + int.from_bytes(digest, "big")) % 2**256
        return {
            "Id": entry["Id"],
            "MessageId": str(uuid.uuid4()),
            "MD5OfMessageBody": _md5(body),
            "SequenceNumber": str(10**19 + self._messages),
        }

    def _counts(self) -> dict[str, object]:
        """Return what was sent since the last time, with a sum that does not know of order."""
        counts = {"messages": self._messages, "targets": self._targets, "sum": f"{self._sum:064x}"}
        self._messages = self._targets = self._sum = 0
        self._bodies = {}
        return counts


class _Part(NamedTuple):
    """The head of an answer, and the file that is its body from a byte on."""

    head: bytes
    path: Path
    start: int


def _part(path: Path, headers: dict[str, str]) -> bytes | _Part:
    """Answer a request for `path`, or for what it holds from a byte on."""
    if not path.is_file():
        return _error(404, "NoSuchKey", _NO_SUCH_KEY)
    size = path.stat().st_size
    etag = f'"{size}"'
    if headers.get("if-match", etag) != etag:
        return _error(412, "PreconditionFailed", _PRECONDITION)
    start = int(headers.get("range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
    more = f"ETag: {etag}\r\nContent-Range: bytes {start}-{size - 1}/{size}\r\n"
    return _Part(_head(206 if "range" in headers else 200, size - start, more), path, start)


def _common(key: str, begin: int, delimiter: str) -> tuple[str, bool]:
    """Return what a LIST has of `key`, and whether that is a prefix which others may have too."""
    end = key.find(delimiter, begin) if delimiter else -1
    return (key, False) if end < 0 else (key[: end + len(delimiter)], True)


def _md5(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def _etag(body: bytes) -> str:
    return f'"{_md5(body)}"'


def _error(status: int, code: str, message: str) -> bytes:
    text = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return _http(status, text.encode(), "Content-Type: application/xml\r\n")


def _json(answer: dict[str, Any]) -> bytes:
    return _http(200, json.dumps(answer).encode(), "Content-Type: application/x-amz-json-1.0\r\n")


def _http(status: int, body: bytes, headers: str = "") -> bytes:
    return _head(status, len(body), headers) + body


def _head(status: int, length: int, headers: str) -> bytes:
    first = f"HTTP/1.1 {status} {_STATUSES[status]}"
    return f"{first}\r\n{headers}Content-Length: {length}\r\n\r\n".encode()


class _Connection(asyncio.Protocol):
    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self._received = b""
        self._told_to_go_on = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            first, *lines = self._received[:end].decode("latin-1").split("\r\n")
            headers = {
                name.lower(): value.strip()
                for name, _, value in (line.partition(":") for line in lines)
            }
            length = int(headers.get("content-length", 0))
            if headers.get("expect") == "100-continue" and not self._told_to_go_on:
                self._told_to_go_on = True
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            if len(self._received) < end + 4 + length:
                return
            body = self._received[end + 4 : end + 4 + length]
            self._received = self._received[end + 4 + length :]
            self._told_to_go_on = False
            method, path, _ = first.split(" ")
            answer = self._aws.answer(method, path, headers, body)
            if isinstance(answer, bytes):
                self._transport.write(answer)
            elif isinstance(answer, _Part):
                self._sending = asyncio.create_task(self._send(answer))
            else:
                self._sending = asyncio.create_task(self._send_late(answer))

    async def _send_late(self, answer: Awaitable[bytes]) -> None:
        """Nothing is received meanwhile: who calls waits for the answer."""
        self._transport.write(await answer)

    async def _send(self, part: _Part) -> None:
        """Send what may be larger than the memory; nothing is received meanwhile."""
        self._transport.write(part.head)
        with part.path.open("rb") as file, suppress(ConnectionError):
            await asyncio.get_running_loop().sendfile(self._transport, file, part.start)


async def _serve(lists: Path | None) -> None:
    aws = Aws(lists)
    server = await asyncio.get_running_loop().create_server(
        lambda: _Connection(aws), "127.0.0.1", 0
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]) if sys.argv[1:] else None))
