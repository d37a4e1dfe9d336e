"""
The embedded S3 and SQS: those of moto on a free loopback port, with one bucket kept in a folder.

What is put into that bucket is in the folder before the put is answered, under the object's key,
so that results are there as they are committed and survive this process.
"""

import hashlib
import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from moto.s3.models import s3_backends
from werkzeug.serving import WSGIRequestHandler, make_server

from scatterfetch.localcloud.queues import has_message, let_go, reset_queues
from scatterfetch.localcloud.services import application, share_sdk

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

_PIECE = 256 * 1024
_STOP_INTERVAL = 0.02  # seconds; who stops the server waits for its next look
_LOOK_SECONDS = 0.2  # between two looks whether a message is not hidden or delayed any more
_BUSY = (
    b'<?xml version="1.0" encoding="UTF-8"?>'
    b"<Error><Code>SlowDown</Code><Message>%s</Message></Error>"
)
_INCOMPLETE = (
    b'<?xml version="1.0" encoding="UTF-8"?>'
    b"<Error><Code>IncompleteBody</Code><Message>The connection ended before it.</Message></Error>"
)


class _QuietHandler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"  # keeps connections open

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002, ANN401 -- werkzeug's
        """Say nothing: requests are not news."""


class FolderBucket:
    """
    Keeps what is put into one bucket in a folder.

    `on_put` is told each key, and `on_error` what could not be written, and why.
    """

    def __init__(
        self,
        bucket: str,
        folder: Path,
        on_put: Callable[[str], None],
        on_error: Callable[[str], None],
    ) -> None:
        self.bucket = bucket
        self.folder = folder
        self.on_put = on_put
        self.on_error = on_error

    def key_of(self, environ: WSGIEnvironment) -> str | None:
        """Return the key that a request puts into the bucket, or None if it does not."""
        bucket, _, key = unquote(environ.get("PATH_INFO", "")).lstrip("/").partition("/")
        return key if environ["REQUEST_METHOD"] == "PUT" and bucket == self.bucket else None

    @contextmanager
    def prepared(self, key: str, body: bytes) -> Iterator[Callable[[], None]]:
        """Write `body` beside the place of `key`; what is yielded moves it there."""
        path = self.folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.new")
        try:
            temporary.write_bytes(body)
            yield lambda: self._finish(temporary, path, key)
        finally:
            temporary.unlink(missing_ok=True)

    def _finish(self, temporary: Path, path: Path, key: str) -> None:
        temporary.replace(path)
        self.on_put(key)

    def load(self, s3: "S3Client", keys: Iterable[str]) -> None:
        """Put the files of these `keys` into the bucket again."""
        for key in keys:
            s3.put_object(Bucket=self.bucket, Key=key, Body=(self.folder / key).read_bytes())


