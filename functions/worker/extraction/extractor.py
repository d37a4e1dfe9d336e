"""
From pages to rows without holding anything up.

Ordinary pages are extracted where they are. What may take long goes to a process that can be
killed: Python parsers, and pages that the HTML parser might not come back from.
"""

import asyncio
import importlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from time import monotonic
from typing import Any

import msgspec

from functions.worker.extraction.carried import carried, marked
from functions.worker.extraction.documents.complexity import (
    TooComplexError,
    may_take_long,
    memory_limit,
)
from functions.worker.extraction.fields.given import read_by
from functions.worker.extraction.kinds import Kinds, Reading
from functions.worker.extraction.parsing import PACKAGE
from functions.worker.extraction.process import Answer, Question
from functions.worker.extraction.reader import Reader
from functions.worker.extraction.rows import Extracted
from functions.worker.transport.page import FetchedPage
from shared.errors import FetchError, InvalidSpecError, Reason, StorageError
from shared.messages import Target
from shared.spec import Spec

PAGES_HERE = 6
"""Of what the process may take for a page, the part that a page may take where it is fetched: a
larger tree is made by the process."""
_INLINE_SECONDS = 0.2  # that nothing else may have its turn for; longer pages are read elsewhere
_START_SECONDS = 30.0
MAX_WAITING = 128  # pages; more would be fetched to be handed back when the worker's time is up
# What Python itself and the language of messages need. A page that gets the better of the process,
# or a parser, finds no credentials there.
_PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TZ", "TMPDIR")
_PIECE = 1 << 18
_answers = msgspec.json.Decoder(Answer)
_encoder = msgspec.json.Encoder()


class ProcessDiedError(Exception):
    """The process ended by itself. The message says how."""


class ExtractionProcess:
    """
    A process that extracts one page at a time. It is there from the first question on.

    It may be used from one event loop after the other, by one task at a time.

    Args:
        memory: Bytes that it may take, beyond what it takes to be there.
        package: Has the parsers.
    """

    def __init__(self, memory: int, package: str = PACKAGE) -> None:
        self.memory = memory
        self._package = package
        self._parsers = importlib.import_module(package)
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._received = bytearray()

    @property
    def is_running(self) -> bool:
        return self._process is not None

    async def ask(self, question: Question, body: bytes = b"") -> Answer:
        """
        Return the answer to `question`.

        Raises:
            TimeoutError: it took longer than `question.seconds`, and was killed.
            ProcessDiedError: there is none, and there never will be.
            StorageError: there can be no process, which is the fault of no page.
        """
        try:
            if self._process is None:
                try:
                    await self._start()
                except (OSError, ProcessDiedError) as error:  # a TimeoutError is an OSError
                    why = str(error) or f"does not answer within {_START_SECONDS:g} s"
                    raise StorageError(f"the process that extracts cannot begin: {why}") from error
            assert self._socket is not None
            loop = asyncio.get_running_loop()
            async with asyncio.timeout(question.seconds):
                try:
                    await loop.sock_sendall(self._socket, _encoder.encode(question) + b"\n")
                    await loop.sock_sendall(self._socket, body)
                except ConnectionError:
                    await self._died()
                answer = await self._answer()
        except BaseException:  # cancelled in the middle of it, too
            self.stop()
            raise
        if answer.last:
            self.stop()
        return answer

    def stop(self) -> None:
        """End the process, whatever it does; the next question starts another."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        self._received.clear()

    async def _start(self) -> None:
        self._socket, theirs = socket.socketpair()
        self._socket.setblocking(False)
        with theirs:
            folders = [*self._parsers.__path__]  # that of a project, too
            # Not -m: in Lambda the packages are where only the parent's sys.path says.
            program = (
                f"import importlib, sys; sys.path[:] = {sys.path!r}; "
                f"importlib.import_module({self._package!r}).__path__[:] = {folders!r}; "
                "from functions.worker.extraction.process import main; "
                f"main({theirs.fileno()}, {self._package!r}, {self.memory})"
            )
            self._process = subprocess.Popen(  # noqa: ASYNC220 -- for one loop after the other
                [sys.executable, "-u", "-c", program],  # what it prints is there when it is killed
                env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},
                stdin=subprocess.DEVNULL,
                stdout=2,  # what a parser prints goes to the log
                pass_fds=(theirs.fileno(),),
            )
        async with asyncio.timeout(_START_SECONDS):
            await self._answer()

    async def _answer(self) -> Answer:
        assert self._socket is not None
        loop = asyncio.get_running_loop()
        while not self._received.endswith(b"\n"):
            try:
                piece = await loop.sock_recv(self._socket, _PIECE)
            except ConnectionError:
                piece = b""
            if not piece:
                await self._died()
            self._received += piece
        answer = _answers.decode(self._received)
        self._received.clear()
        return answer

    async def _died(self) -> None:
        assert self._process is not None
        try:
            code = self._process.wait(timeout=1)  # it has closed its end, so it is all but gone
        except subprocess.TimeoutExpired:
            raise ProcessDiedError("does not answer any more") from None
        raise ProcessDiedError(
            f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        )


@cache
def extraction_process(memory: int) -> ExtractionProcess:
    """Return that of this process: what it has imported is there for the next batch too."""
    return ExtractionProcess(memory)


def _hurry() -> Callable[[], None]:
    """Return what raises TooComplexError when a page has taken long enough."""
    end = monotonic() + _INLINE_SECONDS

    def hurry() -> None:
        if monotonic() > end:
            raise TooComplexError

    return hurry


class Turn:
    """Whose turn it is with the process, and how many wait for it; for one event loop."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self.waiting = 0

    async def __aenter__(self) -> None:
        self.waiting += 1
        try:
            await self._lock.acquire()
        finally:
            self.waiting -= 1

    async def __aexit__(self, *_: object) -> None:
        self._lock.release()

    def is_long(self) -> bool:
        """Tell whether so many wait that nothing should be fetched for the process."""
        return self.waiting >= MAX_WAITING


