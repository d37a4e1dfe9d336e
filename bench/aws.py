"""
S3 and SQS at next to no cost, for what a worker asks of them: `python -m bench.aws [PORT]`.

Prints its port. moto's server takes 25 ms for what a worker does in one; this answers the same
calls as AWS does (tests/integration/test_bench_worker.py has both side by side) and keeps objects
in memory. Any bucket exists, and so does any queue; sent messages are counted and forgotten.
"""

import asyncio
import hashlib
import json
import sys
import uuid
from typing import cast
from urllib.parse import parse_qs, quote, unquote

_STATUSES = {
    200: "OK",
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
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
        "AWS_LAMBDA_LOG_GROUP_NAME": "worker",
        "AWS_LAMBDA_LOG_STREAM_NAME": "bench",
        "SCATTERFETCH_FUNCTION_ARN": "arn:aws:lambda:us-east-1:1:function:worker",
        "DATA_BUCKET": "data",
        "DISPATCH_QUEUE_URL": f"{endpoint}/1/dispatch",
        "WORK_QUEUE_URL": f"{endpoint}/1/work.fifo",
        "DEAD_LETTER_QUEUE_URL": f"{endpoint}/1/dead",
        "USER_AGENT": "bench/1.0 (+https://bench.example/bot)",
        "ALLOW_PRIVATE_NETWORKS": "true",
        "MALLOC_ARENA_MAX": "1",  # the template's
    }


class Objects:
    """All buckets, and what happened to them."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}
        self.calls = 0

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> bytes:
        """Return the whole answer to a request."""
        self.calls += 1
        if target := headers.get("x-amz-target"):
            return _sqs(target.partition(".")[2], body)
        key = unquote(path.partition("?")[0])
        if method == "PUT":
            return self._put(key, headers, body)
        if method == "GET" and "list-type=2" in path:
            return self._list(path)
        if method == "GET":
            found = self.bodies.get(key)
            if found is None:
                return _error(404, "NoSuchKey", _NO_SUCH_KEY)
            return _http(
                200, found, f"ETag: {_etag(found)}\r\nContent-Type: binary/octet-stream\r\n"
            )
        return _error(501, "NotImplemented", method)

    def _list(self, path: str) -> bytes:
        bucket, _, query = path.partition("?")
        prefix = f"{bucket}/{parse_qs(query).get('prefix', [''])[0]}"
        keys = sorted(key for key in self.bodies if key.startswith(prefix))
        entries = "".join(
            f"<Contents><Key>{quote(key[len(bucket) + 1 :])}</Key>{_MODIFIED}</Contents>"
            for key in keys
        )
        # All at once, where AWS has pages of 1,000: nobody here has as many.
        body = f"<ListBucketResult><EncodingType>url</EncodingType>{entries}</ListBucketResult>"
        return _http(200, body.encode(), "Content-Type: application/xml\r\n")

    def _put(self, key: str, headers: dict[str, str], body: bytes) -> bytes:
        found = self.bodies.get(key)
        if headers.get("if-none-match") == "*" and found is not None:
            return _error(412, "PreconditionFailed", _PRECONDITION)
        if (etag := headers.get("if-match")) is not None:
            if found is None:
                return _error(404, "NoSuchKey", _NO_SUCH_KEY)
            if _etag(found) != etag:
                return _error(412, "PreconditionFailed", _PRECONDITION)
        self.bodies[key] = body
        return _http(200, b"", f"ETag: {_etag(body)}\r\n")


def _sqs(operation: str, body: bytes) -> bytes:
    asked = json.loads(body)
    answer: dict[str, object] = {}
    if operation == "SendMessageBatch":
        answer = {
            "Successful": [
                {
                    "Id": entry["Id"],
                    "MessageId": str(uuid.uuid4()),
                    "MD5OfMessageBody": _md5(entry["MessageBody"].encode()),
                }
                for entry in asked["Entries"]
            ]
        }
    elif operation != "ChangeMessageVisibility":
        return _http(400, json.dumps({"__type": "UnsupportedOperation"}).encode())
    return _http(200, json.dumps(answer).encode(), "Content-Type: application/x-amz-json-1.0\r\n")


def _md5(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def _etag(body: bytes) -> str:
    return f'"{_md5(body)}"'


def _error(status: int, code: str, message: str) -> bytes:
    text = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return _http(status, text.encode(), "Content-Type: application/xml\r\n")


def _http(status: int, body: bytes, headers: str = "") -> bytes:
    head = f"HTTP/1.1 {status} {_STATUSES[status]}\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class _Connection(asyncio.Protocol):
    def __init__(self, objects: Objects) -> None:
        self._objects = objects
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
            self._transport.write(self._objects.answer(method, path, headers, body))


async def _serve(port: int) -> None:
    objects = Objects()
    server = await asyncio.get_running_loop().create_server(
        lambda: _Connection(objects), "127.0.0.1", port
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]) if sys.argv[1:] else 0))
