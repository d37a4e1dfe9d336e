import json
import logging
import pickle
import traceback
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.worker.politeness.proxies import (
    BLOCKS_TO_STEP_UP,
    Proxy,
    ProxyPool,
    Strategy,
    Verdict,
    parse_proxies,
)
from functions.worker.politeness.proxy_state import (
    MAX_RESTS,
    REST_MAX,
    STEP_DOWN_AFTER,
    ProxyState,
    known_together,
    worth_keeping,
)
from shared.errors import InvalidJobError

NOW = 1_795_000_000.0
A, B, C = "http://user:s3cret@a.example:1", "http://b.example:2", "socks5://user:s3cret@c.example"
HOST = "shop.example"


def pool(
    *tiers: tuple[str, ...], strategy: Strategy = "round_robin", state: ProxyState | None = None
) -> ProxyPool:
    state = ProxyState() if state is None else state
    return ProxyPool(tiers or ((A, B, C),), strategy, Random(0), state)


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


@pytest.mark.parametrize("verdict", [Verdict.FAILED, Verdict.BLOCKED, Verdict.NO_WAY])
def test_a_proxy_rests_for_longer_each_time(verdict: Verdict) -> None:
    proxies, now, rests = pool((A, B)), NOW, []
    for _ in range(9):
        for url in (A, B):
            proxies.report(Proxy(url), HOST, verdict, now)
        assert proxies.choose(HOST, now) is None
        back = proxies.back_at(HOST, now)
        assert proxies.choose(HOST, back - 1) is None
        rests.append(back - now)
        now = back

    assert rests[:4] == [30, 60, 120, 240]
    assert rests[-1] == REST_MAX


@pytest.mark.parametrize("verdict", [Verdict.FAILED, Verdict.BLOCKED, Verdict.NO_WAY])
def test_the_only_proxy_never_rests(verdict: Verdict) -> None:
    proxies = pool((A, A))
    for now in (NOW, NOW + 1, NOW + 100):
        proxies.report(Proxy(A), HOST, verdict, now)

        assert proxies.back_at(HOST, now) == now
        assert chosen(proxies, now=now).url == A


def test_a_gateway_that_is_blocked_does_not_rest_while_its_tier_is_the_right_one() -> None:
    """Each connection has another address; three blocks in a row are a word about the tier."""
    proxies = pool((A,), (B,))

    assert [chosen(proxies, now=block(proxies, 1)).url for _ in range(3)] == [A, A, B]


def test_one_success_makes_it_as_good_as_new() -> None:
    proxies = pool((A, B))
    for now in (NOW, NOW + 100, NOW + 300):
        proxies.report(Proxy(A), HOST, Verdict.FAILED, now)

    proxies.report(Proxy(A), HOST, Verdict.OK, NOW + 301)
    proxies.report(Proxy(B), HOST, Verdict.FAILED, NOW + 301)
    assert proxies.choose(HOST, NOW + 301) == Proxy(A)
    proxies.report(Proxy(A), HOST, Verdict.FAILED, NOW + 302)
    assert proxies.back_at(HOST, NOW + 302) == NOW + 331


def test_failures_of_requests_under_way_count_as_one() -> None:
    proxies = pool((A, B))
    for i in range(20):
        for url in (A, B):
            proxies.report(Proxy(url), HOST, Verdict.FAILED, NOW + i / 10)

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


def test_no_way_to_one_host_is_no_word_about_the_others_nor_about_the_tier() -> None:
    proxies = pool((A, B), (C,))
    for _ in range(BLOCKS_TO_STEP_UP + 1):
        proxies.report(Proxy(A), HOST, Verdict.NO_WAY, NOW)

    assert {chosen(proxies).url for _ in range(10)} == {B}
    assert {chosen(proxies, "other.example").url for _ in range(10)} == {A, B}


def handed_on(state: ProxyState, now: float) -> ProxyState:
    """Return `state` as the next worker reads it."""
    return msgspec.json.decode(msgspec.json.encode(worth_keeping(state, now)), type=ProxyState)


def test_rests_and_tiers_are_there_for_the_next_worker() -> None:
    state = ProxyState()
    first = pool((A, B, C, "http://d"), ("http://dear",), state=state)
    block(first, BLOCKS_TO_STEP_UP)
    first.report(Proxy("http://d"), "other.example", Verdict.FAILED, NOW)

    second = pool((A, B, C, "http://d"), ("http://dear",), state=handed_on(state, NOW + 1))

    assert chosen(second, now=NOW + 1).tier == 1
    assert {chosen(second, "other.example", NOW + 1).url for _ in range(9)} == {A, B, C}
    assert chosen(second, now=NOW + STEP_DOWN_AFTER).tier == 0


