"""Which URLs the globs and regular expressions of a spec fit."""

import pytest

from shared.errors import InvalidSpecError
from shared.url_patterns import any_fitting, first_fitting, query_dropper
from shared.urls import parse_url


@pytest.mark.parametrize(
    ("pattern", "url", "does_fit"),
    [
        ("shop.example/p/*", "https://shop.example/p/1", True),
        ("shop.example/p/*", "http://SHOP.example/p/1", True),
        ("Shop.Example/p/*", "https://shop.example/p/1/reviews", True),
        ("shop.example/p/*", "https://shop.example/p/", True),
        ("shop.example/p/*", "https://shop.example/p", False),
        ("shop.example/p/*", "https://shop.example/P/1", False),
        ("shop.example/p/*", "https://other.example/shop.example/p/1", False),
        ("shop.example/p/*", "https://www.shop.example/p/1", False),
        ("shop.example/p/*", "https://shop-example/p/1", False),
        ("shop.example/p/*", "https://shop.example:8443/p/1", True),
        ("shop.example:8443/p/*", "https://shop.example:8443/p/1", True),
        ("shop.example:8443/p/*", "https://shop.example/p/1", False),
        ("shop.example:443/p/*", "https://shop.example/p/1", True),
        ("shop.example/", "https://shop.example/", True),
        ("shop.example/", "https://shop.example/a", False),
        ("shop.example", "https://shop.example/a/b?c", True),
        ("shop.example", "https://shop.example.evil.example/a", False),
        ("*.shop.example", "https://www.shop.example/a", True),
        ("*.shop.example", "https://a.b.shop.example/", True),
        ("*.shop.example", "https://shop.example/", True),
        ("*.shop.example", "https://myshop.example/", False),
        ("*.shop.example/p/*", "https://evil.example/x.shop.example/p/1", False),
        ("shop.*/p/*", "https://shop.co.uk/p/1", True),
        ("*/p/*", "https://any.example/p/1", True),
        ("https://shop.example/*", "http://shop.example/a", False),
        ("https://shop.example/*", "https://shop.example/a", True),
        ("*://shop.example/*", "http://shop.example/a", True),
        ("shop.example/*/reviews", "https://shop.example/a/b/reviews?page=2", True),
        ("shop.example/search", "https://shop.example/search?q=lamp", True),
        ("shop.example/search?*page=*", "https://shop.example/search?q=lamp&page=2", True),
        ("shop.example/search?*page=*", "https://shop.example/search?q=lamp", False),
        ("shop.example/search?q=1", "https://shop.example/search?q=1&r=2", False),
        ("shop.example?q=*", "https://shop.example/?q=1", True),
        ("shop.example/r?u=https://*", "http://shop.example/r?u=https://a.example/", True),
        ("shop.example/r?u=https://*", "http://shop.example/r?u=http://a.example/", False),
        ("shop.example?u=ftp://*", "https://shop.example/?u=ftp://a.example/", True),
        ("*://shop.example/r?u=https://*", "http://shop.example/r?u=https://a.example/", True),
        ("https://*/web/http://*", "https://archive.example/web/http://a.example/", True),
        ("https://*/web/http://*", "http://archive.example/web/http://a.example/", False),
        ("bücher.example/größe/*", "https://bücher.example/größe/1", True),
        ("shop.example/a.b", "https://shop.example/aXb", False),
        ("shop.example/[ab]/(c)+", "https://shop.example/[ab]/(c)+", True),
        ("127.0.0.1/a", "http://127.0.0.1:8000/a", True),
        ("[::1]:80/*", "http://[::1]/a", True),
        ("[::1]/*", "http://[::1]:8000/a", True),
        (r"regex:/p/[0-9]+$", "https://shop.example/p/17", True),
        (r"regex:/p/[0-9]+$", "https://shop.example/p/17/reviews", False),
        (r"regex:^https://shop", "https://shop.example/", True),
    ],
)
def test_a_pattern_fits_the_urls_that_people_mean_by_it(
    pattern: str, url: str, does_fit: bool
) -> None:
    assert any_fitting([pattern], "match")(parse_url(url).href) is does_fit


def test_the_first_pattern_that_fits_counts() -> None:
    first = first_fitting(["a.example/x/*", "a.example/*", "regex:x"], ["", "", ""])

    urls = ("a.example/x/1", "a.example/y", "b.net/x", "b.net/")
    assert [first(f"https://{url}") for url in urls] == [0, 1, 2, None]


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("/p/*", "'/p/*' names no host; write shop.example/p/*, or */p/* for any host"),
        ("ftp://a.example/", "'ftp://a.example/' fits no URL; begin with http:// or a host"),
        ("a.example/#top", "'a.example/#top' fits no URL; leave out white space and #"),
        ("a.example/b c", "'a.example/b c' fits no URL; leave out white space and #"),
        ("regex:", "write a pattern behind regex:"),
        ("regex:a(?=b)", "invalid perl operator: '(?=' at 2; RE2 has no look-around"),
        ("\N{SOFT HYPHEN}.example/", "'\\xad.example' is no name of a host"),
        ("me@a.example/", "'me@a.example' is no name of a host"),
        ("a..example", "'a..example' is no name of a host"),
    ],
)
def test_what_can_fit_no_url_is_refused(pattern: str, problem: str) -> None:
    with pytest.raises(InvalidSpecError) as caught:
        any_fitting(["a.example", pattern], "pages.a.match")

    assert (caught.value.path, caught.value.problem) == ("pages.a.match[1]", problem)


@pytest.mark.parametrize(
    ("names", "url", "expected"),
    [
        (["utm_*", "sid"], "a?utm_source=b&c=d&sid=3&utm_medium=e", "a?c=d"),
        (["utm_*", "sid"], "a?sid=1", "a"),
        (["sid"], "a?SID=1&side=2&sid", "a?SID=1&side=2"),
        (["s id"], "a?s+id=1&s%20id=2&b", "a?b"),
        (["*"], "a?b=c&d", "a"),
        (["sid"], "a?", "a?"),
        ([], "a?sid=1", "a?sid=1"),
    ],
)
def test_query_parameters_are_dropped_by_name(names: list[str], url: str, expected: str) -> None:
    assert query_dropper(names, "")(f"https://a.example/{url}") == f"https://a.example/{expected}"


def test_a_parameter_is_named_without_its_value() -> None:
    with pytest.raises(InvalidSpecError) as caught:
        query_dropper(["a", "sid=*"], "crawl.drop_query")

    assert str(caught.value) == (
        "crawl.drop_query[1]: 'sid=*' is no name of a parameter; write sid or utm_*"
    )
