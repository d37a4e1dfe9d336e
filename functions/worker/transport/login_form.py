"""
The form of a login page, as far as a browser would send it along. Pure.

It makes no tree of the page, which nobody has taken the measure of.
"""

from collections.abc import Collection
from html.parser import HTMLParser

from functions.worker.transport.page import FetchedPage

_NOT_SENT = {"button", "file", "image", "reset", "submit"}
_IF_CHECKED = {"checkbox", "radio"}
_HTML = {None, "text/html", "application/xhtml+xml"}


class _Forms(HTMLParser):
    """Collects the fields of each form: name and value, and whether it asks for a password."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[dict[str, str]] = []
        self.names: list[set[str]] = []
        self.asks_password = False
        self._is_inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in reversed(attrs)}
        if tag == "form":
            self.forms.append({})
            self.names.append(set())
            self._is_inside = True
        elif tag == "input":
            kind = said.get("type", "text").lower()
            self.asks_password = self.asks_password or kind == "password"
            if self._is_inside and (name := said.get("name", "")):
                self.names[-1].add(name)
                is_off = kind in _IF_CHECKED and "checked" not in said
                if kind not in _NOT_SENT and not is_off and "disabled" not in said:
                    default = "on" if kind in _IF_CHECKED else ""
                    self.forms[-1][name] = said.get("value", default)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._is_inside = False


def form_fields(page: FetchedPage, names: Collection[str]) -> dict[str, str] | None:
    """
    Return the names and values of the form of `page` that has most of the fields `names`.

    Returns None if no form has any.
    """
    found = _read(page)
    best, most = None, 0
    for form, own in zip(found.forms, found.names, strict=True):
        number = len(own.intersection(names))
        if number > most:
            best, most = form, number
    return best


def asks_password(page: FetchedPage) -> bool:
    """Tell whether `page` is HTML with a field for a password."""
    return page.content_type in _HTML and _read(page).asks_password


def _read(page: FetchedPage) -> _Forms:
    try:
        text = page.body.decode(page.charset or "utf-8", errors="replace")
    except LookupError:
        text = page.body.decode(errors="replace")
    forms = _Forms()
    forms.feed(text)
    forms.close()
    return forms