class MountedFile(NamedTuple):
    """A file that is an object: read from disk, in pieces, whenever somebody asks for it."""

    path: Path
    size: int
    etag: str
    changed: int

    @classmethod
    def of(cls, path: Path) -> "MountedFile":
        """Return `path` with the etag that S3 would give it."""
        status = path.stat()
        with path.open("rb") as file:
            etag = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        return cls(path, status.st_size, etag, status.st_mtime_ns)

    def answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a GET or a HEAD."""
        status = self.path.stat()
        if (status.st_size, status.st_mtime_ns) != (self.size, self.changed):
            start_response("412 Precondition Failed", [("Content-Type", "application/xml")])
            return [b"<Error><Code>PreconditionFailed</Code><Message>changed</Message></Error>"]
        wanted = re.fullmatch(r"bytes=([0-9]+)-", environ.get("HTTP_RANGE", ""))
        begin = min(int(wanted[1]), self.size) if wanted else 0
        headers = [("ETag", f'"{self.etag}"'), ("Content-Length", str(self.size - begin))]
        if wanted:
            headers.append(("Content-Range", f"bytes {begin}-{self.size - 1}/{self.size}"))
        start_response("206 Partial Content" if wanted else "200 OK", headers)
        return () if environ["REQUEST_METHOD"] == "HEAD" else self._pieces(begin)

    def _pieces(self, begin: int) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            file.seek(begin)
            left = self.size - begin
            while left > 0 and (piece := file.read(min(left, _PIECE))):
                left -= len(piece)
                yield piece


class _Application:
    """
    moto, one request at a time: its queues and its conditional writes are not thread-safe.

    Who waits for messages waits beside it, and is told when something has come of a request.
    """

    def __init__(self, moto: WSGIApplication) -> None:
        self._moto = moto
        self._lock = threading.Lock()
        self._news = threading.Condition()
        self._holders: dict[str, str] = {}
        """Of messages in hand, by receipt handle: the access key that received them."""
        self._deaths: Counter[str] = Counter()
        """By access key; whoever asked for messages before gets none any more."""
        self._has_ended = False
        self.kept: FolderBucket | None = None
        self.mounted: dict[str, MountedFile] = {}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        mounted = self.mounted.get(unquote(environ.get("PATH_INFO", "")).lstrip("/"))
        if mounted is not None and environ["REQUEST_METHOD"] in {"GET", "HEAD"}:
            return mounted.answer(environ, start_response)
        # Read first: the lock is not for those who wait for somebody's bytes.
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read(length)
        if len(body) < length:  # who asked has died, and half an object is none
            start_response("400 Bad Request", [("Content-Type", "application/xml")])
            return [_INCOMPLETE]
        environ["wsgi.input"] = BytesIO(body)
        if environ.get("HTTP_X_AMZ_TARGET") == "AmazonSQS.ReceiveMessage":
            return self._receive(json.loads(body), environ, start_response)
        key = self.kept.key_of(environ) if self.kept else None
        try:
            return self._answer(key, body, environ, start_response)
        finally:
            self.tell()

    def tell(self) -> None:
        """Have those look again who wait for messages."""
        with self._news:
            self._news.notify_all()

    def release(self, holder: str) -> set[str]:
        """Return the receipt handles of what `holder` has, which is dead; it gets nothing more."""
        with self._lock:
            self._deaths[holder] += 1
            handles = {handle for handle, key in self._holders.items() if key == holder}
            for handle in handles:
                del self._holders[handle]
        return handles

    def end(self) -> None:
        """Let those go who wait for messages: what comes is for the next server in the process."""
        with self._lock:
            self._has_ended = True
        self.tell()

    def _receive(
        self, request: dict[str, Any], environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Answer with messages as soon as there are some; moto would look 100 times a second."""
        end = time.monotonic() + request.pop("WaitTimeSeconds", 0)
        body = json.dumps(request).encode()
        environ |= {"CONTENT_LENGTH": f"{len(body)}"}
        queue = request["QueueUrl"].rpartition("/")[2]
        holder = environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")[2].partition("/")[0]
        deaths = self._deaths[holder]
        while (left := end - time.monotonic()) > 0:
            if self._has_ended or has_message(queue):
                break
            with self._news:
                self._news.wait(min(left, _LOOK_SECONDS))
        environ["wsgi.input"] = BytesIO(body)
        with self._lock:
            if self._has_ended or self._deaths[holder] != deaths:
                start_response("200 OK", [("Content-Type", "application/x-amz-json-1.0")])
                return [b"{}"]
            answer = b"".join(self._moto(environ, start_response))
            for message in json.loads(answer).get("Messages") or []:
                self._holders[message["ReceiptHandle"]] = holder
        return [answer]

    def _answer(
        self, key: str | None, body: bytes, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        with self._lock:
            if self.kept is None or key is None:
                return list(self._moto(environ, start_response))
            return self._put(self.kept, key, body, environ, start_response)

    def _put(
        self,
        kept: FolderBucket,
        key: str,
        body: bytes,
        environ: WSGIEnvironment,
        start_response: StartResponse,
    ) -> Iterable[bytes]:
        started: list[Any] = []

        def note(*start: Any) -> Any:  # noqa: ANN401 -- WSGI's
            started.extend(start)

        try:
            # First the disk: it may be full, and what is answered for must be kept.
            with kept.prepared(key, body) as finish:
                answer = list(self._moto(environ, note))
                if started[0].startswith("200"):
                    finish()
        except OSError as error:
            if started:  # moto has it and the folder has not
                undo = {**environ, "REQUEST_METHOD": "DELETE", "CONTENT_LENGTH": "0"}
                undo.pop("HTTP_IF_NONE_MATCH", None)
                list(self._moto({**undo, "wsgi.input": BytesIO()}, note))
            message = f"cannot write {kept.folder / key}: {error.strerror}"
            kept.on_error(message)
            start_response("503 Slow Down", [("Content-Type", "application/xml")])
            return [_BUSY % message.encode()]
        start_response(*started)
        return answer


class EmbeddedCloud:
    """
    The server; `endpoint` is its address once it runs.

    It starts empty. moto keeps what it holds in the process, so there is one at a time.
    """

    def __init__(self) -> None:
        share_sdk()
        s3_backends.reset()
        reset_queues()
        self._application = _Application(application)
        self._server = make_server(
            "127.0.0.1", 0, self._application, threaded=True, request_handler=_QuietHandler
        )
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_STOP_INTERVAL,), daemon=True
        )

    def start(self) -> None:
        self._thread.start()

    def release(self, holder: str, seconds: float) -> bool:
        """
        Have those messages received again in so many seconds that `holder`, an access key, has.

        Returns whether it had any.
        """
        handles = self._application.release(holder)
        let_go(handles, seconds)
        self._application.tell()
        return bool(handles)

    def keep(self, bucket: FolderBucket) -> None:
        """From now on, keep what is put into `bucket`."""
        self._application.kept = bucket

    def mount(self, bucket: str, key: str, path: Path) -> MountedFile:
        """From now on, have `path` in the bucket, without a copy of it."""
        mounted = MountedFile.of(path)
        self._application.mounted[f"{bucket}/{key}"] = mounted
        return mounted

    def stop(self) -> None:
        self._application.end()
        if self._thread.is_alive():  # or nobody would hear it, and it would be waited for for ever
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()
