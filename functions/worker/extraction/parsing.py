"""
From a page to rows by a function of the user's.

Knows how such a function is found, called and understood. It may do anything, so this runs where
it can be killed; see `process`.
"""

import asyncio
import importlib
import inspect
import re
import traceback
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

import msgspec

from functions.worker.extraction.documents.complexity import TooComplexError
from functions.worker.extraction.parser_page import Page as ParserPage
from functions.worker.extraction.rows import MAX_ROWS_BYTES
from functions.worker.transport.page import FetchedPage
from shared.encodable import Note, as_json
from shared.errors import InvalidJobError

PACKAGE = "functions.worker.parsers"
_NAME = re.compile(r"parsers\.([^:]+):(.+)")  # as `shared.spec.ParserName` has it, no more

Parser = Callable[[ParserPage], Any]


def _plain(value: Any) -> str:  # noqa: ANN401 -- what a row holds
    if isinstance(value, str):  # such as BeautifulSoup's, which would keep its tree
        return str(value)
    raise TypeError(f"it holds a {type(value).__name__}")


_encoder = msgspec.json.Encoder(enc_hook=_plain)


class ParserError(Exception):
    """The parser raised, or what it returned is no rows. The message is for the outcome."""


def load_parser(name: str, package: str = PACKAGE) -> Parser:
    """
    Return the function that a spec calls `parsers.MODULE:FUNCTION`.

    Args:
        name: As in the spec.
        package: What `parsers` stands for.

    Raises:
        InvalidJobError: there is none of that name, or its module cannot be imported.
    """
    found = _NAME.fullmatch(name)
    assert found is not None, name
    module_name = f"{package}.{found[1]}"
    where = f"parsers/{found[1].replace('.', '/')}.py"
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and f"{module_name}.".startswith(f"{error.name}."):
            raise InvalidJobError(f"parser: {name}: there is no {where}") from error
        raise InvalidJobError(f"parser: {name}: {where}: {_last_line(error)}") from error
    except Exception as error:
        raise InvalidJobError(f"parser: {name}: {where}: {_last_line(error)}") from error
    function = getattr(module, found[2], None)
    # What the module has imported is not its own: parsers.books:system would be another way out.
    if not callable(function) or getattr(function, "__module__", None) != module_name:
        raise InvalidJobError(f"parser: {name}: {where} defines no function {found[2]}")
    return function  # type: ignore[no-any-return]


def parse_rows(parser: Parser, page: FetchedPage, note: Note) -> list[dict[str, Any]]:
    """
    Return the rows that `parser` makes of `page`, as JSON has them.

    Args:
        parser: From `load_parser`.
        page: The page.
        note: Called with each value that JSON cannot hold, and that is null in its row.

    Raises:
        ParserError: it raised, or what it returned is no rows.
        TooComplexError: it takes more memory than there is.
    """
    try:
        answer = parser(ParserPage(page))
        if inspect.isawaitable(answer):
            answer = asyncio.run(_awaited(answer))
        if isinstance(answer, AsyncIterator):
            answer = asyncio.run(_collected(answer))
        rows = _checked(answer, note)
    except MemoryError as error:
        raise TooComplexError from error
    except (ParserError, TooComplexError):
        raise
    except Exception as error:
        raise ParserError(_last_line(error)) from error
    return rows


async def _awaited(answer: Any) -> Any:  # noqa: ANN401 -- what a parser returns
    return await answer


async def _collected(rows: AsyncIterator[Any]) -> list[Any]:
    return [row async for row in rows]


def _checked(answer: Any, note: Note) -> list[dict[str, Any]]:  # noqa: ANN401 -- of a parser
    if isinstance(answer, dict | str | bytes) or not isinstance(answer, Iterable):
        raise ParserError(
            f"the parser returned {type(answer).__name__}; it must return an iterable of rows, "
            "such as a list of dicts, or be a generator"
        )
    rows = []
    size = 0
    for number, row in enumerate(answer, start=1):
        if not isinstance(row, dict):
            raise ParserError(f"row {number} is {type(row).__name__} and must be a dict")
        try:
            _, text = as_json(row, note, _encoder.encode)
        except (TypeError, ValueError, RecursionError, msgspec.MsgspecError) as error:
            raise ParserError(f"row {number} is not JSON: {error}") from error
        size += len(text)
        if size > MAX_ROWS_BYTES:
            raise ParserError(f"the rows exceed {MAX_ROWS_BYTES:,} bytes as JSON with row {number}")
        rows.append(msgspec.json.decode(text))
    return rows


def _last_line(error: BaseException) -> str:
    """Return what went wrong and where in the parser, on one line."""
    what = traceback.format_exception_only(error)[-1].strip()
    places = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError):  # the last frame is the import of the module that has it
        places.append((error.filename or "", error.lineno))
    ours = [place for place in places if "/parsers/" in place[0]]
    if not ours:
        return what
    file, line = ours[-1]
    return f"{what} ({file.rpartition('/')[2]}:{line or 1})"
