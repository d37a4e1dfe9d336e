"""
What extracts in a process of its own, because it may take for ever, or all of the memory.

`python -c` this module's `main`, with one end of a socket; see `extractor`, which has the other.
A question is a line of JSON and a body, an answer a line of JSON.
"""

import gc
import math
import resource
import signal
import socket
import sys
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from functions.worker.extraction.documents.complexity import TooComplexError, memory_used
from functions.worker.extraction.documents.document import Document
from functions.worker.extraction.following.follow import Following
from functions.worker.extraction.following.relations import canonical_url
from functions.worker.extraction.following.sitemap_page import SitemapPages
from functions.worker.extraction.kinds import Reading
from functions.worker.extraction.parsing import Parser, ParserError, load_parser, parse_rows
from functions.worker.extraction.reader import extraction_of
from functions.worker.extraction.rows import Extracted, Extraction
from functions.worker.extraction.unwanted import Unwanted
from functions.worker.transport.page import FetchedPage
from shared.errors import InvalidJobError, Reason

_KEPT = 4  # a process that keeps more than a quarter of its memory for nothing is replaced
_GRACE = 2  # seconds


class Question(Struct, frozen=True, kw_only=True):
    """A page to extract; without one, only to say whether there is the parser."""

    reading: msgspec.Raw
    """A `Reading`: what the kind of the page needs of the spec."""
    token: str
    page: FetchedPage | None = None
    """Without its body, which follows."""
    carry: dict[str, Any] | None = None
    """Columns for its rows that another page has found."""
    size: int = 0
    """Of the body."""
    seconds: float
    """After so many and a little more, the process ends itself."""


class Answer(Struct, frozen=True, kw_only=True):
    """What came of a question: rows, or the reason why there are none."""

    extracted: Extracted = Extracted([], [], [])
    reason: Reason | None = None
    detail: str = ""
    last: bool = False
    """Whether the process ends now."""


_questions = msgspec.json.Decoder(Question)
_readings = msgspec.json.Decoder(Reading)
_encoder = msgspec.json.Encoder()


def main(descriptor: int, package: str, memory: int) -> None:
    """
    Answer questions until there are no more.

    Args:
        descriptor: Of our end of the socket.
        package: Has the parsers.
        memory: Bytes that it may take, beyond what it takes to be there.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent
    with socket.socket(fileno=descriptor) as parent, parent.makefile("rb") as questions:
        size, resident = memory_used(0), memory_used(1)
        if size is not None:
            resource.setrlimit(resource.RLIMIT_AS, (size + memory, size + memory))
        parent.sendall(_encoder.encode(Answer()) + b"\n")
        for line in questions:
            question = _questions.decode(line)
            # Also where nobody is left to kill it, and where Python does not get its turn.
            signal.alarm(math.ceil(question.seconds) + _GRACE)
            answer = _answered(question, questions.read(question.size), package, memory)
            if not answer.last and _is_bloated((resident or 0) + memory // _KEPT):
                answer = replace(answer, last=True)
            signal.alarm(0)
            parent.sendall(_encoder.encode(answer) + b"\n")
            if answer.last:
                sys.exit()


def _answered(question: Question, body: bytes, package: str, memory: int) -> Answer:
    try:
        extraction = _compiled(bytes(question.reading), package)
        extracted: Extracted | None = Extracted([], [], [])
        if question.page is not None:
            page = question.page._replace(body=body)
            extracted = extraction.extract(page, token=question.token, carry=question.carry)
    except (TooComplexError, MemoryError):
        extracted = None  # the error holds all of the memory for as long as it is handled
    except (ParserError, InvalidJobError) as error:
        return Answer(reason=Reason.PARSER_ERROR, detail=str(error))
    if extracted is None:
        detail = f"it takes more than {memory // 1_000_000} MB of memory"
        return Answer(reason=Reason.TOO_COMPLEX, detail=detail, last=True)
    return Answer(extracted=extracted)


class _Parsing:
    """Has rows made by a function of the user's, as `Extraction` makes them by the spec."""

    def __init__(self, parser: Parser, reading: Reading) -> None:
        self._parser = parser
        self._following = Following(reading)
        self._unwanted = Unwanted(reading.retry_when)
        self._canonical = reading.canonical

    def extract(
        self, page: FetchedPage, *, token: str, carry: dict[str, Any] | None = None
    ) -> Extracted:
        document = Document(page)
        unwanted = self._unwanted.at_sight(document)
        if unwanted is not None:
            return Extracted([], [], [], unwanted=unwanted)
        rows = parse_rows(
            self._parser, page, lambda lost: document.problem(None, "unreadable", lost)
        )
        if carry:
            rows = [{**carry, **row} for row in rows]
        links, cut, _ = self._following.find(document)
        if not rows:
            unwanted = self._unwanted.without_rows(document)
            document.problem(None, "no_match")
        if page.is_empty:
            document.problem(None, "empty")
        robots = document.robots(token)
        return Extracted(
            rows,
            document.problems,
            robots,
            unwanted=unwanted,
            links=links,
            links_cut=cut or None,
            canonical=canonical_url(document) if self._canonical else None,
        )


@lru_cache(maxsize=64)
def _compiled(text: bytes, package: str) -> Extraction | SitemapPages | _Parsing:
    reading = _readings.decode(text)
    if reading.parser is None:
        return extraction_of(reading)
    return _Parsing(load_parser(reading.parser, package), reading)


def _is_bloated(limit: int) -> bool:
    """Tell whether it is better to start anew: what a parser holds on to would add up."""
    used = memory_used(1)
    if used is None or used < limit:
        return False
    gc.collect()
    return (memory_used(1) or 0) > limit
