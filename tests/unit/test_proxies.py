import json
import logging
import pickle
import traceback
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.worker.proxies import (
    BLOCKS_TO_STEP_UP,
    REST_MAX,
    STEP_DOWN_AFTER,
    Proxy,
    ProxyPool,
    Strategy,
    Verdict,
    parse_proxies,
)
from shared.errors import InvalidJobError

NOW = 1_795_000_000.0
A, B, C = "http://user:s3cret@a.example:1", "http://b.example:2", "socks5://user:s3cret@c.example"
HOST = "shop.example"


def pool(*tiers: tuple[str, ...], strategy: Strategy = "round_robin") -> ProxyPool:
    return ProxyPool(tiers or ((A, B, C),), strategy, Random(0))


def chosen(proxies: ProxyPool, host: str = HOST, now: float = NOW) -> Proxy:
    proxy = proxies.choose(host, now)
    assert proxy is not None
    return proxy


def test_round_robin_takes_one_after_the_other() -> None:
    proxies = pool()

    assert [chosen(proxies, f"h{i}").url for i in range(6)] == [A, B, C, A, B, C]


def test_random_takes_any() -> None:
    proxies = pool(strategy="random")

    assert {chosen(proxies).url for _ in range(50)} == {A, B, C}


def test_sticky_keeps_one_for_each_host_and_is_the_same_in_all_workers() -> None:
    first, second = pool(strategy="sticky"), pool(strategy="sticky")
    hosts = [f"h{i}.example" for i in range(50)]

    assert [chosen(first, host) for host in hosts] == [chosen(second, host) for host in hosts]
    assert len({chosen(first, host) for host in hosts}) == 3


def test_sticky_changes_only_when_its_proxy_rests() -> None:
    proxies = pool(strategy="sticky")
    proxy = chosen(proxies)
    others = {A, B, C} - {proxy.url}

    proxies.report(proxy, HOST, Verdict.FAILED, NOW)
    other = chosen(proxies)
    assert other.url in others
    assert chosen(proxies, now=NOW + 60) == other  # and does not change back


@pytest.mark.parametrize("verdict", [Verdict.FAILED, Verdict.BLOCKED])
def test_a_proxy_rests_for_longer_each_time(verdict: Verdict) -> None:
    proxies, now, rests = pool((A,)), NOW, []
    for _ in range(9):
        proxies.report(chosen(proxies, now=now), HOST, verdict, now)
        assert proxies.choose(HOST, now) is None
        back = proxies.back_at(HOST, now)
        assert proxies.choose(HOST, back - 1) is None
        rests.append(back - now)
        now = back

    assert rests[:4] == [30, 60, 120, 240]
    assert rests[-1] == REST_MAX


def test_one_success_makes_it_as_good_as_new() -> None:
    proxies = pool((A,))
    proxy = chosen(proxies)
    for now in (NOW, NOW + 100, NOW + 300):
        proxies.report(proxy, HOST, Verdict.FAILED, now)

    proxies.report(proxy, HOST, Verdict.OK, NOW + 301)
    assert proxies.choose(HOST, NOW + 301) == proxy
    proxies.report(proxy, HOST, Verdict.FAILED, NOW + 302)
    assert proxies.back_at(HOST, NOW + 302) == NOW + 332


def test_failures_of_requests_under_way_count_as_one() -> None:
    proxies = pool((A,))
    proxy = chosen(proxies)
    for i in range(20):
        proxies.report(proxy, HOST, Verdict.FAILED, NOW + i / 10)

    assert proxies.back_at(HOST, NOW + 2) == NOW + 30


def test_the_others_go_on_meanwhile() -> None:
    proxies = pool()
    proxies.report(Proxy(B), HOST, Verdict.FAILED, NOW)

    assert {chosen(proxies).url for _ in range(10)} == {A, C}


def test_a_block_is_one_hosts_opinion_and_a_failure_concerns_all() -> None:
    proxies = pool()
    proxies.report(Proxy(A), HOST, Verdict.BLOCKED, NOW)
    proxies.report(Proxy(B), HOST, Verdict.FAILED, NOW)

    assert {chosen(proxies).url for _ in range(10)} == {C}
    assert {chosen(proxies, "other.example").url for _ in range(10)} == {A, C}


def test_all_down_is_none_and_not_a_hang() -> None:
    proxies = pool()
    for url in (A, B, C):
        proxies.report(Proxy(url), HOST, Verdict.FAILED, NOW)

    assert proxies.choose(HOST, NOW) is None
    assert proxies.back_at(HOST, NOW) == NOW + 30
    assert proxies.choose(HOST, NOW + 30) is not None


def block(proxies: ProxyPool, times: int, now: float = NOW) -> float:
    """Block `times` requests in a row, waiting for proxies as necessary."""
    for _ in range(times):
        now = proxies.back_at(HOST, now)
        proxies.report(chosen(proxies, now=now), HOST, Verdict.BLOCKED, now)
    return now


def test_a_host_that_blocks_gets_the_dearer_tier() -> None:
    proxies = pool((A, B, C, "http://d", "http://e"), ("http://dear",))

    now = block(proxies, BLOCKS_TO_STEP_UP - 1)
    assert chosen(proxies, now=now).tier == 0
    now = block(proxies, 1, now)
    assert chosen(proxies, now=now).tier == 1
    assert chosen(proxies, "other.example", now).tier == 0


def test_blocks_count_only_in_a_row() -> None:
    proxies = pool((A, B, C, "http://d", "http://e"), ("http://dear",))

    now = block(proxies, BLOCKS_TO_STEP_UP - 1)
    proxies.report(chosen(proxies, now=now), HOST, Verdict.OK, now)
    now = block(proxies, BLOCKS_TO_STEP_UP - 1, now)

    assert chosen(proxies, now=now).tier == 0