def test_another_pool_shares_rests_and_not_tiers() -> None:
    """What is cheap for one job is dear for another; a proxy that is down is down for both."""
    state = ProxyState()
    first = pool((A, B, C), ("http://dear",), state=state)
    block(first, BLOCKS_TO_STEP_UP)
    first.report(Proxy(A), HOST, Verdict.FAILED, NOW)

    second = pool((A, "http://e"), (B,), state=handed_on(state, NOW + 1))

    assert {chosen(second, now=NOW + 1).url for _ in range(9)} == {"http://e"}


def test_a_tier_is_left_by_one_an_hour_whoever_looks_and_when() -> None:
    tiers = ((A,), (B,), (C,))
    state = ProxyState()
    first = pool(*tiers, state=state)
    now = block(first, BLOCKS_TO_STEP_UP)
    now = block(first, BLOCKS_TO_STEP_UP, now)
    assert chosen(first, now=now).tier == 2

    def tier(hours: float) -> int:
        later = now + hours * STEP_DOWN_AFTER
        return chosen(pool(*tiers, state=handed_on(state, later)), now=later).tier

    assert [tier(hours) for hours in (0.9, 1.0, 1.9, 2.0, 9.0)] == [2, 1, 1, 0, 0]


def test_two_workers_know_together_what_each_has_seen() -> None:
    """One has lost the lease to the other, and writes what it knows all the same."""
    first, second = ProxyState(), ProxyState()
    ours, theirs = (pool((A, B), (C,), state=state) for state in (first, second))
    ours.report(Proxy(A), HOST, Verdict.FAILED, NOW)
    theirs.report(Proxy(A), HOST, Verdict.FAILED, NOW + 9)
    theirs.report(Proxy(B), "other.example", Verdict.NO_WAY, NOW)
    block(ours, BLOCKS_TO_STEP_UP, NOW + 10)

    for known in (known_together(first, second), known_together(second, first)):
        together = pool((A, B), (C,), state=known)
        assert chosen(together, now=NOW + 11).tier == 1
        assert together.choose("other.example", NOW + 11) == Proxy(C, 1)
        assert chosen(together, "other.example", NOW + 38).tier == 0
        assert chosen(together, "third.example", NOW + 38).url == B


def test_what_has_no_effect_is_forgotten() -> None:
    state = ProxyState()
    proxies = pool((A, B), (C,), state=state)
    for n in range(100):
        proxies.report(chosen(proxies, f"h{n}.example"), f"h{n}.example", Verdict.OK, NOW)
    assert handed_on(state, NOW) == ProxyState()

    for verdict in Verdict:
        proxies.report(Proxy(A), HOST, verdict, NOW)
    assert handed_on(state, NOW) != ProxyState()
    assert handed_on(state, NOW + REST_MAX + STEP_DOWN_AFTER) == ProxyState()


def test_a_state_has_bounds() -> None:
    state = ProxyState()
    proxies = pool(tuple(f"http://p{n}.example" for n in range(200)), state=state)
    for host in range(100):
        for n in range(200):
            at = NOW + host
            proxies.report(Proxy(f"http://p{n}.example"), f"h{host}.example", Verdict.BLOCKED, at)

    kept = worth_keeping(state, NOW + 100)

    assert sum(map(len, kept.host_rests.values())) == MAX_RESTS
    assert next(iter(kept.host_rests)) == "h99.example", "the newest"


def test_a_state_tells_nothing_of_credentials() -> None:
    """Nor a hash of them, which could be tried out; two of one name are told apart all the same."""
    state, other = ProxyState(), ProxyState()
    for passwords, kept in (("one", "two"), state), (("three", "four"), other):
        urls = tuple(f"http://joe:{password}@a.example:1" for password in passwords)
        proxies = pool(urls, state=kept, strategy="sticky")
        chosen(proxies)
        proxies.report(Proxy(urls[0]), HOST, Verdict.FAILED, NOW)
        assert chosen(proxies).url == urls[1]

    assert msgspec.json.encode(state) == msgspec.json.encode(other)
    assert b"a.example" not in msgspec.json.encode(state)


def test_for_how_long_nothing_has_got_through_is_known() -> None:
    proxies = pool((A, B))
    assert proxies.bad_for(HOST, NOW) == 0
    proxies.report(Proxy(A), HOST, Verdict.FAILED, NOW)
    proxies.report(Proxy(B), HOST, Verdict.BLOCKED, NOW + 50)
    assert proxies.bad_for(HOST, NOW + 60) == 60
    proxies.report(Proxy(B), HOST, Verdict.OK, NOW + 70)
    assert proxies.bad_for(HOST, NOW + 80) == 0


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
    proxies = pool((A,), (B,))  # also where it is one proxy, if that is not there
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
