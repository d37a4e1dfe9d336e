"""JSON that a page has somewhere: in a script, in an attribute, in a text of other JSON. Pure."""

from typing import Any

import msgspec

from functions.worker.extraction.documents.document import Document
from functions.worker.extraction.structured.lenient_json import (
    MAX_LENIENT,
    read_lenient,
    strict_decoder,
)
from shared.encodable import mend_json, mend_text

_LARGE = 1_000_000  # characters; what is no strict JSON takes 0.2 s
_BLANK = " \t\r\n\f\v\N{BOM}\N{NO-BREAK SPACE}"


class NotJSONError(Exception):
    """A text is no JSON. The message says why, and where it is not."""


def read_embedded(text: str, document: Document) -> Any:  # noqa: ANN401 -- JSON
    """
    Return what `text` stands for, None where it is blank.

    Of one name that is there twice the last value counts, as in browsers. What follows an object or
    a list and a semicolon, or the end of a script, is the program or page that it stands in. JSON
    that was made into a text of JSON is read once more.

    Args:
        text: JSON, as programs write it into pages; see `read_lenient`.
        document: That it is in.

    Raises:
        NotJSONError: it is none.
    """
    text = text.strip(_BLANK)
    if not text:
        return None
    value = _read(text, document)
    if isinstance(value, str) and value.lstrip(_BLANK)[:1] in {"{", "["}:
        value = _read(value, document)
    return value


def _read(text: str, document: Document) -> Any:  # noqa: ANN401
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        pass
    if len(text) > _LARGE:
        document.take_time()
    mended = mend_json(mend_text(text).encode()).decode()
    try:
        value, end = strict_decoder.raw_decode(mended)
    except RecursionError:
        raise NotJSONError("nested too deeply") from None
    except ValueError:
        pass
    else:
        rest = mended[end:].lstrip(_BLANK)
        if not rest or (rest.startswith((";", "</script")) and isinstance(value, dict | list)):
            return value
    notes = document.notes
    read = read_lenient(mended, document.hurry, limit=MAX_LENIENT - notes.lenient)
    if read.again:
        notes.lenient += len(text)
    if read.problem is not None or len(read.values) != 1:
        raise NotJSONError(read.problem or f"{len(read.values)} values")
    return read.values[0]
