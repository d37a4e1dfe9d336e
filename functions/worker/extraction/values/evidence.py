"""
How a page writes numbers and dates: by its language, its other values, its currency.

Pure: what the page says is handed in. It is asked for when a value needs it, once for a page, and
looked through in time linear in it. What a spec says, its `locale`, goes before all of it.
"""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import cached_property
from typing import NamedTuple

from functions.worker.extraction.values.amounts import Letters, Region
from functions.worker.extraction.values.currencies import currencies
from functions.worker.extraction.values.locales import currency_of_place, day_first, decimal_comma
from functions.worker.extraction.values.texts import tidy
from functions.worker.extraction.values.unread import Unread

_LONGEST = 500_000  # characters of a page that are searched
_TAG = re.compile(r"([a-z]{2})(?:[-_][a-z]{4})?(?:[-_]([a-z]{2}))?(?![a-z])", re.IGNORECASE)
# Languages of pages that leave open how numbers are written: Spain or Mexico, Tunis or Cairo.
_EITHER_MARK = frozenset({"es", "ar"})
_MONEY = r"[$€£¥₹₽₺₴₩฿₫₪zł]|kr|EUR|USD|GBP|CHF|PLN|SEK"
# 1.299,50 and 1,299.50; 12,50 € and $12.50, where it is money; 1.299.000.
_MARKED = re.compile(
    r"(?<![\d.,])\d{1,3}(?:([.,])\d{3})+(?!\1)([.,])\d{1,2}(?![\d.,]\d|\d)"
    rf"|(?:{_MONEY})\s?\d{{1,6}}([.,])\d\d(?![\d.,]\d|\d)"
    rf"|(?<![\d.,])\d{{1,6}}([.,])\d\d\s?(?:{_MONEY})"
    r"|(?<![\d.,])\d{1,3}([.,])\d{3}(?:\5\d{3})+(?![\d.,]\d|\d)"
)
_DAYS = re.compile(r"(?<![\d/.-])(\d\d?)([/.-])(\d\d?)\2(?:19|20)\d\d(?!\d)")
_MONTHS = 12


class Statements(NamedTuple):
    """What a page says. What is a function is called once, if at all."""

    languages: Callable[[], Iterable[str | None]]
    """Returns the tags of its language, such as `en-GB`, that its elements name."""
    text: Callable[[], str]
    """Returns what it shows."""
    currencies: Callable[[], Iterable[str]]
    """Returns what its data name as a currency."""
    fetched_at: float | None
    """When it was fetched, in epoch seconds, if anybody knows."""


class Evidence:
    """What `statements` tell; see the module."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    @cached_property
    def now(self) -> datetime | None:
        """When the page was fetched, UTC."""
        fetched_at = self._statements.fetched_at
        return None if fetched_at is None else datetime.fromtimestamp(fetched_at, UTC)

    @cached_property
    def _tag(self) -> tuple[str, str | None] | None:
        """The page's language and region, if all that names them agrees."""
        named = self._statements.languages()
        tags = [found for found in map(_TAG.match, filter(None, named)) if found]
        languages = {tag[1].lower() for tag in tags}
        if len(languages) != 1:  # lang="en" is what many a template was delivered with
            return None
        regions = {tag[2].upper() for tag in tags if tag[2]}
        return languages.pop(), regions.pop() if len(regions) == 1 else None

    @cached_property
    def _currency_of_place(self) -> str | None:
        """What people pay with where they write as the page does."""
        if self.currency is not None or self._tag is None:
            return None
        if self._tag[1] is None and any(
            "hant" in (name or "").lower() for name in self._statements.languages()
        ):
            return None  # of Taiwan, or Hong Kong
        return currency_of_place(*self._tag)

    @property
    def language(self) -> str | None:
        """The language of the page, two letters."""
        return self._tag[0] if self._tag else None

    @cached_property
    def _text(self) -> str:
        return tidy(self._statements.text()[:_LONGEST])

    @cached_property
    def _written_marks(self) -> set[str]:
        """The decimal marks of the page's numbers that leave no doubt."""
        marks: set[str] = set()
        for found in _MARKED.finditer(self._text):
            _, decimal, before, after, grouping = found.groups()
            mark = decimal or before or after
            marks.add(mark or ("." if grouping == "," else ","))
            if len(marks) > 1:
                break
        return marks

    def decimal_mark(self, currency: str | None, mark: str, *, is_price: bool) -> str | None:
        """
        Return the decimal mark of a number such as 1.299, None if the page does not tell.

        The page's other numbers say it, or else its language, or else the currency. Three digits
        behind the mark are no cents: where it is money, that must not contradict; and where people
        pay without cents, it is all there is to say.
        """
        known = currencies()
        sign = currency or ""
        if self.currency is not None and (
            self.currency in known.candidates(sign) or (is_price and not sign)
        ):
            sign = self.currency
        if known.is_whole(sign):
            return "," if mark == "." else "."
        votes = self._written_marks or self._language_marks or known.decimal_marks(sign)
        if (sign or is_price) and not known.has_mills(sign):
            votes = votes | {"," if mark == "." else "."}
        return next(iter(votes)) if len(votes) == 1 else None

    @cached_property
    def _language_marks(self) -> set[str]:
        if self._tag is None:
            return set()
        language, region = self._tag
        if language in _EITHER_MARK and region is None:
            return set()
        comma = decimal_comma(f"{language}-{region}" if region else language)
        return set() if comma is None else {"," if comma else "."}

    @cached_property
    def day_first(self) -> bool | None:
        """Whether 3/4/2026 is in April; None if the page does not tell."""
        written: set[bool] = set()
        for first, _, second in _DAYS.findall(self._text):
            if int(first) > _MONTHS >= int(second):
                written.add(True)
            elif int(second) > _MONTHS >= int(first):
                written.add(False)
        if written:
            return written.pop() if len(written) == 1 else None
        return None if self._tag is None else day_first("-".join(filter(None, self._tag)))

    @cached_property
    def currency(self) -> str | None:
        """The currency that the page's data names, where it is one."""
        found: set[str] = set()
        for content in self._statements.currencies():
            code = content.strip().upper()
            if code in currencies().codes:
                found.add(code)
        return found.pop() if len(found) == 1 else None

    def currency_of(self, sign: str | None, region: Region | None = None) -> str | Unread | None:
        """
        Return the code for the sign of a currency, None if nobody names one.

        Args:
            sign: As beside the price, or a code; None: there is none, and the page's own counts.
            region: What stands beside that.
        """
        if sign is None:
            return self.currency
        codes = currencies().candidates(sign)
        if not codes or isinstance(sign, Letters):
            named = self.currency or self._currency_of_place
            if named is not None and named in (currencies().of_letters(sign) or codes):
                return named
            # Two that contradict each other have a space between them.
            is_other = isinstance(sign, Letters) and self.currency is not None
            return Unread.AMBIGUOUS if is_other or " " in sign else Unread.UNREADABLE
        if len(codes) == 1:
            return codes[0]
        known = self.currency if self.currency in codes else None
        if region is not None and region.is_certain:
            named = region.currency if known in {None, region.currency} else None
        elif region is not None and known is None:
            named = self._currency_of_place if self._currency_of_place == region.currency else None
        else:
            named = known or self._currency_of_place
        return named if named is not None and named in codes else Unread.AMBIGUOUS
