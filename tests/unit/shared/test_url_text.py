import pytest

from shared.errors import InvalidUrlError
from shared.url_text import (
    as_line,
    cell_url,
    href_url,
    is_almost_url,
    line_url,
)

LAMP = "http://lamps.example/a"


@pytest.mark.parametrize(
    "line",
    [
        LAMP,
        f"{LAMP}\t17",
        f"{LAMP}\t17\tBlue lamp, large",
        f"{LAMP}\thttp://lamps.example/other",
        f"{LAMP} 200 OK",
        f"{LAMP}\u3000藍",
        f"{LAMP} # as of May; see http://lamps.example/b",
        f"\ufeff{LAMP}",
        f"\u200b\u00a0 {LAMP}",
        f"{LAMP}\u00a0",
        f"{LAMP}\u200b\u2060\ufeff",
        f"{LAMP}\u200e\u2028",
        f"{LAMP}\x1a",
        f"{LAMP}\x0bx",
        f"{LAMP}\udca0",
        f"{LAMP}\tM\udcfcller",
        "HTTP://Lamps.example:80/a#top",
    ],
)
def test_a_url_ends_at_the_first_white_space_and_what_nobody_sees_is_not_of_it(line: str) -> None:
    found = line_url(line)

    assert found is not None
    assert found.href == LAMP


@pytest.mark.parametrize(
    "line", ["", "  ", "\ufeff", "# a comment", "\u200b# too", "\x1a", "\u00a0"]
)
def test_blank_lines_and_comments_are_nothing(line: str) -> None:
    assert line_url(line) is None


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("http://lamps.example/a\u200bb", r"holds a zero width space \(U\+200B\)"),
        ("http://lamps\u00ad.example/a", r"holds a soft hyphen \(U\+00AD\)"),
        ("http://lamps.example/a\x07b", r"holds a control character \(U\+0007\)"),
        ("ht\u00a0tp://lamps.example/", r"must start with .* holds a no-break space \(U\+00A0\)"),
        ("http://\u2003lamps.example/", r"must start with .* holds an em space \(U\+2003\)"),
        ("ht\ufefftp://lamps.example/", r"holds a byte order mark \(U\+FEFF\)"),
        ("http://lamps.example/\udcfc", "not UTF-8 text"),
        (f"{LAMP} {LAMP}", "two URLs on one line"),
        (f"{LAMP},{LAMP}", "two URLs on one line"),
        (f"{LAMP};HTTPS://oak.example/", "two URLs on one line"),
        (f'{LAMP}|"{LAMP}"', "two URLs on one line"),
        (f"{LAMP}, Lamps", "a ',' behind the URL; if this is a table"),
        (f"Lamps\t{LAMP}", "it must come first, or in a .csv or .tsv"),
        ("lamps.example", "write https://lamps.example$"),
        ("lamps.example/a?b=1", "write https://lamps.example/a"),
        ("/about", "this one is relative"),
        ("1,lamps.example", "must start with http:// or https:// and name a host$"),
    ],
)
def test_what_cannot_be_told_apart_is_refused_with_a_reason(line: str, reason: str) -> None:
    with pytest.raises(InvalidUrlError, match=reason):
        line_url(line)


def test_joiners_within_words_and_emoji_stay() -> None:
    found = line_url("http://fa.example/\u0645\u06cc\u200c\u062e \U0001f600")
    heart = line_url("http://a.example/\u2764\ufe0f")

    assert found is not None
    assert found.href == "http://fa.example/%D9%85%DB%8C%E2%80%8C%D8%AE"
    assert heart is not None
    assert heart.href == "http://a.example/%E2%9D%A4%EF%B8%8F"


@pytest.mark.parametrize(
    ("cell", "href"),
    [
        (f"\u00a0{LAMP}\r\n", LAMP),
        ("http://lamps.example/blue lamp.html", "http://lamps.example/blue%20lamp.html"),
        ("http://lamps.example/?of=http://oak.example/", None),
        ("http://lamps.example/a,b;c|d", None),
    ],
)
def test_a_cell_is_one_url_with_its_spaces(cell: str, href: str | None) -> None:
    assert cell_url(cell).href == (href or cell)


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("http://lamps.example/\nblue", r"holds a line end \(U\+000A\)"),
        ("http://lamps.example/\tblue", r"holds a tab \(U\+0009\)"),
        ("http://lamps.example/\u00a0blue", "holds a no-break space"),
        (f"{LAMP}\n{LAMP}", "two URLs in one place"),
        (f"{LAMP}, {LAMP}", "two URLs in one place"),
        (f"{LAMP}; ' {LAMP}", "two URLs in one place"),
        (f"{LAMP}|' \"{LAMP}", "two URLs in one place"),
        (f"{LAMP} '  {LAMP}", "two URLs in one place"),
        ("", "^there is no URL$"),
        (" \u200b", "^there is no URL$"),
        ("http://lamps.example/\ud800", "not UTF-8 text"),
    ],
)
def test_a_cell_with_more_than_a_url_is_refused(cell: str, reason: str) -> None:
    with pytest.raises(InvalidUrlError, match=reason):
        cell_url(cell)


@pytest.mark.parametrize(
    ("href", "line"),
    [
        (f"http://a.example/?to=x,{LAMP}", "http://a.example/?to=x,http%3A//"),
        ("https://a.example/?u=1;HTTPS://b.example/", "https://a.example/?u=1;HTTPS%3A//"),
        ("http://a.example/a|https://b.example/", "http://a.example/a|https%3A//"),
        (
            f"http://a.example/,,{LAMP},'{LAMP}",
            "http://a.example/,,http%3A//lamps.example/a,'http%3A//",
        ),
        ("http://a.example/https://b.example/", "http://a.example/https://b.example/"),
        ("http://a.example/?u=https://b.example/,x", "http://a.example/?u=https://b.example/,x"),
    ],
)
def test_a_link_of_a_page_goes_on_behind_a_comma_and_so_does_its_line(href: str, line: str) -> None:
    url = href_url(href)

    assert url.href == href
    found = as_line(url)
    assert found.startswith(line)
    assert line_url(found) == cell_url(found)
    assert cell_url(found).href == found


@pytest.mark.parametrize("text", [f"{LAMP} {LAMP}", f"{LAMP}, {LAMP}", f"{LAMP}\n'{LAMP}"])
def test_two_links_are_none(text: str) -> None:
    with pytest.raises(InvalidUrlError, match="two URLs in one place"):
        href_url(text)


@pytest.mark.parametrize("piece", [" ", "'", '"', " '", ",", ", ", "a.", "/", "a@", "?", "\u200b"])
def test_no_text_takes_long(piece: str) -> None:
    """Quadratic time would take minutes for this."""
    text = f"x{piece * (500_000 // len(piece))}!"

    for read in (cell_url, href_url, line_url):
        with pytest.raises(InvalidUrlError):
            read(text)
    is_almost_url(text)
