"""
Reading a spec: what is written, checked against what a spec may hold.

Pure. A key or a value that this release does not know is refused, and not left out.
"""

from functools import cache
from typing import Any

import msgspec

from functions.dispatcher.specs.document import SpecDocument
from functions.dispatcher.specs.unknown import unknown_in
from functions.dispatcher.specs.wording import no_such_key, no_such_value
from shared.crawl_check import check_spec
from shared.errors import InvalidJobError, InvalidSpecError
from shared.expressions import check_retry_when
from shared.spec import Spec

MAX_SPEC_BYTES = 64 * 1024


def parse_spec(name: str, text: bytes) -> Spec:
    """
    Return the spec in `text`.

    Args:
        name: Where it comes from, for the message.
        text: YAML, UTF-8. Empty means the default spec.

    Raises:
        InvalidJobError: it is no YAML or no spec, as in ``books/spec.yaml:7:
            extract.fields.price.css: unexpected ')' at 14``.
    """
    if len(text) > MAX_SPEC_BYTES:
        raise InvalidJobError(
            f"{name}: {len(text):,} bytes; a spec may have {MAX_SPEC_BYTES:,}. "
            "Is this the URL list?"
        )
    document = SpecDocument(name, text)
    try:
        return checked_spec({} if document.content is None else document.content)
    except InvalidSpecError as error:
        line = document.line_of(error.path)
        where = f"{name}:{line}" if error.path else name
        raise InvalidJobError(f"{where}: {error}") from error


def spec_in(content: dict[str, Any]) -> Spec:
    """
    Return the spec that came in a message.

    People have written it, their program, or the command line of another release, so this is as
    strict as `parse_spec`: a key that this release does not know would be lost without a word.

    Raises:
        InvalidJobError: it is none, as in ``the spec of the message: fetch.pauze: there is no
            pauze here; did you mean pause?``.
    """
    try:
        return checked_spec(content)
    except InvalidSpecError as error:
        raise InvalidJobError(
            ": ".join(filter(None, ("the spec of the message", error.path, error.problem)))
        ) from error


@cache
def _schema() -> dict[str, Any]:
    return msgspec.json.schema(Spec)


def checked_spec(content: Any) -> Spec:  # noqa: ANN401 -- whatever YAML and JSON hold
    """
    Return `content` as a spec.

    Raises:
        InvalidSpecError: it is none; whoever knows where it comes from says so.
    """
    for unknown in unknown_in(content, _schema()):
        if unknown.is_key:
            path = f"{unknown.path}.{unknown.name}".removeprefix(".")
            raise InvalidSpecError(path, no_such_key(unknown.name, unknown.path))
    try:
        spec = msgspec.convert(content, Spec)
    except msgspec.ValidationError as error:
        raise no_such_value(content, error, _schema()) from error
    check_spec(spec)
    check_retry_when(spec)
    return spec
