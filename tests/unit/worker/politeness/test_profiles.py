from random import Random
from typing import Any

import msgspec
import pytest

from functions.worker.politeness.profiles import (
    BLANK,
    USER_AGENTS,
    Headers,
    browser_headers,
    headers_for,
    may_be_told,
    without_secrets,
    without_values,
)
from functions.worker.politeness.robots import product_token
from shared.spec import FetchSpec, Spec
from shared.urls import parse_url

HONEST = "acme-bot/1.0 (+https://acme.example/bot)"
CHROME = next(agent for agent in USER_AGENTS if agent.endswith("Chrome/147.0.0.0 Safari/537.36"))


def headers(host: str = "e.example", rng: Random | None = None, **fetch: Any) -> Headers:
    return headers_for(
        FetchSpec(**fetch), host, user_agent=HONEST, secure=True, rng=rng or Random(0)
    )


def agent_of(sent: Headers) -> str:
    return dict(sent)["User-Agent"]


def test_by_default_we_say_who_we_are() -> None:
    assert headers()[0] == ("User-Agent", HONEST)
    assert [name for name, _ in headers()] == ["User-Agent", "Accept"]


def test_a_spec_may_name_another_contact() -> None:
    own = "shop-bot/2 (shop@acme.example)"

    assert agent_of(headers(user_agent=own)) == own


def test_a_host_sees_one_browser_and_hosts_see_several() -> None:
    hosts = [f"h{i}.example" for i in range(100)]

    seen = [headers(host, Random(1), profiles="host") for host in hosts]

    assert seen == [headers(host, Random(2), profiles="host") for host in hosts]
    assert {agent_of(sent) for sent in seen} == set(USER_AGENTS)


def test_each_request_may_be_another_browser() -> None:
    rng = Random(0)

    seen = {agent_of(headers(rng=rng, profiles="request")) for _ in range(200)}

    assert seen == set(USER_AGENTS)


def test_own_list_replaces_the_table() -> None:
    seen = {
        agent_of(headers(f"h{i}", profiles="host", user_agents=("x/1", "y/2"))) for i in range(9)
    }

    assert seen == {"x/1", "y/2"}


@pytest.mark.parametrize("profiles", ["none", "host"])
def test_own_headers_replace_ours_in_their_place_and_new_ones_come_last(profiles: str) -> None:
    plain = headers(profiles=profiles)

    sent = headers(
        profiles=profiles, headers={"accept": "text/plain", "X-A": "1"}, cookies={"a": "b", "c": ""}
    )

    assert len(sent) == len(plain) + 2
    place = [name for name, _ in plain].index("Accept")
    assert sent[place] == ("accept", "text/plain")
    assert sent[-2:] == (("X-A", "1"), ("Cookie", "a=b; c="))


def test_robots_txt_is_asked_for_the_honest_agent_whatever_we_pretend() -> None:
    """Nothing here gives robots.py a browser's name: both take the same argument."""
    assert product_token(HONEST) == "acme-bot"
    assert "acme" not in agent_of(headers(profiles="host"))


@pytest.mark.parametrize(
    ("version", "product", "hint"),
    [
        # As recorded from real browsers in apify_fingerprint_datapoints 0.15.0.
        (148, "", '"Chromium";v="148", "Google Chrome";v="148", "Not/A)Brand";v="99"'),
        (147, "", '"Google Chrome";v="147", "Not.A/Brand";v="8", "Chromium";v="147"'),
        (146, "", '"Chromium";v="146", "Not-A.Brand";v="24", "Google Chrome";v="146"'),
        (145, "", '"Not:A-Brand";v="99", "Google Chrome";v="145", "Chromium";v="145"'),
        (144, "", '"Not(A:Brand";v="8", "Chromium";v="144", "Google Chrome";v="144"'),
        (143, "", '"Google Chrome";v="143", "Chromium";v="143", "Not A(Brand";v="24"'),
        (142, "", '"Chromium";v="142", "Google Chrome";v="142", "Not_A Brand";v="99"'),
        (121, "", '"Not A(Brand";v="99", "Google Chrome";v="121", "Chromium";v="121"'),
        (147, "Edg", '"Microsoft Edge";v="147", "Not.A/Brand";v="8", "Chromium";v="147"'),
        (128, "Edg", '"Chromium";v="128", "Not;A=Brand";v="24", "Microsoft Edge";v="128"'),
    ],
)
def test_client_hints_are_those_of_the_version(version: int, product: str, hint: str) -> None:
    agent = CHROME.replace("147", str(version))
    agent += f" {product}/{version}.0.0.0" if product else ""

    assert dict(browser_headers(agent, secure=True))["sec-ch-ua"] == hint