class Extractor:
    """
    Extracts the pages of one batch.

    Args:
        spec: Says what.
        token: Our name in robots meta elements; see `robots.product_token`.
        process: For what must not be done here.
        careful: Whether no page is trusted to come to an end.
        turn: With the process, which others may ask as well.
    """

    def __init__(
        self,
        spec: Spec,
        *,
        token: str,
        process: ExtractionProcess,
        careful: bool,
        turn: Turn | None = None,
    ) -> None:
        self.kinds = Kinds(spec)
        """Of the spec: which pages are of which kind."""
        self._seconds = spec.parser_timeout
        self._parsers = spec.parsers
        without_kind = Reader(self.kinds.reading(None))
        without_kind.compile()  # a spec without kinds that makes no sense ends its job
        self._readers: dict[str | None, Reader] = {None: without_kind}
        self._token = token
        self._process = process
        self._careful = careful
        self._turn = turn or Turn()

    async def check(self, time_left: float) -> None:
        """
        Make sure that there are the parsers that the spec names.

        Raises:
            FetchError: one is missing; of reason OUT_OF_TIME, it is not known. Without a URL.
            StorageError: see `ExtractionProcess.ask`; the batch must be delivered again.
        """
        end = monotonic() + time_left
        for parser in self._parsers:
            reading = Reading(extract=None, parser=parser)
            await self._ask(Reader(reading), None, b"", end - monotonic())

    def is_behind(self) -> bool:
        """Tell whether enough pages wait for the process that were fetched already."""
        return self._turn.is_long()

    def at_once(self, page: FetchedPage, target: Target) -> Extracted | None:
        """Return what the page of a target holds, or None where that is left to `elsewhere`."""
        reader = self._reader(page, target)
        if self._careful or reader.is_slow or may_take_long(page.body):
            return None
        try:
            extraction = reader.compile()
            carry = carried(page, target, self.kinds)
            with memory_limit(self._process.memory // PAGES_HERE):
                extracted = extraction.extract(page, token=self._token, hurry=_hurry(), carry=carry)
            return marked(extracted, page, target, carry)
        except (TooComplexError, MemoryError, InvalidSpecError):
            # A MemoryError where there is none left for the first; and the process says what is
            # wrong with a kind.
            return None

    async def elsewhere(self, page: FetchedPage, target: Target, time_left: float) -> Extracted:
        """
        Return what the page of a target holds; nothing else has to wait for it.

        Args:
            page: One page is extracted at a time.
            target: Whose page it is.
            time_left: In seconds, until it is better to leave the page to a later batch.

        Raises:
            FetchError: nothing could be extracted. Of reason OUT_OF_TIME: in the time left.
            StorageError: see `ExtractionProcess.ask`; the batch must be delivered again.
        """
        reader = self._reader(page, target)
        sent = page._replace(body=b"", input=read_by(reader.inputs, page.input))
        carry = carried(page, target, self.kinds)
        extracted = await self._ask(reader, sent, page.body, time_left, carry)
        return marked(extracted, page, target, carry)

    def _reader(self, page: FetchedPage, target: Target) -> Reader:
        kind = self.kinds.kind_of_page(page.url, target)
        reader = self._readers.get(kind)
        if reader is None:
            reader = self._readers[kind] = Reader(self.kinds.reading(kind))
        return reader

    async def _ask(
        self,
        reader: Reader,
        page: FetchedPage | None,
        body: bytes,
        time_left: float,
        carry: dict[str, Any] | None = None,
    ) -> Extracted:
        url = "" if page is None else page.url
        deadline = asyncio.get_running_loop().time() + time_left
        question = Question(
            reading=reader.sent,
            token=self._token,
            page=page,
            carry=carry,
            size=len(body),
            seconds=max(self._seconds, reader.least_seconds),
        )
        try:
            async with asyncio.timeout_at(deadline), self._turn:
                answer = await self._answer(question, body, reader)
        except TimeoutError:
            detail = "the worker's time is up"
            raise FetchError(url, Reason.OUT_OF_TIME, detail) from None
        if answer.reason is not None:
            raise FetchError(url, answer.reason, answer.detail)
        return answer.extracted

    async def _answer(self, question: Question, body: bytes, reader: Reader) -> Answer:
        try:
            return await self._process.ask(question, body)
        except TimeoutError:
            detail = f"not done after {question.seconds:g} s"
            reason = Reason.PARSER_TIMEOUT if reader.has_parser else Reason.TOO_COMPLEX
        except ProcessDiedError as error:
            detail = f"the process that extracts {error}"
            reason = Reason.TOO_COMPLEX
        return Answer(reason=reason, detail=detail)
