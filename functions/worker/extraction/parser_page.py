"""A page as a Python parser of the user's gets it. `parsers` hands it on under its public name."""

from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec

from functions.worker.extraction.documents.charset import decode_page
from functions.worker.extraction.documents.lexbor import parse_html
from functions.worker.transport.page import FetchedPage
from shared.encodable import mend_json

if TYPE_CHECKING:
    from bs4 import BeautifulSoup
    from selectolax.lexbor import LexborHTMLParser


class Page:
    """
    A fetched page, as a parser gets it.

    `soup`, `tree` and `text` are made when they are asked for, once.
    """

    url: str
    """Where the page was found, after redirects."""
    status: int
    """Of HTTP, 200 to 299."""
    headers: dict[str, str]
    """By name in lower case; of several of one name the values with ", " between them."""
    body: bytes
    """As sent, without gzip and the like."""

    def __init__(self, page: FetchedPage) -> None:
        self.url = page.url
        self.status = page.status
        self.body = page.body
        self.headers = {}
        for raw_name, raw_value in page.headers:
            name, value = raw_name.decode("latin-1").lower(), raw_value.decode("utf-8", "replace")
            self.headers[name] = f"{self.headers[name]}, {value}" if name in self.headers else value
        self._page = page

    @cached_property
    def text(self) -> str:
        """The characters that `body` stands for, as browsers decide it."""
        text = decode_page(self._page)
        return text if isinstance(text, str) else text.decode("utf-8", "replace")

    @cached_property
    def soup(self) -> "BeautifulSoup":
        """The page as BeautifulSoup on lxml."""
        from bs4 import BeautifulSoup  # noqa: PLC0415 -- 0.1 s, for who uses it

        return BeautifulSoup(self.text, "lxml")

    @cached_property
    def tree(self) -> "LexborHTMLParser":
        """The page as selectolax has it: `page.tree.css("h1")`, thirty times as fast as `soup`."""
        return parse_html(decode_page(self._page))

    def json(self) -> Any:  # noqa: ANN401 -- it is whatever the website says
        """
        Return the page as JSON.

        Raises:
            msgspec.DecodeError: it is none.
        """
        text = self.text.encode()
        try:
            return msgspec.json.decode(text)
        except msgspec.DecodeError:
            return msgspec.json.decode(mend_json(text))