@pytest.mark.parametrize(
    ("system", "platform", "mobile"),
    [
        ("Windows NT 10.0; Win64; x64", '"Windows"', "?0"),
        ("Macintosh; Intel Mac OS X 10_15_7", '"macOS"', "?0"),
        ("X11; Linux x86_64", '"Linux"', "?0"),
        ("X11; CrOS x86_64 14541.0.0", '"Chrome OS"', "?0"),
        ("Linux; Android 10; K", '"Android"', "?1"),
    ],
)
def test_client_hints_are_those_of_the_platform(system: str, platform: str, mobile: str) -> None:
    agent = CHROME.replace("Windows NT 10.0; Win64; x64", system)
    if mobile == "?1":
        agent = agent.replace(" Safari/", " Mobile Safari/")

    sent = dict(browser_headers(agent, secure=True))

    assert sent["sec-ch-ua-platform"] == platform
    assert sent["sec-ch-ua-mobile"] == mobile


@pytest.mark.parametrize("agent", USER_AGENTS)
def test_profiles_are_coherent(agent: str) -> None:
    sent = dict(browser_headers(agent, secure=True))

    assert sent["User-Agent"] == agent
    assert ("sec-ch-ua" in sent) == ("Chrome/" in agent)
    assert "Accept-Encoding" not in sent
    assert sent["Sec-Fetch-Mode"] == "navigate"
    FetchSpec(user_agents=(agent,), profiles="host")


@pytest.mark.parametrize(
    ("agent", "order"),
    [
        (
            CHROME,
            ["sec-ch-ua", "sec-ch-ua-mobile", "sec-ch-ua-platform", "Upgrade-Insecure-Requests",
             "User-Agent", "Accept", "Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-User",
             "Sec-Fetch-Dest", "Accept-Language"],
        ),
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0",
            ["User-Agent", "Accept", "Accept-Language", "Upgrade-Insecure-Requests",
             "Sec-Fetch-Dest", "Sec-Fetch-Mode", "Sec-Fetch-Site", "Sec-Fetch-User", "Priority"],
        ),
        (
            USER_AGENTS[-1],
            ["Accept", "User-Agent", "Accept-Language", "Sec-Fetch-Dest", "Sec-Fetch-Mode",
             "Sec-Fetch-Site"],
        ),
        ("curl/8.0", ["User-Agent", "Accept", "Accept-Language"]),
    ],
)  # fmt: skip
def test_headers_come_in_the_browsers_order(agent: str, order: list[str]) -> None:
    assert [name for name, _ in browser_headers(agent, secure=True)] == order


@pytest.mark.parametrize("agent", USER_AGENTS)
def test_hints_go_to_https_only(agent: str) -> None:
    names = {name.lower() for name, _ in browser_headers(agent, secure=False)}

    assert not any(name.startswith("sec-") for name in names)
    assert {"user-agent", "accept", "accept-language"} <= names


@pytest.mark.parametrize(
    ("home", "url", "told"),
    [
        ("https://a.example/", "https://a.example/x", True),
        ("https://a.example/", "https://www.a.example:8443/x", True),
        ("http://a.example/", "https://a.example/x", True),
        ("http://a.example/", "http://a.example/x", True),
        ("https://a.example/", "http://a.example/x", False),
        ("https://a.example/", "https://b.example/x", False),
        ("https://me.github.io/", "https://you.github.io/", False),
        ("https://10.0.0.1/", "https://10.0.0.2/", False),
    ],
)
def test_secrets_stay_with_their_site_and_with_https(home: str, url: str, told: bool) -> None:
    assert may_be_told(parse_url(url), parse_url(home)) is told


def test_what_lets_somebody_in_is_a_secret_by_its_name() -> None:
    secret = (
        *("Authorization", "cookie", "X-Api-Key", "apikey", "X-Auth-Token", "X-CSRF-Token"),
        *("X-Session-Id", "X-Amz-Signature", "Client-Secret", "X-Password", "X-Tenant"),
    )
    public = ("User-Agent", "Accept", "Accept-Language", "Sec-Fetch-Mode", "Referer", "X-Shop")
    sent = tuple((name, "v") for name in (*public, *secret))

    kept = without_secrets(sent, FetchSpec(secret_headers=("x-tenant",)))

    assert [name for name, _ in kept] == list(public)


def test_secrets_are_blanked_by_name_and_where_the_spec_has_them_from_elsewhere() -> None:
    secret = {"secret": {"ssm": "/acme/x"}, "for": "shop.example"}
    fetch = {
        "headers": {"X-Hidden": secret, "X-Shown": "2"},
        "secret_headers": ["X-Tenant"],
        "hosts": [{"match": "a.example", "headers": {"X.There": secret}}],
    }
    spec = msgspec.convert({"fetch": fetch}, Spec)
    names = ("cookie", "x-hidden", "x.there", "X-TENANT", "X-Shown")

    blanked = without_values(tuple((name, "v") for name in names), spec)

    assert [name for name, _ in blanked] == list(names)
    assert [value for _, value in blanked] == [*4 * [BLANK], "v"]


def test_no_browser_has_secrets() -> None:
    for agent in USER_AGENTS:
        sent = browser_headers(agent, secure=True)
        assert without_secrets(sent, FetchSpec()) == sent
