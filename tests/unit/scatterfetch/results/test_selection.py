import pytest

from scatterfetch.results.selection import is_selected, read_selection
from shared.errors import InvalidJobError, Reason
from shared.outcomes import Kind
from tests.results import outcome


@pytest.mark.parametrize(
    ("texts", "paths"),
    [
        (["failed"], ["/404", "/tls"]),
        (["http_404"], ["/404"]),
        (["failed-tls_certificate"], ["/tls"]),
        (["scraped", "http_404"], ["/", "/404", "/odd"]),
        (["scraped, HTTP_404"], ["/", "/404", "/odd"]),
        (["dead"], []),
        (["problems"], ["/odd"]),
        (["problems,http_404"], ["/404", "/odd"]),
    ],
)
def test_outcomes_are_chosen_by_their_names(texts: list[str], paths: list[str]) -> None:
    outcomes = [
        outcome("/"),
        outcome("/404", kind=Kind.FAILED, reason=Reason.HTTP_404),
        outcome("/tls", kind=Kind.FAILED, reason=Reason.TLS_CERTIFICATE),
        outcome("/odd", problems=[{"field": "price", "problem": "missing", "value": None}]),
    ]

    names = read_selection(texts)

    found = [
        one.url.removeprefix("http://a.example") for one in outcomes if is_selected(one, names)
    ]
    assert found == paths


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("faild", "--outcome: there is no outcome 'faild'; did you mean failed[?] Name scraped"),
        ("http-404", "no outcome 'http-404'; did you mean http_404[?]"),
        ("failed-http_44", "no outcome 'failed-http_44'; did you mean http_4"),
        (
            "xyzzy",
            "there is no outcome 'xyzzy'. Name scraped, failed, skipped or dead, a reas",
        ),
        ("deferred", "a deferred URL has no final outcome yet"),
        ("failed,", "there is no outcome ''"),
    ],
)
def test_a_name_that_is_none_is_answered_with_those_there_are(text: str, problem: str) -> None:
    with pytest.raises(InvalidJobError, match=problem):
        read_selection([text])
