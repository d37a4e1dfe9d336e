import math
from datetime import datetime
from random import Random

import msgspec
import pytest

import shared.tally
from shared.errors import Reason, StorageError
from shared.messages import Target
from shared.outcomes import CutLink, Kind, Outcome, decode_lines, encode_line
from shared.tally import EXAMPLES, Tally, decode_tally, encode_tally, quantile, tally_of, trouble
from tests.results import AT, outcome

BEGAN = datetime.fromisoformat(AT).timestamp()


def tallied(*outcomes: Outcome) -> Tally:
    return tally_of(decode_lines(encode_line(o) for o in outcomes))


def test_a_tally_is_what_the_lines_add_up_to() -> None:
    no_match = {"field": None, "problem": "no_match", "value": None}
    missing = {"field": "price", "problem": "missing", "value": None}

    tally = tallied(
        outcome("/1", {"title": "A"}, status=200, bytes=1_000, wire_bytes=300),
        outcome("/2", status=200, problems=[no_match, missing, missing], wire_bytes=30),
        outcome("/3", kind=Kind.FAILED, reason=Reason.HTTP_404, status=404),
        outcome("/4", kind=Kind.DEAD, reason=Reason.TIMEOUT),
        outcome("/5", kind=Kind.DEFERRED, reason=Reason.HTTP_503, status=503),
    )

    assert tally == Tally(
        receipts=1,
        counts={
            "scraped": 2,
            "no_match": 1,
            "problems": 2,
            "failed-http_404": 1,
            "dead-timeout": 1,
            "deferred-http_503": 1,
        },
        statuses={200: 2, 404: 1},
        hosts={"a.example": {"scraped": 2, "no_match": 1, "failed-http_404": 1, "dead-timeout": 1}},
        problems={"price missing": 1},
        latency={19: 3},
        requests=5,
        bytes=1_000,
        wire_bytes=330,
        started=BEGAN,
        ended=BEGAN + 0.005,
    )


def test_pages_are_counted_by_problem_and_skipped_ones_by_their_type() -> None:
    unreadable = {"field": "price", "problem": "unreadable", "value": "?"}
    nothing = {"field": None, "problem": "nothing_extracted", "value": "image/png"}
    pdf = outcome("/4", kind=Kind.SKIPPED, reason=Reason.CONTENT_TYPE, status=200)

    tally = tallied(
        outcome("/1", problems=[unreadable, unreadable], status=200),
        outcome("/2", problems=[unreadable], status=200),
        outcome("/3", problems=[nothing], status=200),
        msgspec.structs.replace(pdf, content_type="application/pdf"),
    )

    assert tally.problems == {"price unreadable": 2, "nothing_extracted": 1}
    assert tally.skipped_types == {"application/pdf": 1}


def test_problems_of_too_many_names_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared.tally, "MAX_NAMES", 2)
    tally = Tally(problems={"a missing": 1, "b missing": 1})

    tally.add(Tally(problems={"a missing": 1, "c missing": 1, "d missing": 1}))

    assert tally.problems == {"a missing": 2, "b missing": 1, "others": 2}


def test_links_that_were_cut_off_are_few_and_the_same_in_any_order() -> None:
    links = [CutLink("depth", f"http://a.example/{n}", "http://a.example/") for n in range(9)]
    links.append(CutLink("kind", "http://a.example/0", "http://a.example/"))
    parts = [Tally(cut_links=(link,)) for link in links]
    forth, back = Tally(), Tally()
    for part in (*parts, *parts):
        forth.add(part)
    for part in reversed(parts):
        back.add(part)

    assert forth.cut_links == back.cut_links == (*links[:EXAMPLES], links[-1])


def test_redirects_to_where_another_one_led_are_counted_by_that_page() -> None:
    same = msgspec.structs.replace(
        outcome("/1", kind=Kind.SKIPPED, reason=Reason.SAME_REDIRECT), final_url="http://b/c"
    )

    tally = tallied(same, same, outcome("/2", kind=Kind.SKIPPED, reason=Reason.DUPLICATE))

    assert tally.same_redirects == {"http://b/c": 2}


def test_what_was_not_asked_for_says_nothing_of_time() -> None:
    skipped = msgspec.structs.replace(
        outcome("/", kind=Kind.SKIPPED, reason=Reason.ROBOTS_DISALLOWED), elapsed_ms=0
    )

    tally = tallied(skipped)

    assert (tally.requests, tally.started, tally.latency) == (0, None, {})


def test_tallies_add_up_in_any_order() -> None:
    parts = [
        tallied(outcome("/1", status=200)),
        tallied(outcome("/2", kind=Kind.FAILED, reason=Reason.HTTP_404, status=404)),
        tallied(outcome("/3", kind=Kind.DEAD, reason=Reason.TLS)),
    ]
    parts[1].worker_seconds, parts[2].message_bytes = 2.5, 100
    forth, back = Tally(), Tally()
    for part in parts:
        forth.add(part)
    for part in reversed(parts):
        back.add(part)

    assert forth == back
    assert forth.receipts == 3
    assert forth.hosts == {"a.example": {"scraped": 1, "failed-http_404": 1, "dead-tls": 1}}
    assert (forth.worker_seconds, forth.message_bytes, forth.statuses) == (
        2.5,
        100,
        {200: 1, 404: 1},
    )
    assert parts[0] == tallied(outcome("/1", status=200)), "what is added stays as it is"


def test_a_tally_survives_the_bucket() -> None:
    tally = tallied(outcome("/1", status=200), outcome("/4", kind=Kind.DEAD, reason=Reason.TIMEOUT))

    assert decode_tally(encode_tally(tally)) == tally
    with pytest.raises(StorageError, match="not a tally"):
        decode_tally(b"")


def test_a_dead_letter_counts_whom_it_replaces_by_host() -> None:
    tally = tallied(outcome("/1", status=200))

    tally.redrive(Reason.TIMEOUT, [Target("http://a.example/1", 1), Target("http://b.example/", 2)])

    assert tally.counts == {"scraped": 1, "redriven-timeout": 2}
    assert tally.hosts == {
        "a.example": {"scraped": 1, "redriven-timeout": 1},
        "b.example": {"redriven-timeout": 1},
    }


def test_memory_is_bounded_and_hosts_in_trouble_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared.tally, "MAX_HOSTS", 10)
    tally = Tally()
    for number in range(50):
        name = "dead-timeout" if number == 3 else "scraped"
        tally.add(Tally(hosts={f"h{number}.example": {name: 1}}))

    assert len(tally.hosts) <= 10
    assert tally.hosts["h3.example"] == {"dead-timeout": 1}
    assert tally.hosts_forgotten


def test_trouble_is_what_came_to_nothing() -> None:
    counts = {
        "scraped": 9,
        "failed-tls": 2,
        "dead-dns": 3,
        "skipped-content_type": 4,
        "no_match": 5,
    }

    assert trouble(counts) == 10


@pytest.mark.parametrize("fraction", [0.01, 0.5, 0.9, 0.99, 1.0])
def test_quantiles_are_right_to_five_percent(fraction: float) -> None:
    rng = Random(5)
    times = sorted(max(1, round(rng.lognormvariate(5, 1.5))) for _ in range(2_000))
    tally = tallied(*(outcome("/", status=200, elapsed_ms=time) for time in times))

    found = quantile(tally.latency, fraction)

    exact = times[math.ceil(fraction * len(times)) - 1]
    assert found == pytest.approx(exact, rel=0.05)


def test_there_is_no_quantile_of_nothing() -> None:
    assert quantile({}, 0.5) is None
