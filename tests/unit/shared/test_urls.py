from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from publicsuffixlist import PublicSuffixList

from shared.errors import InvalidUrlError
from shared.lock import PARTITIONS, SUFFIXES
from shared.urls import (
    MAX_URL_BYTES,
    _frozen_domain,
    _frozen_suffixes,
    is_ip_literal,
    origin_of,
    parse_url,
    partition_of,
    registrable_domain,
)


@pytest.mark.parametrize(
    ("text", "href"),
    [
        pytest.param("HTTP://Example.COM", "http://example.com/", id="case and empty path"),
        pytest.param("http://example.com:80/", "http://example.com/", id="default port"),
        pytest.param("https://example.com:80/", "https://example.com:80/", id="other port"),
        pytest.param(
            "http://bücher.example/ä?ö", "http://xn--bcher-kva.example/%C3%A4?%C3%B6", id="IDNA"
        ),
        pytest.param("http://e.com/a/./b/../c", "http://e.com/a/c", id="dot segments"),
        pytest.param("http://e.com/a b", "http://e.com/a%20b", id="space"),
        pytest.param("http://e.com/#top", "http://e.com/", id="fragment"),
        pytest.param("http://e.com/?#top", "http://e.com/?", id="empty query"),
        pytest.param("http://0x7f.1/", "http://127.0.0.1/", id="IPv4 in hexadecimal"),
        pytest.param("http://2130706433/", "http://127.0.0.1/", id="IPv4 as one number"),
        pytest.param("http://[::FFFF:127.0.0.1]/", "http://[::ffff:7f00:1]/", id="IPv6"),
        pytest.param("http:\\\\e.com\\a", "http://e.com/a", id="backslashes"),
    ],
)
def test_urls_are_read_as_browsers_read_them(text: str, href: str) -> None:
    assert parse_url(text).href == href


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("/about", "must start with http:// or https:// and name a host"),
        ("www.example.com", "must start with http:// or https:// and name a host"),
        ("ftp://example.com/", "must start with http:// or https:// and name a host"),
        ("mailto:a@example.com", "must start with http:// or https:// and name a host"),
        ("http://", "must start with http:// or https:// and name a host"),
        ("http://exa mple.com/", "must start with http:// or https:// and name a host"),
        ("http://example.com:99999/", "must start with http:// or https:// and name a host"),
        ("http://user:secret@example.com/", "must not hold a user name or password"),
        ("http://e.com/" + "x" * MAX_URL_BYTES, "must not be longer than 8,000 bytes"),
        ("http://e.com/\ud800", "must start with http:// or https:// and name a host"),
    ],
)
def test_what_is_no_url_is_refused_with_a_reason(text: str, problem: str) -> None:
    with pytest.raises(InvalidUrlError, match=problem):
        parse_url(text)


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("http://example.com", "http://example.com"),
        ("https://Example.com:443/a/b?c=//d/e", "https://example.com"),
        ("http://[::1]:8080/a", "http://[::1]:8080"),
    ],
)
def test_an_origin_is_scheme_host_and_unusual_port(text: str, origin: str) -> None:
    assert parse_url(text).origin == origin == origin_of(origin)


def test_a_reason_never_repeats_a_password() -> None:
    with pytest.raises(InvalidUrlError) as caught:
        parse_url("http://user:secret@example.com/")

    assert "secret" not in str(caught.value)


@given(st.text(max_size=60).map(lambda tail: f"http://example.com/{tail}"))
def test_reading_a_url_again_changes_nothing(text: str) -> None:
    url = parse_url(text)

    assert parse_url(url.href) == url


@given(st.text())
def test_no_text_raises_anything_else(text: str) -> None:
    with suppress(InvalidUrlError):
        parse_url(text)


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("www.books.co.uk", "books.co.uk"),
        ("example.com", "example.com"),
        ("a.b.c.example.com", "example.com"),
        ("someone.github.io", "someone.github.io"),
        ("co.uk", "co.uk"),
        ("localhost", "localhost"),
        ("127.0.0.1", "127.0.0.1"),
        ("[::1]", "[::1]"),
        ("www.xn--85x722f.xn--55qx5d.cn", "xn--85x722f.xn--55qx5d.cn"),
    ],
)
def test_registrable_domain_follows_the_public_suffix_list(host: str, domain: str) -> None:
    assert registrable_domain(host) == domain


def test_hosts_of_a_domain_share_their_partition_whatever_scheme_and_port() -> None:
    urls = ["http://example.com/", "https://www.example.com./x", "http://a.b.example.com:8080/"]

    assert len({partition_of(parse_url(url).host, 4096) for url in urls}) == 1


def test_partitions_of_release_0_1_stay_where_they_are() -> None:
    """A deployment that reads URLs differently from the one before breaks the lock on a host."""
    assert [partition_of(host, 256) for host in ("example.com", "books.co.uk", "127.0.0.1")] == [
        partition_of("www.example.com", 256),
        partition_of("shop.books.co.uk", 256),
        partition_of("127.0.0.1", 256),
    ]
    assert partition_of("example.com", 256) == 185


@pytest.mark.parametrize("text", ["http://10.0.0.1/", "http://[::1]/", "http://0x7f.1/"])
def test_addresses_are_told_from_names(text: str) -> None:
    assert is_ip_literal(parse_url(text).host)
    assert not is_ip_literal("a1.example")


HOSTS = ["example.com", "shop.books.co.uk", "a.b.github.io", "x.city.kobe.jp", "a.foo.kobe.jp",
         "xn--85x722f.xn--55qx5d.cn", "www.ck", "a.b.ck", "localhost", "127.0.0.1", "[::1]",
         "a.b.unknown-tld", "blogspot.com", "me.blogspot.com", "a..b"]  # fmt: skip


def test_partitions_of_this_release_stay_where_they_are() -> None:
    """
    They are locks: whatever moves a host to another one needs another name of the lock.

    If this fails, the frozen list or what is made of it has changed: undo that, or give
    `shared.lock` another number of the list.
    """
    assert (PARTITIONS, SUFFIXES) == (1024, 1)
    found = [partition_of(host, PARTITIONS) for host in HOSTS]
    assert found == [697, 449, 126, 853, 863, 38, 894, 239, 35, 936, 959, 47, 438, 464, 456]


def test_the_frozen_list_is_read_as_the_package_reads_it() -> None:
    rules = [rule for rule in _frozen_suffixes() if rule]
    package = PublicSuffixList(rules, accept_encoded_idn=False)
    names = [rule.lstrip("!").replace("*", "any") for rule in rules]

    for name in [*names, *(f"{part}.{name}" for name in names for part in ("a", "www.a"))]:
        assert _frozen_domain(name) == (package.privatesuffix(name) or name)
