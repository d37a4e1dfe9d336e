"""
The columns of a first spec: how a field is called, and which type its values seem to have.

Pure guesswork. What comes of a guess is found out by running it; see `init`.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any

Source = dict[str, Any]
"""A field as it is written in a spec."""

MAX_COLUMNS = 40  # of a first spec; a spec may have more
_MAX_SOURCE = 300  # characters; longer ones nobody reads
_MAX_NAME = 50
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_UNNAMED = re.compile(r"[^A-Za-z0-9_]+")
# Words that name a value only together with the word before them.
_VAGUE = frozenset(["description", "id", "name", "text", "title", "type", "url", "value"])
# Words that add nothing to those behind them.
_TRANSPARENT = frozenset([
    "aggregate_rating", "attributes", "data", "edges", "item", "item_list_element", "node",
    "nutrition", "offers", "price_specification", "results",
])  # fmt: skip
_ADDRESS = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)
_RELATIVE = re.compile(r"(?:/|\./|\.\./)[^\s<>\"]*")
_VOCABULARY = re.compile(r"https?://(?:www\.)?schema\.org(?:/|$)", re.IGNORECASE)
_LINK_NAMES = re.compile(r"(?:^|_)(?:url|image|img|src|href|link|logo|thumbnail|photo|target)s?$")
_DAY = re.compile(r"\d{4}-\d\d?-\d\d?(?:[T ]\d.*)?")
_DATE_NAMES = re.compile(
    r"(?:^|_)(?:date|published|modified|created|updated|expires|valid_(?:from|through|until)|"
    r"(?:published|modified|updated|expiration)_time)(?:_|$)|_at$"
)
_PRICE_NAMES = re.compile(r"(?:^|_)(?:price|amount)$")
_COUNT_NAMES = re.compile(r"(?:^|_)(?:count|position|width|height)$")
# What is whole only by chance.
_NUMBER_NAMES = re.compile(
    r"(?:^|_)(?:rating|rating_value|score|average|ratio|percent|weight|lat|latitude|lng|lon|longitude)$"
)
# What consists of digits and is no number.
_CODE_NAMES = re.compile(
    r"(?:^|_)(?:id|ids|sku|mpn|gtin\d*|isbn\d*|ean\d*|upc|asin|code|telephone|phone|fax|zip|postal_code"
    r"|identifier|key|version|serial|number)$"
)
_NUMERAL = re.compile(r"[^\d\w]{0,4}\s?\d[\d.,\s]*[^\d\w]{0,3}")
_MONEY = re.compile(
    r"(?:[$£€¥₹₽₩₺₴₫฿₪]|\b(?:USD|EUR|GBP|JPY|CHF|AUD|CAD|SEK|NOK|DKK|PLN|CZK|zł|Kč|kr\.?)(?!\w))"
)
_MAX_MONEY = 20  # characters of a text that is a price and not prose


class Columns:
    """Fields by name, in their order, and no more than a spec holds."""

    def __init__(self) -> None:
        self.fields: dict[str, Source] = {}
        self._taken: set[str] = set()

    def add(self, steps: Sequence[str], source: Source, owner: str = "") -> None:
        """
        Add a field.

        Args:
            steps: The words that name it.
            source: Where its value is, and of which type.
            owner: The word before those, where the name is taken.
        """
        if len(self.fields) >= MAX_COLUMNS or len(repr(source)) > _MAX_SOURCE:
            return
        for name in _names(steps, owner):
            columns = {name, f"{name}_currency"} if source.get("type") == "price" else {name}
            if columns.isdisjoint(self._taken):
                self._taken |= columns
                self.fields[name] = source
                return


def _names(steps: Sequence[str], owner: str) -> list[str]:
    words = [snake_case(step) for step in steps]
    short = [word for word in words[:-1] if word not in _TRANSPARENT] + words[-1:]
    if words[-1] in _VAGUE and len(short) == 1:
        short = words
    owned = [snake_case(owner), *words] if owner else words
    names = [_joined(some) for some in (short, words, owned)]
    return [*names, *(f"{names[0]}_{number}" for number in range(2, MAX_COLUMNS + 2))]


def _joined(words: Iterable[str]) -> str:
    """Return `review_rating_value` of review, review_rating and rating_value."""
    joined: list[str] = []
    for word in "_".join(words).split("_"):
        if joined[-1:] != [word]:
            joined.append(word)
    return "_".join(joined)[:_MAX_NAME].strip("_") or "field"


def snake_case(name: str) -> str:
    """Return `name` as a field of a spec may be called."""
    words = _UNNAMED.sub("_", _CAMEL.sub("_", name)).strip("_").lower()[:_MAX_NAME].rstrip("_")
    return words if words and not words[0].isdigit() else f"field_{words}".rstrip("_")


def type_of_data(name: str, values: Sequence[Any]) -> str | None:
    """
    Return the type that values of data seem to have; None: text.

    Args:
        name: The last step to them.
        values: Those of this page. Another page may have a text where this one has digits, so that
            the name counts as well.
    """
    name = snake_case(name)
    if all(isinstance(value, bool) for value in values):
        return "boolean"
    if any(isinstance(value, bool) for value in values) or _CODE_NAMES.search(name):
        return None
    texts = [value.strip() for value in values if isinstance(value, str) and value.strip()]
    if _PRICE_NAMES.search(name) and (not texts or any(map(_has_digit, texts))):
        return "price"
    if texts:
        return _type_of_texts(name, texts)
    if _DATE_NAMES.search(name):
        return "date"
    is_whole = all(isinstance(value, int) for value in values)
    return "integer" if is_whole and not _NUMBER_NAMES.search(name) else "number"


def _type_of_texts(name: str, texts: list[str]) -> str | None:
    if any(map(_VOCABULARY.match, texts)):  # a word of an enumeration, also written without it
        return None
    links = all(map(_ADDRESS.fullmatch, texts)) or (
        _LINK_NAMES.search(name) is not None
        and all(_ADDRESS.fullmatch(text) or _RELATIVE.fullmatch(text) for text in texts)
    )
    digits = all(map(_NUMERAL.fullmatch, texts))
    kinds = {
        "url": links,
        "integer": digits and _COUNT_NAMES.search(name),
        "number": digits and _NUMBER_NAMES.search(name),
        "date": _DATE_NAMES.search(name) or all(map(_DAY.fullmatch, texts)),
    }
    return next((kind for kind, fits in kinds.items() if fits), None)


def _has_digit(text: str) -> bool:
    return any(character.isdigit() for character in text)


def type_of_text(texts: Iterable[str]) -> str | None:
    """Return the type that texts between tags seem to have; None: text."""
    texts = list(texts)
    if texts and all(
        len(text) <= _MAX_MONEY and _has_digit(text) and _MONEY.search(text) for text in texts
    ):
        return "price"
    if texts and all(_NUMERAL.fullmatch(text) for text in texts):
        # 007 is a name.
        return None if any(re.match(r"0\d", text) for text in texts) else "number"
    return None
