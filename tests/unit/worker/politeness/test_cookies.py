"""The cases named after sections are those of RFC 6265bis."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.worker.politeness.cookies import (
    MAX_BYTES,
    MAX_COOKIES,
    MAX_SITES,
    CookieJar,
    cookie_date,
)
from shared.urls import parse_url

NOW = 1_795_000_000.0
SHOP = "https://www.shop.example/lamps/oak"
DAY = 86_400


def sent(*headers: str, by: str = SHOP, to: str | None = None, later: float = 0.0) -> str | None:
    """Return what comes back of `headers`, in a request for `to` (else for `by`)."""
    jar = CookieJar()
    jar.take(headers, parse_url(by), NOW)
    return jar.header(None, parse_url(to or by), NOW + later)


@pytest.mark.parametrize(
    ("header", "back"),
    [
        ("a=1", "a=1"),
        ("a=1; Path=/; Secure; HttpOnly; SameSite=None; Partitioned", "a=1"),
        ("a=1; Priority=High", "a=1"),
        ("a=1; b=2; c", "a=1"),
        ("basket[3]=lamp", "basket[3]=lamp"),
        ("{8F3C}/x(y)=1", "{8F3C}/x(y)=1"),
        ('view={"grid":[1,2]}', 'view={"grid":[1,2]}'),
        ("name=Ada Byron", "name=Ada Byron"),
        ('quoted="a b"', 'quoted="a b"'),
        ('open="a;b"', 'open="a'),
        ("comma=a,b", "comma=a,b"),
        ("back=a\\b", "back=a\\b"),
        ("query=a=b&c=d", "query=a=b&c=d"),
        (" \tspaced \t=\t 1 2 \t; Path=/", "spaced=1 2"),
        ("ümlaut=grün", "ümlaut=grün"),
        ("empty=", "empty="),
        ("nameless", "nameless"),
        ("=nameless", "nameless"),
        (";Path=/;;;", None),
        ("=", None),
        ("", None),
        ("a=b\0c", None),
        ("a=b\x7f", None),
        ("a=\N{REPLACEMENT CHARACTER}", None),
    ],
)
def test_a_cookie_comes_back_as_it_was_set(header: str, back: str | None) -> None:
    assert sent(header) == back


@pytest.mark.parametrize(
    ("attributes", "later", "there"),
    [
        ("Max-Age=0600", 599, True),
        ("Max-Age=0600", 600, False),
        ("Max-Age=0", 0, False),
        ("Max-Age=-1", 0, False),
        ("Max-Age=-", 10 * DAY, True),
        ("Max-Age=", 10 * DAY, True),
        ("Max-Age=6e2", 10 * DAY, True),
        ("Max-Age=1.5", 10 * DAY, True),
        ("Max-Age=+5", 10 * DAY, True),
        ("Max-Age=٣", 10 * DAY, True),
        ("Max-Age=99999999999999999999", 399 * DAY, True),
        ("Max-Age=99999999999999999999", 400 * DAY, False),
        ("Max-Age=60; Max-Age=no", 60, False),
        ("max-age = 60", 60, False),
        ("Expires=Thu, 01 Jan 1970 00:00:00 GMT", 0, False),
        ("Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=60", 0, True),
        ("Max-Age=0; Expires=Thu, 31 Dec 2037 00:00:00 GMT", 0, False),
        ("Expires=0", 10 * DAY, True),
        ("Expires=Wed, 31 Dec 2036 23:59:59 GMT", 399 * DAY, True),
    ],
)
def test_a_cookie_lasts_as_long_as_it_says(attributes: str, later: float, there: bool) -> None:
    assert sent(f"a=1; {attributes}", later=later) == ("a=1" if there else None)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Wed, 21 Oct 2026 07:28:00 GMT", 1_792_567_680),
        ("Wednesday, 21-Oct-26 07:28:00 GMT", 1_792_567_680),
        ("Wed Oct 21 07:28:00 2026", 1_792_567_680),
        ("21 october 2026 7:28:0 garbage", 1_792_567_680),
        ("2026 21 Oct 07:28:00", 1_792_567_680),
        ("21-Oct-1969 07:28:00", -6_193_920),
        ("Thu, 01-Jan-1970 00:00:01 GMT", 1),
        ("1 Jan 69 00:00:00", 3_124_224_000),
        ("31 Feb 2026 00:00:00", None),
        ("1 Jan 1600 00:00:00", None),
        ("1 Jan 2026 24:00:00", None),
        ("1 Jan 2026", None),
        ("", None),
    ],
)
def test_dates_of_cookies(text: str, seconds: float | None) -> None:
    assert cookie_date(text) == seconds


@pytest.mark.parametrize(
    ("domain", "to", "there"),
    [
        pytest.param(None, "https://www.shop.example/lamps/", True, id="the host itself"),
        pytest.param(None, "https://shop.example/lamps/", False, id="and no other"),
        pytest.param("shop.example", "https://shop.example/lamps/", True, id="the domain"),
        pytest.param(".Shop.Example", "https://m.shop.example/lamps/", True, id="with its hosts"),
        pytest.param("www.shop.example", "https://m.shop.example/lamps/", False, id="own alone"),
        pytest.param("m.shop.example", "https://m.shop.example/lamps/", False, id="another host"),
        pytest.param("shop.example.", SHOP, False, id="a dot behind"),
        pytest.param("hop.example", SHOP, False, id="half a name"),
        pytest.param("example", SHOP, False, id="a public suffix"),
        pytest.param("other.example", "https://other.example/lamps/", False, id="another site"),
        pytest.param("shop.example; Domain=", "https://m.shop.example/lamps/", True, id="empty"),
        pytest.param("other.example; Domain=shop.example", SHOP, True, id="the last one counts"),
        pytest.param("shop.example; Domain=other.example", SHOP, False, id="if it is not ours"),
    ],
)  # fmt: skip
def test_cookies_go_where_their_domain_says(domain: str | None, to: str, there: bool) -> None:
    header = "a=1" if domain is None else f"a=1; Domain={domain}"

    assert sent(header, to=to) == ("a=1" if there else None)


@pytest.mark.parametrize(
    ("by", "domain", "to"),
    [
        ("https://a.co.uk/", "co.uk", "https://b.co.uk/"),
        ("https://co.uk/", "co.uk", "https://b.co.uk/"),
        ("https://me.github.io/", "github.io", "https://you.github.io/"),
        ("https://10.0.0.1/", "0.0.1", "https://10.0.0.1/"),
    ],
)
def test_nobody_sets_cookies_for_the_sites_of_others(by: str, domain: str, to: str) -> None:
    assert sent(f"a=1; Domain={domain}", by=by, to=to) is None


def test_an_address_keeps_its_cookies() -> None:
    assert sent("a=1; Domain=10.0.0.1", by="http://10.0.0.1:8080/") == "a=1"
    assert sent("a=1", by="http://[::1]/", to="http://[::1]:9/x") == "a=1"


@pytest.mark.parametrize(
    ("path", "to", "there"),
    [
        (None, "/lamps", True),
        (None, "/lamps/elm?x", True),
        (None, "/lampshades", False),
        (None, "/", False),
        ("/", "/", True),
        ("/lamps/", "/lamps", False),
        ("/lamps/", "/lamps/x", True),
        ("lamps", "/lamps", True),
        ("/x; Path=", "/lamps", True),
        ("/Lamps", "/lamps", False),
    ],
)
def test_cookies_go_where_their_path_says(path: str | None, to: str, there: bool) -> None:
    header = "a=1" if path is None else f"a=1; Path={path}"

    assert sent(header, to=f"https://www.shop.example{to}") == ("a=1" if there else None)


@pytest.mark.parametrize(
    ("header", "by", "to", "there"),
    [
        ("a=1; Path=/; Secure", SHOP, SHOP, True),
        ("a=1; Path=/; secure=no", SHOP, "http://www.shop.example/", False),
        ("a=1; Path=/; Secure", "http://www.shop.example/", SHOP, False),
        ("a=1; Path=/", SHOP, "http://www.shop.example/", True),
        ("__Secure-a=1; Path=/", SHOP, SHOP, False),
        ("__secure-a=1; Path=/; Secure", SHOP, SHOP, True),
        ("__Host-a=1; Path=/; Secure", SHOP, SHOP, True),
        ("__Host-a=1; Secure", SHOP, SHOP, False),
        ("__Host-a=1; Path=/; Secure; Domain=www.shop.example", SHOP, SHOP, False),
        ("=__Host-a=1; Path=/; Secure", SHOP, SHOP, False),
    ],
)
def test_secure_cookies_stay_with_https(header: str, by: str, to: str, there: bool) -> None:
    assert (sent(header, by=by, to=to) is not None) == there


def test_http_does_not_overlay_what_https_has_set() -> None:
    jar = CookieJar()
    jar.take(["a=1; Path=/; Secure"], parse_url(SHOP), NOW)
    jar.take(
        ["a=2; Path=/; Domain=shop.example", "b=2; Path=/"],
        parse_url("http://www.shop.example/"),
        NOW,
    )

    assert jar.header(None, parse_url(SHOP), NOW) == "a=1; b=2"


def test_a_later_cookie_replaces_an_earlier_one_in_its_place() -> None:
    assert sent("a=1; Path=/", "b=1; Path=/", "a=2; Path=/") == "a=2; b=1"
    assert sent("a=1", "a=gone; Max-Age=0") is None
    assert sent("a=1; Path=/", "a=2; Path=/lamps", "b=3") == "a=2; b=3; a=1"


def test_what_a_site_sets_takes_the_place_of_the_specs_own() -> None:
    jar = CookieJar()
    url = parse_url(SHOP)

    assert jar.header("own=0; sid=1", url, NOW) == "own=0; sid=1"
    jar.take(["sid=2", "a=3"], url, NOW)
    assert jar.header("own=0; sid=1", url, NOW) == "own=0; sid=2; a=3"


def test_a_cookie_may_be_4096_bytes_long() -> None:
    assert sent("a=" + "ü" * ((MAX_BYTES - 1) // 2)) is not None
    assert sent("abc=" + "ü" * ((MAX_BYTES - 1) // 2)) is None
    assert sent(f"a=1; Path=/{'x' * 1_024}") == "a=1"


def test_sites_cannot_fill_the_memory() -> None:
    cookies = sent(*(f"n{n}=1" for n in range(1_000)))
    assert cookies is not None
    assert cookies.split("; ") == [f"n{n}=1" for n in range(1_000 - MAX_COOKIES, 1_000)]

    jar = CookieJar()
    urls = [parse_url(f"https://h{n}.example/") for n in range(1_000)]
    for url in urls:
        jar.take(["a=1"], url, NOW)
    kept = [url for url in urls if jar.header(None, url, NOW)]
    assert kept == urls[-MAX_SITES:]


@given(st.lists(st.text(), max_size=9))
def test_garbage_never_raises_and_can_be_sent(headers: list[str]) -> None:
    back = sent(*headers)

    assert back is None or not set(back) & set("\r\n\0")
