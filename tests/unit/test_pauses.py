"""What `make bench-polite` reads from the website's log, and what politeness costs at least."""

import pytest

from bench import pauses
from bench.pauses import Conduct, Request

ROBOTS = "/robots.txt"


def requests(*found: tuple[float, float, str, str]) -> list[Request]:
    return [Request(began, ended, True, host, target) for began, ended, host, target in found]


def test_a_log_is_read() -> None:
    lines = ["1.5 2.25 1 a.example /30000?n=1", "2.0 2.5 0 b.example /robots.txt"]

    assert pauses.read_log(lines) == [
        Request(1.5, 2.25, True, "a.example", "/30000?n=1"),
        Request(2.0, 2.5, False, "b.example", "/robots.txt"),
    ]


def test_pauses_are_those_of_a_host_whatever_the_order_of_the_log() -> None:
    found = requests(
        (1.0, 1.0, "b", "/2"), (0.5, 0.5, "b", "/1"), (0.6, 0.6, "a", "/1"), (1.2, 1.2, "a", "/2")
    )

    assert pauses.conduct(found, pause=0.5, at_once=2) == Conduct(0.5, 0, 0, 0, 0)


def test_half_a_pause_is_the_least() -> None:
    found = requests(
        (1.0, 1.0, "a", ROBOTS),
        (1.1, 1.1, "a", "/1"),
        (1.34, 1.34, "a", "/2"),
        (1.5, 1.5, "a", "/3"),
    )

    hurried = pauses.conduct(found, pause=0.5, at_once=2)

    assert hurried.shortest == pytest.approx(0.16)
    assert (hurried.hasty, hurried.hasty_at_first) == (1, 1)


def test_a_host_with_more_open_requests_than_agreed_is_crowded() -> None:
    found = requests(
        (0.0, 9.0, "a", "/1"),
        (1.0, 9.0, "a", "/2"),
        (2.0, 9.0, "a", "/3"),
        (3.0, 9.0, "a", "/4"),
        (9.0, 9.5, "a", "/5"),
        (3.0, 9.0, "b", "/1"),
    )

    assert pauses.conduct(found, pause=0.5, at_once=2).crowded == 2


def test_what_is_asked_for_again_is_counted_for_each_host() -> None:
    found = requests((0, 0, "a", "/1"), (1, 1, "a", "/1"), (2, 2, "a", "/1"), (0, 0, "b", "/1"))

    assert pauses.conduct(found, pause=0.5, at_once=2).repeated == 2


def test_without_requests_there_is_nothing_to_blame() -> None:
    assert pauses.conduct([], pause=0.5, at_once=2) == Conduct(None, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("count", "answer", "seconds"),
    [
        pytest.param(41, 0.0, 20.0, id="pauses alone"),
        pytest.param(41, 10.0, 210.0, id="robots.txt, then two at once"),
        pytest.param(41, 0.1, 20.1, id="answers within the pauses"),
        pytest.param(1, 10.0, 10.0, id="robots.txt alone"),
        pytest.param(2, 10.0, 20.0, id="a page behind robots.txt"),
    ],
)
def test_a_host_takes_its_pauses_or_its_answers(count: int, answer: float, seconds: float) -> None:
    assert pauses.least(count, pause=0.5, answer=answer, at_once=2) == pytest.approx(seconds)


def test_the_slowest_of_many_hosts_is_that_of_the_jitter() -> None:
    """By order statistics: 40 pauses of 0.5 s +- 50 % have a deviation of 0.91 s, of 30 2.04."""
    assert pauses.slowest(30, 41, pause=0.5) == pytest.approx(20 + 2.04 * 0.913, abs=0.1)
    assert pauses.slowest(1, 41, pause=0.5) == pytest.approx(20, abs=0.3)
