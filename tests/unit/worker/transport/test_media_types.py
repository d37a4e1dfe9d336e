"""What a body is, by its Content-Type and by its first bytes."""

import pytest

from functions.worker.transport.media_types import binary_type, declared_type, is_html, is_xml


@pytest.mark.parametrize(
    ("values", "content_type", "charset"),
    [
        ([], None, None),
        ([""], None, None),
        (["Text/HTML ; Charset = 'UTF-8'"], "text/html", "UTF-8"),
        (["text/html, charset=utf-8"], "text/html", None),
        (["text/html charset=utf-8"], None, None),
        (["text/html;charset=gbk, text/html"], "text/html", "gbk"),
        (["text/html;charset=gbk", "text/html;x=y"], "text/html", "gbk"),
        (["text/html;charset=gbk, text/plain", "text/html"], "text/html", None),
        (["text/html;charset=gbk,*/*"], "text/html", "gbk"),
        (["*/*"], None, None),
        (["html"], None, None),
        (["/"], None, None),
        (["text/html/x"], None, None),
        (['text/html;x=", ";charset="gbk"'], "text/html", "gbk"),
        (['text/html;x="text/plain, text/xml'], "text/html", None),
        (['text/html;x="; charset=gbk";charset=utf-8'], "text/html", "utf-8"),
        (["text/html;charset=;charset=gbk"], "text/html", "gbk"),
        (["text/html;;charset=gbk"], "text/html", "gbk"),
        (['text/html;charset="gb\\k"'], "text/html", "gbk"),
        (["nonsense", "text/html"], "text/html", None),
        (["text/html", "nonsense"], "text/html", None),
    ],
)
def test_the_last_value_that_is_a_type_counts(
    values: list[str], content_type: str | None, charset: str | None
) -> None:
    assert declared_type(tuple(values)) == (content_type, charset)


def test_a_long_value_takes_no_time() -> None:
    """Each quotation mark could begin a text without an end."""
    declared_type(("text/html;x=" + '"\\' * 30_000 + "\\",))


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"%PDF-1.7", "application/pdf"),
        (b"\x89PNG\r\n\x1a\n...", "image/png"),
        (b"RIFF....WEBPVP8 ", "image/webp"),
        (b"\0\0\0\x18ftypmp42", "video/mp4"),
        (b"PK\3\4...", "application/zip"),
        (b"BM\x36\0\0\0\0\0", "image/bmp"),
        (b"BMW sells cars, and this is a text about them.", None),
        (b"<!doctype html>", None),
        (b"hello", None),
        (b"", None),
    ],
)
def test_what_is_no_text_is_known_by_its_first_bytes(body: bytes, kind: str | None) -> None:
    assert binary_type(body) == kind


@pytest.mark.parametrize(
    ("content_type", "body", "expected"),
    [
        (None, b"anything", True),
        ("text/html", b"anything", True),
        ("application/xhtml+xml", b"<?xml", True),
        ("application/octet-stream", b"\r\n <!DOCTYPE html><title>x", True),
        ("application/octet-stream", b"<!-- saved --><html>", True),
        ("application/x-download", b"\xef\xbb\xbf<html lang=en>", True),
        ("application/json", b"<html>", True),
        ("application/json", b'{"html": "<html>"}', False),
        ("text/json", b"<!-- a --> <!doctype html>", True),
        ("text/plain", b"<!doctype html>", True),
        ("text/plain", b"<p>is the tag of a paragraph", False),
        ("application/xml", b"<html xmlns='http://www.w3.org/1999/xhtml'>", False),
        ("image/svg+xml", b"<!-- --><svg>", False),
        ("application/octet-stream", b"<?xml version='1.0'?><rss>", False),
        ("application/octet-stream", b"\x89PNG", False),
        ("application/octet-stream", b"<apple>", False),
    ],
)
def test_what_is_html_is_read_as_html(
    content_type: str | None, body: bytes, expected: bool
) -> None:
    assert is_html(content_type, body) is expected


def test_what_is_xml_is_read_as_xml() -> None:
    assert is_xml("application/octet-stream", b"\xef\xbb\xbf<?xml version='1.0'?><a/>")
    assert is_xml("application/atom+xml", b"")
    assert not is_xml("application/octet-stream", b"<a/>")


@pytest.mark.parametrize("piece", [b" ", b"\0", b"\xef\xbb\xbf ", b"<!-"])
def test_no_body_takes_long(piece: bytes) -> None:
    """White space alone took quadratic time."""
    assert not is_html("application/octet-stream", piece * 300_000 + b"x")
    assert not is_html("text/plain", piece * 300_000 + b"x")
