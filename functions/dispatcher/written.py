"""
A shard's plan as it is written: `jobs/<job>/plan/<shard>.gz`, once, before anything of it is sent.

It holds the messages themselves. Whoever dispatches the shard again sends what is written, with
whatever release and whatever list of public suffixes: so an id always means the same targets.
Two gzip members, of lines of JSON: what came of the shard, and its batches.
"""

import io
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from isal import igzip, igzip_lib
from msgspec import Struct

from shared.errors import StorageError
from shared.messages import Batch, escaped, group_of
from shared.queue import Message


class Came(Struct, kw_only=True, tag="plan.v1", omit_defaults=True):
    """
    What came of a shard.

    `position` and `line` are where the next one begins, in a list that is read as a stream; none
    follows the `last` one. A job that is `refused`, for this reason, has no plan but this one, of
    its first shard: since plans are written once, it is refused before its first batch or not at
    all.
    """

    batches: int = 0
    targets: int = 0
    duplicates: int = 0
    rejected: int = 0
    damaged: bool = False
    last: bool = False
    position: int = 0
    line: int = 1
    refused: str | None = None


class _Envelope(Struct):
    """Of a batch, what its message needs outside of its body."""

    job: str
    batch: str
    partition: int

    @property
    def group(self) -> str:
        return group_of(self.partition)


_ERRORS: Any = (EOFError, OSError, igzip_lib.IsalError)
_encoder = msgspec.json.Encoder()
_came_decoder = msgspec.json.Decoder(Came)
_envelope_decoder = msgspec.json.Decoder(_Envelope)


def pack(batches: Iterable[Batch]) -> bytes:
    """Return `batches` as the second member of a plan."""
    buffer = io.BytesIO()
    with igzip.IGzipFile(fileobj=buffer, mode="wb", compresslevel=1, mtime=0) as file:
        for batch in batches:
            file.write(escaped(_encoder.encode(batch)) + b"\n")
    return buffer.getvalue()


def encode_written(came: Came, packed: bytes = b"") -> bytes:
    """Return the plan of a shard; `packed` is of `pack`."""
    return igzip.compress(_encoder.encode(came) + b"\n", mtime=0) + packed


def message_of(batch: Batch | _Envelope, body: str) -> Message:
    """Return the message of the work queue for `batch`, which is `body` as JSON."""
    return Message(body, group=batch.group, identity=f"{batch.job}/{batch.batch}")


class Written:
    """
    The plan of a shard, read.

    Raises:
        StorageError: it is none, or damaged; the message names it.
    """

    def __init__(self, name: str, body: bytes) -> None:
        self._name = name
        self._lines = self._read(body)
        line = next(self._lines, b"")
        try:
            self.came = _came_decoder.decode(line)
        except msgspec.MsgspecError as error:
            raise StorageError(f"{name} is no plan: {error}") from error

    def messages(self) -> Iterator[tuple[str, Message]]:
        """Yield each batch's id with its message, once."""
        for line in self._lines:
            envelope = _envelope_decoder.decode(line)
            # There are plans that were written without the escape.
            yield envelope.batch, message_of(envelope, escaped(line[:-1]).decode())

    def _read(self, body: bytes) -> Iterator[bytes]:
        try:
            yield from igzip.IGzipFile(fileobj=io.BytesIO(body))
        except _ERRORS as error:
            raise StorageError(f"{self._name} is damaged: {error}") from error
