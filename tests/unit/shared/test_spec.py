from typing import Any

import msgspec
import pytest
from rich.pretty import pretty_repr

from functions.dispatcher.specs import checked_spec
from shared.errors import InvalidSpecError
from shared.proxy_spec import ProxySpec
from shared.spec import FetchSpec, Spec


def read(**fetch: Any) -> FetchSpec:
    return msgspec.convert({"fetch": fetch}, Spec).fetch


def test_a_spec_survives_the_manifest() -> None:
    spec = read(
        pause=2,
        headers={"Accept-Language": "de"},
        user_agents=["Mozilla/5.0"],
        profiles="host",
        proxies={"tiers": [["http://a:1"], ["socks5h://u:p@b:2"]], "strategy": "sticky"},
    )

    assert msgspec.json.decode(msgspec.json.encode(spec), type=FetchSpec) == spec


@pytest.mark.parametrize(
    ("fetch", "problem"),
    [
        pytest.param({"timeout": 91}, "<= 90.0 - at `$.fetch.timeout`", id="too large"),
        pytest.param({"pause": float("nan")}, "at `$.fetch.pause`", id="not a number"),
        pytest.param({"profiles": "off"}, "at `$.fetch.profiles`", id="no such profile"),
        pytest.param({"content_types": []}, "length >= 1", id="nothing accepted"),
        pytest.param({"content_types": ["html"]}, "matching regex", id="no media type"),
        pytest.param({"content_types": ["text/html\n"]}, "matching regex", id="newline"),
        pytest.param({"user_agent": "acme"}, "must name a contact", id="no contact"),
        pytest.param({"user_agent": "a (+https://a.example)\n"}, "regex", id="newline in it"),
        pytest.param({"user_agents": ["x"]}, "only used with profiles", id="unused"),
        pytest.param(
            {"user_agents": ["a\r\nX: y"], "profiles": "host"}, "matching regex", id="injected"
        ),
        pytest.param({"headers": {"X": "a\r\nY: b"}}, "value of X must be printable", id="CR LF"),
        pytest.param({"headers": {"X": "a\n"}}, "value of X must be printable", id="LF"),
        pytest.param({"headers": {"X": "a\0"}}, "value of X must be printable", id="NUL"),
        pytest.param({"headers": {"X": " a"}}, "without white space", id="white space"),
        pytest.param({"headers": {"X": "ü"}}, "printable ASCII", id="not ASCII"),
        pytest.param({"headers": {"X Y": "a"}}, "'X Y' is no name of a header", id="name"),
        pytest.param({"headers": {"X\n": "a"}}, "is no name of a header", id="name with LF"),
        pytest.param({"secret_headers": ("a b",)}, "'a b' is no name", id="secret header"),
        pytest.param({"headers": {"": "a"}}, "'' is no name of a header", id="no name"),
        pytest.param({"headers": {"a": "1", "A": "2"}}, "A is there twice", id="twice"),
        pytest.param({"headers": {"HOST": "x"}}, "belongs to the transport", id="Host"),
        pytest.param({"headers": {"Cookie": "x"}}, "use fetch.cookies", id="Cookie"),
        pytest.param({"headers": {"User-Agent": "x"}}, "use fetch.user_agent", id="User-Agent"),
        pytest.param({"cookies": {"a": "b; c=d"}}, "without a semicolon", id="two cookies in one"),
        pytest.param({"cookies": {"a": "b\n"}}, "printable ASCII", id="LF in a cookie"),
        pytest.param({"cookies": {"a=b": "c"}}, "no name of a cookie", id="name of a cookie"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_reason(fetch: dict[str, Any], problem: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        read(**fetch)

    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("value", "accepted"),
    [
        ("text/html", True),
        ("application/ld+json", True),
        ("application/rss+xml", True),
        ("image/svg+xml", False),
        ("image/png", False),
        (None, True),
    ],
)
def test_content_types_accepted_by_default(value: str | None, accepted: bool) -> None:
    assert FetchSpec().accepts(value) is accepted


PROXY = "http://user:s3cret@proxy.example"


@pytest.mark.parametrize(
    "url",
    [
        "http://proxy.example",
        "https://proxy.example:8443/",
        "socks5://user:p%40ss@127.0.0.1:1080",
        "http://user@[::1]:8080",
        "HTTP://Proxy.example:1",
    ],
)
def test_proxies(url: str) -> None:
    assert read(proxies={"urls": [url]}).proxies == ProxySpec(urls=(url,))


@pytest.mark.parametrize(
    ("proxies", "problem"),
    [
        pytest.param({}, "one of urls, tiers and secret", id="nothing"),
        pytest.param({"urls": [PROXY], "tiers": [[PROXY]]}, "one of urls, tiers", id="both"),
        pytest.param({"secret": {}}, "one of secrets_manager and ssm", id="no secret"),
        pytest.param({"tiers": [[PROXY], []]}, "a tier of proxies is empty", id="empty tier"),
        pytest.param({"urls": [PROXY, "user:s3cret@b:1"]}, "proxy 2 must start", id="no scheme"),
        pytest.param({"tiers": [[PROXY], ["ftp://user:s3cret@b"]]}, "proxy 1 of tier 2 must start",
                     id="other scheme"),
        pytest.param({"urls": [f"{PROXY}:0"]}, "proxy 1 must be SCHEME", id="port 0"),
        pytest.param({"urls": [f"{PROXY}:65536"]}, "proxy 1 must be SCHEME", id="port"),
        pytest.param({"urls": [f"{PROXY}/path"]}, "proxy 1 must be SCHEME", id="path"),
        pytest.param({"urls": ["http://user:s3@cret@b"]}, "as %XX", id="raw @ in the password"),
        pytest.param({"urls": ["http://user:s3#cret@b"]}, "as %XX", id="raw # in the password"),
        pytest.param({"urls": ["http://user:s3cret@"]}, "proxy 1 must be SCHEME", id="no host"),
        pytest.param({"urls": ["http://us[er:s3cret@a"]}, "proxy 1 must be SCHEME", id="bracket"),
        pytest.param({"urls": ["http://us\\er:s3cret@a"]}, "proxy 1 must be SCHEME", id="slash"),
        pytest.param({"urls": ["http://[1.2]:3"]}, "proxy 1 must be SCHEME", id="no address"),
        pytest.param({"urls": [f"{PROXY}\n"]}, "proxy 1 must be SCHEME", id="newline"),
        pytest.param({"urls": ["http://user:s3crét@b"]}, "in ASCII", id="not ASCII"),
        pytest.param({"urls": [PROXY + "x" * 2_000]}, "length <= 2000", id="long"),
    ],
)  # fmt: skip
def test_proxies_that_make_no_sense_are_refused_and_not_shown(
    proxies: dict[str, Any], problem: str
) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        read(proxies=proxies)

    assert problem in str(caught.value)
    for secret in ("user", "s3", "cret"):
        assert secret not in str(caught.value).replace("USER:", "").replace("secret", "")


def test_a_spec_that_is_shown_shows_no_credentials() -> None:
    spec = Spec(fetch=read(proxies={"tiers": [[PROXY], [PROXY, PROXY]]}))

    for shown in (repr(spec), str(spec), f"{spec.fetch.proxies}", pretty_repr(spec)):
        assert "s3cret" not in shown
    assert "ProxySpec(3 urls" in repr(spec)


_SECRET = {"secret": {"ssm": "/a"}, "for": "a.example"}
_LOGIN = {"url": "https://a.example/in", "data": {"password": _SECRET}}


@pytest.mark.parametrize(
    ("login", "problem"),
    [
        pytest.param({"url": "https://a.example/"}, "one of data and json", id="nothing"),
        pytest.param({**_LOGIN, "json": {"a": "b"}}, "one of data and json", id="both"),
        pytest.param({**_LOGIN, "url": "ftp://a"}, "login.url", id="no URL"),
        pytest.param({**_LOGIN, "form": "https://b.example/"}, "login.form: it must be at https:",
                     id="form elsewhere"),
        pytest.param({**_LOGIN, "form": "http://a.example/"}, "login.form", id="form over http"),
        pytest.param({**_LOGIN, "url": "https://b.example/"},
                     "login.data.password.for: the secret is not for b.example", id="for"),
        pytest.param({**_LOGIN, "token": {"jmespath": "a["}}, "login.token.jmespath", id="path"),
        pytest.param([_LOGIN, _LOGIN], "login[1].url: another login is for https", id="two"),
        pytest.param({**_LOGIN, "logged_out": [{}]}, "one of status and redirect", id="no sign"),
        pytest.param({**_LOGIN, "logged_out": [{"redirect": "regex:("}]},
                     "login.logged_out[0].redirect", id="pattern"),
        pytest.param({**_LOGIN, "renew_after": 1}, "renew_after", id="too often"),
    ],
)  # fmt: skip
def test_a_login_that_makes_no_sense_is_refused(login: Any, problem: str) -> None:
    with pytest.raises(InvalidSpecError) as caught:
        checked_spec({"login": login})

    assert problem in str(caught.value)


def test_the_secrets_of_logins_are_those_of_the_spec() -> None:
    spec = checked_spec({"login": [_LOGIN]})

    assert list(spec.secrets) == ["login[0].data.password"]
    assert [name.name for name in spec.secret_names] == ["/a"]
