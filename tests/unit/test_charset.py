"""The order of the HTML standard: byte order mark, header, meta, and then a guess."""

import pytest

from functions.worker.charset import decode_page

EURO = "price: 5 €"


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
    text = decode_page(body, declared)

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
    text = decode_page((head + "日本").encode("shift_jis"), None)

    assert isinstance(text, str)
    assert text.endswith("日本")


def test_the_header_beats_the_meta_element() -> None:
    body = '<meta charset="shift_jis">é'.encode()

    assert decode_page(body, "utf-8") is body


def test_a_meta_element_in_ascii_does_not_say_utf_16() -> None:
    body = '<meta charset="utf-16">é'.encode()

    assert decode_page(body, None) is body


def test_utf_8_is_not_copied() -> None:
    body = "<title>é</title>".encode()

    assert decode_page(body, "utf-8") is body
    assert decode_page(body, None) is body


@pytest.mark.parametrize(
    "head",
    ["<meta " * 2_000, "<!--" * 1_000, "<meta charset", "<a '" * 900, '<meta content="' * 200],
)
def test_no_head_takes_long(head: str) -> None:
    """Untrusted input: it must not make a regular expression backtrack for ever."""
    assert decode_page(head.encode(), None) == head.encode()
