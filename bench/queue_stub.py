"""
S3 and SQS at next to no cost, for what a dispatcher asks of them: `python -m bench.queue_stub DIR`.

Prints its port. Objects of the bucket `lists` are the files of DIR; other objects are kept in
memory. A SendMessageBatch is answered as SQS does, after its JSON was read and the MD5 of each body
computed; then the message is counted, summed up and forgotten. GET /counts tells.
"""

import asyncio
import hashlib
import json
import re
import sys
import uuid
from pathlib import Path
from typing import cast
from urllib.parse import quote, unquote

_PIECE = 1024 * 1024


class Stub:
    """What there is and what came in."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._objects: dict[str, bytes] = {}
        self._messages = self._targets = self._sum = 0

    def answer(  # noqa: PLR0911 -- one for each kind of request
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> list[bytes]:
        """Return the answer to a request, in pieces."""
        if "x-amz-target" in headers:
            return [_http(200, self._send(json.loads(body)))]
        key, _, query = unquote(path).lstrip("/").partition("?")
        if key == "counts":
            return [_http(200, json.dumps(self._counts()).encode())]
        if method == "PUT":
            self._objects[key] = body
            return [_http(200, b"", 'ETag: "x"\r\n')]
        if "list-type=2" in query:
            return [_http(200, self._list(key, query))]
        if key.startswith("lists/"):
            return self._file(key.removeprefix("lists/"), headers.get("range", "bytes=0-"))
        if key in self._objects:
            return [_http(200, self._objects[key], 'ETag: "x"\r\n')]
        return [_http(404, b"<Error><Code>NoSuchKey</Code></Error>")]

    def _send(self, call: dict[str, list[dict[str, str]]]) -> bytes:
        successful = []
        for number, entry in enumerate(call["Entries"]):
            body = entry["MessageBody"].encode()
            self._messages += 1
            self._targets += body.count(b'{"url":')
            identity = entry.get("MessageDeduplicationId", "").encode()
            digest = hashlib.sha256(identity + body).digest()
            self._sum = (self._sum + int.from_bytes(digest, "big")) % 2**256
            successful.append(
                {
                    "Id": entry["Id"],
                    "MessageId": str(uuid.uuid4()),
                    "MD5OfMessageBody": hashlib.md5(body, usedforsecurity=False).hexdigest(),
                    "SequenceNumber": str(10**19 + self._messages + number),
                }
            )
        return json.dumps({"Successful": successful, "Failed": []}).encode()

    def _counts(self) -> dict[str, object]:
        """Return what came in since the last time, with a sum that does not know of order."""
        counts = {"messages": self._messages, "targets": self._targets, "sum": f"{self._sum:064x}"}
        self._messages = self._targets = self._sum = 0
        self._objects = {}
        return counts

    def _list(self, bucket: str, query: str) -> bytes:
        prefix = re.search(r"prefix=([^&]*)", query)
        begin = f"{bucket.rstrip('/')}/{prefix[1] if prefix else ''}"
        keys = [key.partition("/")[2] for key in sorted(self._objects) if key.startswith(begin)]
        entries = "".join(f"<Contents><Key>{quote(key)}</Key></Contents>" for key in keys)
        return f"<ListBucketResult>{entries}</ListBucketResult>".encode()

    def _file(self, name: str, wanted: str) -> list[bytes]:
        path = self._folder / name
        size = path.stat().st_size
        begin = int(wanted.removeprefix("bytes=").partition("-")[0])
        fact = f"Content-Range: bytes {begin}-{size - 1}/{size}\r\n"
        head = f'HTTP/1.1 206 Partial Content\r\nETag: "x"\r\n{fact}Content-Length: {size - begin}'
        return [f"{head}\r\n\r\n".encode(), str(path).encode(), str(begin).encode()]


def _http(status: int, body: bytes, headers: str = "") -> bytes:
    return f"HTTP/1.1 {status} x\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def _serve(stub: Stub, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            first, *lines = head.decode("latin-1").split("\r\n")
            headers = {
                name.lower(): value.strip()
                for name, _, value in (line.partition(":") for line in lines)
            }
            if headers.get("expect"):
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            method, path, _ = first.split(" ")
            answer, *file = stub.answer(method, path, headers, body)
            writer.write(answer)
            if file:
                with Path(file[0].decode()).open("rb") as content:  # noqa: ASYNC230 -- a local file
                    content.seek(int(file[1]))
                    while piece := content.read(_PIECE):
                        writer.write(piece)
                        await writer.drain()
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main(folder: Path) -> None:
    """Serve until this process is ended."""
    stub = Stub(folder)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _serve(stub, reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=4 * _PIECE)
    address = cast("tuple[str, int]", server.sockets[0].getsockname())
    print(address[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
