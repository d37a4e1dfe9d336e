"""Where a page sends its readers by a meta element, as browsers read it."""

import pytest

from functions.worker.transport.meta_refresh import refresh_of
from functions.worker.transport.page import FetchedPage

URL = "https://a.example/b/c"


def leads(html: str | bytes, content_type: str | None = "text/html") -> str | None:
    body = html if isinstance(html, bytes) else html.encode()
    found = refresh_of(FetchedPage(URL, 200, content_type, None, body))
    return None if found is None else found.href


@pytest.mark.parametrize(
    ("content", "location"),
    [
        ("0; url=/x", "https://a.example/x"),
        ("0;URL='d?e=1&amp;f=2'", "https://a.example/b/d?e=1&f=2"),
        ("3.5, http://b.example", "http://b.example/"),
        ("10 url=/x", "https://a.example/x"),
        ("; url=/x", "https://a.example/x"),
        ("11; url=/x", None),
        ("0", None),
        ("5; url=/b/c", None),
        ("5; url=", None),
        ("0; url=mailto:a@b.example", None),
        ("0; url=javascript:x()", None),
        ("soon; url=/x", None),
    ],
)
def test_the_content_is_read_as_browsers_read_it(content: str, location: str | None) -> None:
    assert leads(f'<title>x</title><META content="{content}" HTTP-EQUIV=Refresh>') == location


@pytest.mark.parametrize(
    ("html", "location"),
    [
        ("<base href=/z/><meta http-equiv=refresh content='0;url=y'>", "https://a.example/z/y"),
        ("<!-- <meta http-equiv=refresh content='0;url=y'> -->", None),
        ("<script>'<meta http-equiv=refresh content=0;url=y>'</script>", None),
        ("<noscript><meta http-equiv=refresh content='0;url=y'></noscript>", None),
        ("<meta name=refresh content='0;url=y'>", None),
        (f"{' ' * 70_000}<meta http-equiv=refresh content='0;url=y'>", None),
        (b"<meta http-equiv=refresh content='0;url=/\xff'>", "https://a.example/%EF%BF%BD"),
    ],
)
def test_the_element_is_one_that_a_browser_would_obey(
    html: str | bytes, location: str | None
) -> None:
    assert leads(html) == location


def test_what_is_no_html_leads_nowhere() -> None:
    assert leads("<meta http-equiv=refresh content='0;url=/x'>", "text/plain") is None


@pytest.mark.parametrize("piece", ["<meta ", "<!--", "<script ", "<meta a=", "<meta http-equiv='"])
def test_no_page_takes_long(piece: str) -> None:
    assert leads(piece * 12_000 + "refresh") is None
