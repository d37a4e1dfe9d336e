"""The cases named after sections are those of RFC 9309."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from protego import Protego

from functions.worker.politeness.robots import (
    MAX_BYTES,
    MAX_KEPT,
    MAX_KEPT_WHOLE,
    TTL,
    TTL_ERROR,
    CachedRobots,
    Rules,
    cached_robots,
    product_token,
    robots_tags,
    robots_url,
    rules_from_answer,
)

AGENT = "FooBot/1.2 (+https://foo.example/bot)"
NOW = 1_795_000_000.0


def rules(text: str, agent: str = AGENT) -> Rules:
    return rules_from_answer(200, text.encode(), user_agent=agent)


def allowed(text: str, path: str, agent: str = AGENT) -> bool:
    return rules(text, agent).can_fetch(f"https://e.example{path}")


def for_all(*lines: str) -> str:
    return "\n".join(("User-agent: *", *lines))


FORBIDDEN = b"User-agent: *\nDisallow: /"


@pytest.mark.parametrize(
    ("status", "can_fetch", "unreachable"),
    [
        pytest.param(200, False, False, id="2.3.1.1 the rules count"),
        pytest.param(204, False, False, id="any 2xx"),
        pytest.param(301, True, False, id="2.3.1.2 too many redirects"),
        pytest.param(401, True, False, id="2.3.1.3 unavailable: 401"),
        pytest.param(403, True, False, id="403"),
        pytest.param(404, True, False, id="404"),
        pytest.param(410, True, False, id="410"),
        pytest.param(451, True, False, id="451"),
        pytest.param(429, False, True, id="429"),
        pytest.param(500, False, True, id="2.3.1.4 unreachable: 500"),
        pytest.param(503, False, True, id="503"),
        pytest.param(599, False, True, id="599"),
        pytest.param(None, False, True, id="no answer"),
    ],
)
def test_status_classes(status: int | None, can_fetch: bool, unreachable: bool) -> None:
    answer = rules_from_answer(status, FORBIDDEN, user_agent=AGENT)

    assert answer.can_fetch("https://e.example/x") is can_fetch
    assert answer.unreachable is unreachable


@pytest.mark.parametrize(
    ("lines", "path", "expected"),
    [
        pytest.param(["Disallow: /a", "Allow: /a/b"], "/a/b/c", True, id="2.2.2 longest match"),
        pytest.param(["Allow: /a/b", "Disallow: /a"], "/a/b/c", True, id="in any order"),
        pytest.param(["Allow: /a", "Disallow: /a/b"], "/a/b/c", False, id="disallow is longer"),
        pytest.param(["Disallow: /a", "Allow: /a"], "/a", True, id="2.2.2 allow wins a tie"),
        pytest.param(["Disallow: /a"], "/A", True, id="2.2.2 paths have case"),
        pytest.param(["DISALLOW: /a"], "/a", False, id="names of directives have not"),
        pytest.param(["Disallow: /a"], "/abc", False, id="a rule is a prefix"),
        pytest.param(["Disallow: /a?b"], "/a?bc", False, id="the query counts"),
        pytest.param(["Disallow: /*.gif"], "/x/y.gif?z", False, id="2.2.3 *"),
        pytest.param(["Disallow: /*.gif$"], "/x/y.gif", False, id="2.2.3 * and $"),
        pytest.param(["Disallow: /*.gif$"], "/x/y.gif?z", True, id="2.2.3 $ is the end"),
        pytest.param(["Disallow: /a$"], "/ab", True, id="2.2.3 $ after a word"),
        pytest.param(["Disallow: /a$b"], "/a$bc", False, id="$ elsewhere is a letter"),
        pytest.param(["Disallow: /a***b"], "/axxb", False, id="many asterisks"),
        pytest.param(["Disallow: /", "Allow: /$"], "/", True, id="the home page alone"),
        pytest.param(["Disallow: /", "Allow: /$"], "/x", False, id="nothing else"),
        pytest.param(["Disallow: /foo/bar/ツ"], "/foo/bar/%E3%83%84", False, id="2.2.2 UTF-8"),
        pytest.param(["Disallow: /%E3%83%84"], "/%e3%83%84", False, id="2.2.2 case of escapes"),
        pytest.param(["Disallow: /%62%61%7A"], "/baz", False, id="2.2.2 needless escapes"),
        pytest.param(["Disallow: /baz"], "/%62%61%7A", False, id="needless escapes in the URL"),
        pytest.param(["Disallow: /a%2Fb"], "/a/b", True, id="an escaped slash is none"),
        pytest.param(["Disallow: /path/file-with-a-%2A.html"], "/path/file-with-a-*.html", False,
                     id="2.2.3 an escaped asterisk is a letter"),
        pytest.param(["Disallow: /a # comment"], "/a", False, id="2.2.3 comment"),
        pytest.param(["Disallow:"], "/a", True, id="an empty rule forbids nothing"),
        pytest.param(["Disallow: "], "/a", True, id="nor does white space"),
        pytest.param(["Disallow: /"], "/robots.txt", True, id="2.2.2 robots.txt itself"),
        pytest.param(["Noindex: /a", "Content-Signal: ai-train=no"], "/a", True, id="2.2.4 other"),
        pytest.param(["  disallow :  /a  "], "/a", False, id="white space around"),
        pytest.param(["Disallow /a"], "/a", False, id="forgotten colon"),
    ],
)  # fmt: skip
def test_paths(lines: list[str], path: str, expected: bool) -> None:
    assert allowed(for_all(*lines), path) is expected


@pytest.mark.parametrize(
    ("text", "agent", "expected"),
    [
        pytest.param("User-agent: foobot\nDisallow: /", AGENT, False, id="2.2.1 no case"),
        pytest.param("User-agent: FOOBOT\nDisallow: /", AGENT, False, id="2.2.1 upper case"),
        pytest.param(
            "User-agent: *\nDisallow: /\n\nUser-agent: foobot\nDisallow: /b",
            AGENT, True, id="2.2.1 ours replaces that of all",
        ),
        pytest.param(
            "User-agent: foobot\nDisallow:\n\nUser-agent: *\nDisallow: /",
            AGENT, True, id="ours without a rule as well",
        ),
        pytest.param(
            "User-agent: a\nUser-agent: foobot\nUser-agent: b\nDisallow: /",
            AGENT, False, id="2.2.1 several agents of one group",
        ),
        pytest.param(
            "User-agent: foobot\nDisallow: /x\n\nUser-agent: b\nDisallow: /y\n\n"
            "User-agent: FooBot\nDisallow: /a",
            AGENT, False, id="2.2.1 groups of one agent are merged",
        ),
        pytest.param(
            "User-agent: *\nDisallow: /x\n\nUser-agent: b\nAllow: /\n\nUser-agent: *\nDisallow: /",
            AGENT, False, id="those of all as well",
        ),
        pytest.param(
            "User-agent: a\n\nSitemap: https://e.example/s\n# c\nUser-agent: foobot\nDisallow: /",
            "a", False, id="2.2.4 a sitemap does not end the agents",
        ),
        pytest.param(
            "User-agent: a\nDisallow: /\nUser-agent: foobot\nAllow: /",
            AGENT, True, id="a rule does",
        ),
        *(
            pytest.param(
                f"User-agent: {ours}\n{record}\n\nUser-agent: {other}\nDisallow: /",
                AGENT, False, id=f"2.2.4 {record} does not hide {ours}",
            )
            for record in (
                "Noindex: /n", "Content-Signal: search=yes", "Host: e.example", "Crawl-delay: 7",
                "Request-rate: 1/5", "Visit-time: 0600-0845", "Clean-param: s /f", "nonsense",
                "Disallowed: /d", "<b>a: b</b>",
            )
            for ours, other in (("foobot", "b"), ("*", "b"), ("foobot", "*"))
        ),
        pytest.param(
            "User-agent: foobot\nDissallow:\nUser-agent: *\nDisallow: /",
            AGENT, True, id="a misspelt rule ends the agents",
        ),
        pytest.param(
            "User-agent: foo\nDisallow: /\n\nUser-agent: *\nAllow: /",
            AGENT, True, id="not a part of our name",
        ),
        pytest.param(
            "User-agent: foo\nDisallow: /\n\nUser-agent: foo-bot\nAllow: /",
            "foo-bot/1", True, id="the most specific one",
        ),
        pytest.param("User-agent: foobot/2.1\nDisallow: /", AGENT, False, id="with a version"),
        pytest.param("User-agent: foobot*\nDisallow: /", AGENT, False, id="with an asterisk"),
        pytest.param("User-agent foobot\nDisallow /", AGENT, False, id="without colons"),
        pytest.param("useragent:foobot\nDisallow:/", AGENT, False, id="without white space"),
        pytest.param("User-agent: foobot # us\nDisallow: /", AGENT, False, id="with a comment"),
        pytest.param("User-agent: b\nDisallow: /", AGENT, True, id="2.2.1 no group matches"),
        pytest.param("Disallow: /", AGENT, True, id="a rule of no group"),
        pytest.param("User-agent:\nDisallow: /", AGENT, True, id="an agent without a name"),
        pytest.param("", AGENT, True, id="empty file"),
        pytest.param("<html><p style='a: b'>Disallow: /</p>", AGENT, True, id="a web page"),
    ],
)  # fmt: skip
def test_groups(text: str, agent: str, expected: bool) -> None:
    assert allowed(text, "/a", agent) is expected


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_line_ends(newline: str) -> None:
    assert not allowed(f"User-agent: *{newline}Disallow: /a", "/a")


def test_a_byte_order_mark_is_no_part_of_the_first_line() -> None:
    body = b"\xef\xbb\xbf" + FORBIDDEN

    assert not rules_from_answer(200, body, user_agent=AGENT).can_fetch("https://e.example/x")


def test_one_bad_byte_does_not_disable_the_other_rules() -> None:
    body = b"# caf\xe9\nUser-agent: *\nDisallow: /caf\xe9\nDisallow: /a"

    assert not rules_from_answer(200, body, user_agent=AGENT).can_fetch("https://e.example/a")


def test_rules_within_the_limit_count_and_half_a_line_does_not() -> None:
    head = b"User-agent: *\nDisallow: /a\n"
    tail = b"Disallow: /private"
    body = head + b"#" * (MAX_BYTES - len(head) - len(b"\nDisallow: /")) + b"\n" + tail
    assert body[:MAX_BYTES].endswith(b"\nDisallow: /")

    answer = rules_from_answer(200, body, user_agent=AGENT)

    assert not answer.can_fetch("https://e.example/a")
    assert answer.can_fetch("https://e.example/b")


@pytest.mark.parametrize(
    ("lines", "pause"),
    [
        ([], None),
        (["Crawl-delay: 2.5"], 2.5),
        (["Crawl-delay: 0"], 0.0),
        (["Crawl-delay: 3600"], 60.0),
        (["Crawl-delay: soon"], None),
        (["Crawl-delay: -1"], None),
        (["Crawl-delay: nan"], None),
        (["Request-rate: 1/10"], 10.0),
        (["Request-rate: 30/1m"], 2.0),
        (["Request-rate: 1/10s 1600-2359"], 10.0),
        (["Request-rate: 0/0"], None),
        ([f"Request-rate: 1/{'9' * 4_000}"], 60.0),
        ([f"Request-rate: {'9' * 4_000}/1"], 0.0),
        (["Crawl-delay: 2", "Request-rate: 1/5"], 5.0),
        (["Crawl-delay: 5", "Request-rate: 1/2"], 5.0),
    ],
)
def test_pause_is_the_larger_wish_within_the_maximum(lines: list[str], pause: float | None) -> None:
    assert rules(for_all("Disallow: /x", *lines)).pause(60.0) == pause


def test_the_pause_is_that_of_our_group() -> None:
    text = "User-agent: *\nCrawl-delay: 9\n\nUser-agent: foobot\nCrawl-delay: 1"

    assert rules(text).pause(60) == 1
    assert rules(text, "other").pause(60) == 9


@pytest.mark.parametrize("record", ["Crawl-delay: 9", "Request-rate: 1/9"])
def test_a_pause_is_for_the_agents_directly_above_it(record: str) -> None:
    """The pages that are forbidden below it are forbidden to them as well."""
    text = f"User-agent: b\nUser-agent: foobot\n{record}\n\nUser-agent: *\nDisallow: /a"

    assert rules(text).pause(60) == 9
    assert rules(text, "b").pause(60) == 9
    assert rules(text, "other").pause(60) is None
    assert not allowed(text, "/a")
    assert not allowed(text, "/a", "other")


def test_a_pause_below_the_rules_is_for_the_whole_group() -> None:
    text = "User-agent: b\nUser-agent: foobot\nDisallow: /a\nCrawl-delay: 9\nUser-agent: *\n"

    assert rules(text).pause(60) == 9
    assert rules(text, "b").pause(60) == 9
    assert rules(text, "other").pause(60) is None


@pytest.mark.parametrize(
    ("user_agent", "token"),
    [
        ("FooBot/1.2 (+https://foo.example/bot)", "foobot"),
        ("foo-bot", "foo-bot"),
        ("foo_bot 2", "foo_bot"),
        ("Mozilla/5.0 (compatible; FooBot/2.1; +http://foo.example)", "foobot"),
        ("Mozilla/5.0 (X11; Linux) (compatible; FooBot)", "foobot"),
        ("Mozilla/5.0 (X11; Linux)", "mozilla"),
        ("", "*"),
        ("/()", "*"),
    ],
)
def test_product_token(user_agent: str, token: str) -> None:
    assert product_token(user_agent) == token


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://e.example/", "http://e.example/robots.txt"),
        ("https://e.example:8443/a/b?c=/d", "https://e.example:8443/robots.txt"),
        ("http://[::1]:80/?x", "http://[::1]:80/robots.txt"),
    ],
)
def test_each_origin_has_its_own_file(url: str, expected: str) -> None:
    assert robots_url(url) == expected


@given(st.binary() | st.text().map(str.encode))
def test_garbage_never_raises(body: bytes) -> None:
    answer = rules_from_answer(200, b"User-agent: *\n" + body, user_agent=AGENT)

    answer.can_fetch("https://e.example/a?b")
    answer.pause(60)


# Files made of what such files are made of, rightly and wrongly.
_paths = st.text("/ab*$%2F?# é\u2028", max_size=8)
_lines = st.one_of(
    st.sampled_from(["foobot", "*", "other", "FooBot", "another", ""]).map("User-agent: {}".format),
    st.builds(
        "{}{}{}".format,
        st.sampled_from(["Disallow", "Allow", "disalow", "Crawl-delay", "Sitemap", "Noindex"]),
        st.sampled_from([": ", ":", " "]),
        _paths,
    ),
    st.sampled_from(["Crawl-delay: 3", "Request-rate: 1/7", "# comment", "", "nonsense"]),
)
_files = st.lists(_lines, max_size=25).map("\n".join)
_urls = _paths.map(lambda path: "https://e.example/" + path.replace(" ", "%20"))


@given(_files, _urls)
def test_groups_are_told_apart_as_protego_does(text: str, url: str) -> None:
    """
    As far as names agree, and where no record but a rule is before the next agent.

    It also takes `foo` for a group of `foobot`, and ends groups at records that it does not know.
    """
    text = text.replace("User-agent:", "Disallow:\nUser-agent:")
    theirs = Protego.parse(text)

    assert rules(text).can_fetch(url) == theirs.can_fetch(url, "foobot")
    assert (rules(text).pause(60) is None) == (
        theirs.crawl_delay("foobot") is None and theirs.request_rate("foobot") is None
    )


@given(_files, _urls)
def test_reducing_a_file_to_our_rules_changes_no_answer(text: str, url: str) -> None:
    others = "User-agent: other\n" + "Disallow: /other\n" * 1_000
    kept = cached_robots(200, (others + text).encode(), user_agent=AGENT, now=NOW)

    assert kept is not None
    assert len(kept.text) < MAX_KEPT_WHOLE
    reduced = kept.rules(AGENT)
    assert reduced is not None
    assert reduced.can_fetch(url) == rules(others + text).can_fetch(url)
    assert reduced.pause(60) == rules(others + text).pause(60)


def test_a_small_file_is_kept_whole_for_any_agent() -> None:
    text = "User-agent: foobot\nDisallow: /a\n\nUser-agent: bar\nDisallow: /b"
    kept = cached_robots(200, text.encode(), user_agent=AGENT, now=NOW)

    assert kept is not None
    assert kept.text == text
    answer = kept.rules("bar/1.0")
    assert answer is not None
    assert not answer.can_fetch("https://e.example/b")


def test_a_large_file_is_kept_for_our_agent_only() -> None:
    text = "User-agent: foobot\nDisallow: /a\n\n" + "User-agent: x\nDisallow: /\n" * 1_000
    kept = cached_robots(200, text.encode(), user_agent=AGENT, now=NOW)

    assert kept is not None
    assert len(kept.text) < 100
    assert kept.rules("bar/1.0") is None


def test_too_many_rules_are_not_kept_at_all() -> None:
    text = for_all(*(f"Disallow: /{i:09}" for i in range(MAX_KEPT // 20)))

    assert cached_robots(200, text.encode(), user_agent=AGENT, now=NOW) is None


@pytest.mark.parametrize("status", [200, 404, 500, None])
def test_what_is_kept_survives_the_state_object(status: int | None) -> None:
    kept = cached_robots(status, FORBIDDEN, user_agent=AGENT, now=NOW)

    assert kept is not None
    again = msgspec.json.decode(msgspec.json.encode(kept), type=CachedRobots)
    assert again == kept
    answer = again.rules(AGENT)
    assert answer is not None
    expected = rules_from_answer(status, FORBIDDEN, user_agent=AGENT)
    assert answer.unreachable is expected.unreachable
    assert answer.can_fetch("https://e.example/") is expected.can_fetch("https://e.example/")


@pytest.mark.parametrize(
    ("status", "ttl"), [(200, TTL), (404, TTL), (500, TTL_ERROR), (None, TTL_ERROR)]
)
def test_errors_are_kept_for_a_shorter_time(status: int | None, ttl: float) -> None:
    kept = CachedRobots(status=status, fetched_at=NOW)

    assert kept.is_fresh(NOW + ttl - 1)
    assert not kept.is_fresh(NOW + ttl)


@pytest.mark.parametrize(
    ("headers", "metas", "tags"),
    [
        ([], [], ()),
        (["noindex, nofollow"], [], ("noindex", "nofollow")),
        (["NoIndex"], ["noindex,noarchive"], ("noindex", "noarchive")),
        ([], ["none"], ("noindex", "nofollow")),
        ([], ["index, follow, all"], ()),
        (["foobot: noindex, nofollow"], [], ("noindex", "nofollow")),
        (["otherbot: noindex, nofollow"], [], ()),
        (["otherbot: noindex, foobot: nofollow"], [], ("nofollow",)),
        (["otherbot: noindex", "nofollow"], [], ("nofollow",)),
        (["unavailable_after: 25 Jun 2030 15:00:00 PST, noindex"], [], ("noindex",)),
        (["unavailable_after: Tue, 25 Jun 2030 15:00:00 GMT, noindex"], [], ("noindex",)),
        (["max-snippet:50, noarchive"], [], ("noarchive",)),
        (["", ",,:", "::"], [""], ()),
    ],
)
def test_robots_tags(headers: list[str], metas: list[str], tags: tuple[str, ...]) -> None:
    assert robots_tags(headers, metas, "foobot") == tags


@given(st.lists(st.text()), st.lists(st.text()))
def test_garbage_in_tags_never_raises(headers: list[str], metas: list[str]) -> None:
    robots_tags(headers, metas, "foobot")
