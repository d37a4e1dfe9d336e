"""Texts that are titles and the like, and as long as such texts are."""

from functions.worker.extraction.values.texts import fold

MAX_TITLE = 10_000  # characters of a title or a description


def shortened(text: str | None) -> str | None:
    """Return the beginning of `text`, white space folded, or None where nothing is left."""
    return fold(text[: 2 * MAX_TITLE])[:MAX_TITLE] or None if text else None
