"""
Whether a page is the one that was asked for, by what a spec says of those that are not.

Pure. What becomes of such a page, the caller decides.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from functions.worker.extraction.documents.document import Document
from functions.worker.extraction.documents.element_text import text_of
from functions.worker.extraction.fields.selectors import finds
from functions.worker.extraction.values.texts import fold
from shared.expressions import compile_css
from shared.unwanted_spec import UnwantedSpec

Holds = Callable[[Document], bool]


class _Condition(NamedTuple):
    """Parts that must all hold, each with what it means for people."""

    parts: list[tuple[Holds, str]]
    no_match: bool

    def holds(self, document: Document) -> bool:
        return all(holds(document) for holds, _ in self.parts)

    @property
    def words(self) -> str:
        words = [words for _, words in self.parts] + ["nothing is found in it"] * self.no_match
        return f"retry_when: {' and '.join(words)}"


class Unwanted:
    """
    Tells pages that are not wanted.

    Raises:
        InvalidSpecError: a selector is none.
    """

    def __init__(self, conditions: Sequence[UnwantedSpec]) -> None:
        self._conditions = [_compiled(one, number) for number, one in enumerate(conditions)]

    def at_sight(self, document: Document) -> str | None:
        """Return in words why a page is not wanted, whatever its rows; None: as far as one sees."""
        return self._first(document, no_match=False)

    def without_rows(self, document: Document) -> str | None:
        """Return the same of a page in which nothing is found."""
        return self._first(document, no_match=True)

    def _first(self, document: Document, *, no_match: bool) -> str | None:
        return next(
            (
                one.words
                for one in self._conditions
                if one.no_match is no_match and one.holds(document)
            ),
            None,
        )


def _compiled(condition: UnwantedSpec, number: int) -> _Condition:
    path = f"fetch.retry_when[{number}]"
    parts: list[tuple[Holds, str]] = []
    status, text, css = condition.status, condition.text, condition.css
    if status is not None:
        parts.append((lambda document: document.page.status == status, f"the status is {status}"))
    if text is not None:
        wanted = fold(text).casefold()
        parts.append((lambda document: wanted in _shown(document), f"the text {text!r} is in it"))
    if css is not None:
        compile_css(css, f"{path}.css")
        parts.append(
            (
                lambda document: document.is_html and document.tree.css_first(css) is not None,
                f"{css} is in it",
            )
        )
    if condition.xpath is not None:
        parts.append((finds(condition.xpath, f"{path}.xpath"), f"{condition.xpath} is in it"))
    return _Condition(parts, condition.no_match)


def _shown(document: Document) -> str:
    """Return what a page shows, as it is compared; of what is no HTML, all of it."""
    text: str | None = document.memo.get(_shown)
    if text is None:
        root = document.tree.root
        whole = text_of(root, document) if document.is_html and root else fold(document.source)
        text = document.memo[_shown] = whole.casefold()
    return text
