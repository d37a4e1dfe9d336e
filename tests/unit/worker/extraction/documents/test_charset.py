"""The order of the HTML standard: byte order mark, header, meta, and then a guess."""

import pytest

from functions.worker.extraction.documents.charset import decode_page
from functions.worker.transport.page import FetchedPage

EURO = "price: 5 €"


def decoded(
    body: bytes,
    declared: str | None,
    kind: str | None = "text/html",
    url: str = "http://e.com/",
) -> str | bytes:
    return decode_page(FetchedPage(url, 200, kind, declared, body))


@pytest.mark.parametrize(
    ("body", "declared"),
    [
        pytest.param(EURO.encode(), None, id="UTF-8 that nobody declares"),
        pytest.param(EURO.encode(), "utf-8", id="UTF-8 that the header declares"),
        pytest.param(EURO.encode(), "UTF8", id="another label"),
        pytest.param(EURO.encode(), "no-such-charset", id="a label that is none"),
        pytest.param(EURO.encode(), "rot13", id="a codec of Python's that is no charset"),
        pytest.param(b"\xef\xbb\xbf" + EURO.encode(), "latin-1", id="a BOM beats the header"),
        pytest.param(b"\xff\xfe" + EURO.encode("utf-16-le"), "utf-8", id="UTF-16, little-endian"),
        pytest.param(b"\xfe\xff" + EURO.encode("utf-16-be"), None, id="UTF-16, big-endian"),
        pytest.param(EURO.encode("cp1252"), "iso-8859-1", id="latin-1 means windows-1252"),
        pytest.param(EURO.encode("cp1252"), " ASCII ", id="and so does ASCII"),
        pytest.param(EURO.encode("cp1252"), None, id="windows-1252 that nobody declares"),
        pytest.param(EURO.encode("iso-8859-15"), "iso-8859-15", id="the header's"),
    ],
)
def test_bytes_are_read_as_browsers_read_them(body: bytes, declared: str | None) -> None:
    text = decoded(body, declared)

    assert (text if isinstance(text, str) else text.decode()) == EURO


@pytest.mark.parametrize(
    "head",
    [
        '<meta charset="shift_jis">',
        "<META CHARSET=SJIS>",
        "<meta charset='windows-31j' >",
        '<meta http-equiv="Content-Type" content="text/html; charset=Shift_JIS">',
        "<meta content='text/html;charset=\"shift_jis\"' http-equiv=content-type>",
        '<!-- <meta charset="utf-8"> --><meta charset="shift_jis">',
        "<!--><meta charset='shift_jis'><!-- -->",
        '<p title="<meta charset=utf-8>"><meta charset=shift_jis>',
        '<!doctype html><html lang=ja><head><title>x</title><meta charset="shift_jis"/>',
        '<meta name=x content="charset=utf-8"><meta charset=shift_jis>',
        '<meta charset="no-such"><meta charset="shift_jis">',
        "<metadata charset=utf-8><meta charset=shift_jis>",
        '<?xml version="1.0" encoding="Shift_JIS"?><html>',
        "<script>if (a < b) 'x'</script><meta charset=shift_jis>",
        "<p>" * 700 + "<meta charset=shift_jis>",
    ],
)
def test_a_meta_element_is_found_as_the_prescan_finds_it(head: str) -> None:
    text = decoded((head + "日本").encode("shift_jis"), None)

    assert isinstance(text, str)
    assert text.endswith("日本")


def test_the_header_beats_the_meta_element() -> None:
    body = '<meta charset="shift_jis">é'.encode()

    assert decoded(body, "utf-8") is body


def test_a_meta_element_in_ascii_does_not_say_utf_16() -> None:
    body = '<meta charset="utf-16">é'.encode()

    assert decoded(body, None) is body


def test_utf_8_is_not_copied() -> None:
    body = "<title>é</title>".encode()

    assert decoded(body, "utf-8") is body
    assert decoded(body, None) is body


@pytest.mark.parametrize(
    "head",
    ["<meta " * 2_000, "<!--" * 1_000, "<meta charset", "<a '" * 900, '<meta content="' * 200],
)
def test_no_head_takes_long(head: str) -> None:
    """Untrusted input: it must not make a regular expression backtrack for ever."""
    assert decoded(head.encode(), None) == head.encode()


@pytest.mark.parametrize(
    ("declared", "body"),
    [
        ("windows-1251", "<r>Привет</r>".encode("cp1251")),
        ("windows-1251", '<?xml version="1.0" encoding="utf-8"?><r>Привет</r>'.encode("cp1251")),
        ("utf-8", '<?xml version="1.0" encoding="koi8-r"?><r>Привет</r>'.encode()),
        (None, '<?xml version="1.0" encoding="koi8-r"?><r>Привет</r>'.encode("koi8-r")),
        ("koi8-r", b"\xef\xbb\xbf" + "<r>Привет</r>".encode()),
        (None, '<r><meta charset="koi8-r"/>Привет</r>'.encode()),
    ],
)
@pytest.mark.parametrize("kind", ["text/xml", "application/rss+xml", "image/svg+xml"])
def test_the_header_comes_first_for_xml_and_then_the_declaration(
    declared: str | None, body: bytes, kind: str
) -> None:
    text = decoded(body, declared, kind)

    assert "Привет" in (text if isinstance(text, str) else text.decode())


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "application/ld+json"])
def test_only_html_is_searched_for_a_meta_element(kind: str) -> None:
    body = '{"html": "<meta charset=koi8-r>", "name": "é"}'.encode()

    assert decoded(body, None, kind) is body


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("<title>网站地图</title><p>价格是一千元</p>", "gbk"),
        ("<title>ご案内</title><p>価格は千円です</p>", "shift_jis"),
        ("<title>ご案内</title><p>価格は千円です</p>", "euc-jp"),
        ("<title>가격 안내</title><p>가격은 천원입니다</p>", "euc-kr"),
        ("<title>網站地圖</title><p>價格是一千元</p>", "big5"),
        ("<title>Карта сайта</title><p>Цена сто рублей</p>", "windows-1251"),
        ("<title>Ελλάδα</title><p>ποια τιμή είναι εκατό</p>", "iso-8859-7"),
        ("<p>Lamps £5, naïve “quotes” — yes</p>", "windows-1252"),
        ("<p>5 €, Größe, café</p>", "windows-1252"),
    ],
)
def test_where_nothing_declares_it_the_bytes_decide(text: str, encoding: str) -> None:
    body = (f"<html><p>{'some words in English ' * 50}</p>").encode() + text.encode(encoding)

    found = decoded(body, None)

    assert isinstance(found, str)
    assert found.endswith(text)


def test_a_misspelt_declaration_is_better_than_a_guess() -> None:
    """Two characters are not enough to tell Chinese from Korean."""
    body = '<meta http_equiv="Content-Type" content="text/html; charset=gbk"><p>价格'.encode("gbk")

    found = decoded(body, None)

    assert isinstance(found, str)
    assert found.endswith("价格")


@pytest.mark.parametrize("url", ["http://E.example/", "http://127.0.0.1:8/", "http://[::1]/"])
def test_the_guess_takes_any_host(url: str) -> None:
    assert decoded(b"caf\xe9", None, url=url) == "café"
