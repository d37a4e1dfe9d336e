"""
Where a URL begins and ends in what people write.

Pure. Around a URL there may be characters that nobody sees, on a line of text other columns or a
comment. What is not the URL never becomes a part of it, as it would in a URL parser, which drops
tabs and line ends: what cannot be told apart is refused, in words.
"""

import re
import unicodedata

from shared.errors import InvalidUrlError
from shared.urls import MAX_URL_BYTES, Url, parse_url

MAX_LINE_BYTES = 2 * MAX_URL_BYTES
"""Of a line of text; a longer one is no URL."""

_JOINERS = "\u200c\u200d"  # nothing around a URL; in it, parts of Persian words and of emoji
_RANGES = (
    # Controls and white space, and what Unicode calls format characters or ignorable; and the
    # no-break space of windows-1252 as it is decoded here.
    *("\0 ", "\x7f\xa0", "\xad", "\u034f", "\u061c", "\u115f\u1160", "\u1680", "\u17b4\u17b5"),
    *("\u180b\u180f", "\u2000\u200b", _JOINERS, "\u200e\u200f", "\u2028\u202f", "\u205f\u206f"),
    *("\u2800", "\u3000", "\u3164", "\ufeff", "\uffa0", "\ufff0\ufffb", "\udca0"),
)
INVISIBLE = "".join(
    chr(code) for ends in _RANGES for code in range(ord(ends[0]), ord(ends[-1]) + 1)
)
"""Every character that nobody sees."""
# In a URL; a space there is %20, as browsers have it.
_HIDDEN = re.compile(f"[{re.escape(''.join(set(INVISIBLE) - set(' ' + _JOINERS)))}]")
_CUT_CHARACTER = re.compile("[\ud800-\udfff]")
# Between the two classes no character is in both, or each blank of many would look at all others.
_SECOND = re.compile(r"[,;|\s]['\"]*https?://", re.IGNORECASE)
_SECOND_BEHIND_SPACE = re.compile(r"\s['\"]*https?://", re.IGNORECASE)
_SECOND_MARK = "://"
_REPLACED = "\N{REPLACEMENT CHARACTER}"
_COMMENT = re.compile(r"\s#")
_DOMAIN = re.compile(r"(?:[\w-]+\.)+[^\W\d][\w-]+(?::[0-9]+)?(?:[/?#].*)?", re.DOTALL)
_ALMOST = re.compile(
    r"(?:ftps?|file|mailto|javascript):\S|https?[:/\\.]|www\.|[./?]*/|.*//|[^\s@]+@[^\s@]+\."
    r"|[0-9]+(?:\.[0-9]+){3}(?![^:/])",
    re.IGNORECASE | re.DOTALL,
)
_NOTHING = re.compile(r"(?:n/?a|none|null|nan|-+|\?+)\n?", re.IGNORECASE)
_SCHEME = len("https://")
_SHOWN = 100


def line_url(text: str) -> Url | None:
    """
    Return the URL on a line of a text list; None where there is nothing, or a comment.

    It ends at the first white space. Other columns may follow.

    Args:
        text: With bytes that are not UTF-8 as lone surrogates.

    Raises:
        InvalidUrlError: as for `parse_url`, and where it cannot be told what is the URL.
    """
    if url := _as_browsers_write(text):
        return url
    text = text.strip(INVISIBLE)
    if not text or text[0] == "#":
        return None
    cell = text.split("\t", 1)[0]
    comment = _COMMENT.search(cell)
    if comment is not None:
        cell = cell[: comment.start()]
    if _SECOND.search(cell):
        raise InvalidUrlError("two URLs on one line; put each on a line of its own")
    first, *rest = cell.split(None, 1)
    if rest and first[-1] in ",;|":
        raise InvalidUrlError(
            f"a {first[-1]!r} behind the URL; if this is a table, name the list .csv"
        )
    try:
        return _parsed(first.strip(INVISIBLE))
    except InvalidUrlError as error:
        hidden = _HIDDEN.search(text.replace("\t", " "))
        if hidden is not None and _named(hidden[0]) not in str(error):
            raise InvalidUrlError(f"{error}; the line holds {_named(hidden[0])}") from None
        if _SECOND_MARK in text[len(first) :]:
            raise InvalidUrlError(f"{error}; it must come first, or in a .csv or .tsv") from None
        raise