def test_failures_of_proxies_are_not_the_hosts_doing() -> None:
    proxies = pool((A, B, C, "http://d", "http://e"), ("http://dear",))
    for _ in range(4):
        proxies.report(chosen(proxies), HOST, Verdict.FAILED, NOW)

    assert chosen(proxies).tier == 0


def test_after_an_hour_the_cheaper_tier_is_tried_again() -> None:
    proxies = pool((A, B, C, "http://d"), ("http://dear",))
    now = block(proxies, BLOCKS_TO_STEP_UP)

    assert chosen(proxies, now=now + STEP_DOWN_AFTER - 1).tier == 1
    assert chosen(proxies, now=now + STEP_DOWN_AFTER).tier == 0


def test_the_last_tier_is_the_last() -> None:
    proxies = pool((A, B, C, "http://d"))

    now = block(proxies, 20)

    assert chosen(proxies, now=proxies.back_at(HOST, now)).tier == 0


def test_a_tier_that_rests_is_stood_in_for() -> None:
    proxies = pool((A,), (B,))
    proxies.report(chosen(proxies), HOST, Verdict.FAILED, NOW)

    assert chosen(proxies).url == B
    assert chosen(proxies, now=NOW + 30).url == A


@given(
    st.lists(
        st.tuples(st.sampled_from(["h1", "h2"]), st.sampled_from(Verdict), st.floats(0, 2_000)),
        max_size=40,
    ),
    st.sampled_from(["round_robin", "random", "sticky"]),
)
def test_whatever_happens_a_chosen_proxy_is_not_resting_and_comes_back(
    events: list[tuple[str, Verdict, float]], strategy: Strategy
) -> None:
    proxies, now = pool((A, B), (C,), strategy=strategy), NOW
    for host, verdict, later in events:
        now += later
        proxy = proxies.choose(host, now)
        if proxy is None:
            assert now < proxies.back_at(host, now) <= now + REST_MAX
        else:
            assert proxies.back_at(host, now) == now
            proxies.report(proxy, host, verdict, now)


@pytest.mark.parametrize(
    ("text", "tiers"),
    [
        pytest.param(f"{A}\n{B}\r\n\n{C}\n", ((A, B, C),), id="lines"),
        pytest.param(f" {A}, {B},{C} ,", ((A, B, C),), id="commas"),
        pytest.param(f"# ours\n{A}\n  # theirs, old\n{B}", ((A, B),), id="comments"),
        pytest.param(json.dumps([A, B]), ((A, B),), id="JSON list"),
        pytest.param(json.dumps([[A], [B, C]]), ((A,), (B, C)), id="JSON list of tiers"),
        pytest.param(json.dumps({"tiers": [[A], [B]]}), ((A,), (B,)), id="JSON object"),
    ],
)
def test_lists_in_secrets(text: str, tiers: tuple[tuple[str, ...], ...]) -> None:
    assert parse_proxies("acme/proxies", text) == tiers


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("", "there is no proxy in it", id="nothing"),
        pytest.param("[]", "there is no proxy in it", id="empty list"),
        pytest.param(f'[["{A}"], []]', "a tier of proxies is empty", id="empty tier"),
        pytest.param(f'["{A}"', "not JSON of the form", id="no JSON"),
        pytest.param(json.dumps({"proxies": [A]}), "not JSON of the form", id="other object"),
        pytest.param(json.dumps({"tiers": [A]}), "not JSON of the form", id="flat tiers"),
        pytest.param(json.dumps([A, 3]), "not JSON of the form", id="number"),
        pytest.param(json.dumps([A, [B]]), "either URLs or lists of URLs", id="both"),
        pytest.param(f"{B}\nuser:s3cret@a.example", "proxy 2 must start with", id="no scheme"),
        pytest.param("http://user:s3/cret@a.example", "as %XX", id="raw / in the password"),
    ],
)
def test_secrets_that_make_no_sense_are_refused_and_not_shown(text: str, problem: str) -> None:
    with pytest.raises(InvalidJobError, match=problem) as caught:
        parse_proxies("acme/proxies", text)

    shown = "".join(traceback.format_exception(caught.value, chain=True))
    assert "acme/proxies: " in shown
    for secret in ("user", "s3", "cret@"):
        # The traceback also quotes lines of source.
        assert secret not in str(caught.value).replace("USER:", "")
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (A, "http://***@a.example:1"),
        (B, "http://b.example:2"),
        (C, "socks5://***@c.example"),
    ],
)
def test_a_proxy_is_shown_without_credentials(
    url: str, shown: str, caplog: pytest.LogCaptureFixture
) -> None:
    proxy = Proxy(url, 1)
    logging.getLogger().error("%s %r", proxy, {"proxy": proxy}, extra={"proxy": proxy})

    assert str(proxy) == shown
    assert repr(proxy) == f"<Proxy {shown}, tier 1>"
    assert f"{proxy} {proxy!r} {[proxy]}".count(shown) == 3
    assert "s3cret" not in caplog.text


def test_nothing_of_a_pool_shows_credentials() -> None:
    proxies = pool()
    proxies.report(chosen(proxies), HOST, Verdict.BLOCKED, NOW)

    assert "s3cret" not in f"{proxies!r} {vars(proxies)!r}"
    with pytest.raises(KeyError) as caught:
        proxies.report(Proxy("http://user:s3cret@unknown.example"), HOST, Verdict.OK, NOW)
    assert "s3cret" not in str(caught.value)


def test_two_of_one_url_are_one() -> None:
    assert pickle.loads(pickle.dumps(Proxy(A))) == Proxy(A)
    assert pool((A, A)).back_at(HOST, NOW) == NOW
