import pytest

from functions.worker.cookies import MAX_COOKIES, CookieJar


def jar_with(*headers: str) -> CookieJar:
    jar = CookieJar()
    jar.take(headers)
    return jar


def test_cookies_come_after_the_specs_own() -> None:
    assert jar_with("a=1; Path=/", "b=2; HttpOnly").header("own=0") == "own=0; a=1; b=2"
    assert jar_with("a=1").header(None) == "a=1"
    assert CookieJar().header(None) is None


def test_a_later_cookie_replaces_an_earlier_one_and_an_expired_one_goes() -> None:
    assert jar_with("a=1", "a=2").header(None) == "a=2"
    assert jar_with("a=1", "a=; Max-Age=0").header(None) is None


@pytest.mark.parametrize(
    "header", ['a="x\x01\x7f"', "=", "a b", "\0", "a=" + "\\" * 60_000, 'a="\\', "ä=ü"]
)
def test_what_makes_no_sense_is_left_out(header: str) -> None:
    assert jar_with(header).header(None) is None


def test_a_host_cannot_fill_the_memory() -> None:
    header = jar_with(*(f"n{n}=1" for n in range(1_000))).header(None)

    assert header is not None
    assert header.count("=") == MAX_COOKIES