def cell_url(text: str, base: Url | None = None) -> Url:
    """
    Return the URL in a place that holds nothing else: a cell of a table, a string of JSON.

    Args:
        text: What it holds.
        base: Where it stands, for URLs that are relative.

    Raises:
        InvalidUrlError: as for `line_url`.
    """
    # As `_as_browsers_write`, which costs millions of rows a call each.
    try:
        url = parse_url(text)
        if url.href == text and text.find(_SECOND_MARK, _SCHEME) < 0:
            return url
    except InvalidUrlError:
        pass
    text = _alone(text, _SECOND)
    if not text:
        raise InvalidUrlError("there is no URL")
    # Whoever forgets https:// means another website, and no file called www.shop.example here.
    if base is None or text.lower().startswith(("www.", f"{base.host}/")):
        return _parsed(text)
    return _parsed(text, base.href)


def href_url(text: str) -> Url:
    """
    Return the URL in an attribute of a page, where no comma separates: it is a part of the URL.

    Raises:
        InvalidUrlError: as for `line_url`.
    """
    return _parsed(_alone(text, _SECOND_BEHIND_SPACE))


def as_line(url: Url) -> str:
    """
    Return `url` as a line of which `line_url` makes the same one.

    The scheme of a URL behind a comma in it is encoded (`,https%3A//`), or there would be two.
    """
    return _SECOND.sub(lambda second: second[0].replace(":", "%3A"), url.href)


def looks_like_domain(text: str) -> bool:
    """Tell whether this would be a URL with https:// in front of it."""
    return _DOMAIN.fullmatch(text) is not None


def is_almost_url(text: str) -> bool:
    """Tell whether this was meant for a URL, or says that there is none."""
    return says_nothing(text) or _ALMOST.match(text) is not None or looks_like_domain(text)


def says_nothing(text: str) -> bool:
    """Tell whether this says that there is nothing to be said."""
    return _NOTHING.fullmatch(text) is not None


def _as_browsers_write(text: str) -> Url | None:
    """Return the URL if `text` is one in its canonical form, as most are: that can hide nothing."""
    try:
        url = parse_url(text)
    except InvalidUrlError:
        return None  # why not is said by who looks closely
    return url if url.href == text and text.find(_SECOND_MARK, _SCHEME) < 0 else None


def _alone(text: str, second: re.Pattern[str]) -> str:
    """Return `text` without what nobody sees around it, if there is no `second` URL in it."""
    text = text.strip(INVISIBLE)
    if second.search(text):
        raise InvalidUrlError("two URLs in one place; put each into a row of its own")
    return text


def _parsed(text: str, base: str | None = None) -> Url:
    if _REPLACED in text:
        raise InvalidUrlError("holds U+FFFD: a character of it was lost before")
    if not text.isprintable():
        if _CUT_CHARACTER.search(text):
            raise InvalidUrlError("not UTF-8 text")
        hidden = _HIDDEN.search(text)
        if hidden is not None:
            raise InvalidUrlError(f"holds {_named(hidden[0])}, which nobody sees; take it out")
    try:
        return parse_url(text, base)
    except InvalidUrlError as error:
        if looks_like_domain(text):
            raise InvalidUrlError(f"{error}; write https://{text[:_SHOWN]}") from None
        if text[:1] in {"/", ".", "?"}:
            raise InvalidUrlError(f"{error}; this one is relative") from None
        raise


def _named(character: str) -> str:
    if character == "\ufeff":
        name = "a byte order mark"
    elif character == "\t":
        name = "a tab"
    elif character in "\r\n":
        name = "a line end"
    else:
        name = unicodedata.name(character, "control character").lower()
        name = f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
    return f"{name} (U+{ord(character):04X})"
