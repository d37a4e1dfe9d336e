"""What a spec says of pages that were not asked for tells them from those that were."""

from typing import Any

import msgspec
import pytest

from functions.worker.extraction.rows import Extracted, compile_extraction
from functions.worker.transport.page import FetchedPage
from shared.spec import Spec

CAPTCHA = """<!doctype html><title>Just a  moment...</title><h1>Please <b>WAIT</b></h1>
<form id="captcha" action="/x"></form><script>var shop = "Lamps";</script>"""
FIELDS: dict[str, Any] = {"fields": {"name": {"css": ".name"}, "shop": {"const": "s"}}}


def extract(
    body: str,
    *retry_when: dict[str, Any],
    status: int = 200,
    kind: str = "text/html",
    extract: dict[str, Any] = FIELDS,
) -> Extracted:
    spec = msgspec.convert({"fetch": {"retry_when": retry_when}, "extract": extract}, Spec)
    page = FetchedPage("http://e.com/", status, kind, None, body.encode())
    return compile_extraction(spec).extract(page, token="bot")


@pytest.mark.parametrize(
    ("condition", "why"),
    [
        ({"text": "please wait"}, "the text 'please wait' is in it"),
        ({"text": " just a\nmoment"}, r"the text ' just a\nmoment' is in it"),
        ({"css": "form#captcha"}, "form#captcha is in it"),
        ({"xpath": "//form[@id='captcha']"}, "//form[@id='captcha'] is in it"),
        ({"xpath": "count(//form) = 1"}, "count(//form) = 1 is in it"),
        ({"status": 202}, "the status is 202"),
        ({"no_match": True}, "nothing is found in it"),
        ({"status": 202, "css": "form"}, "the status is 202 and form is in it"),
        ({"css": "form", "no_match": True}, "form is in it and nothing is found in it"),
    ],
)
def test_a_page_that_is_not_wanted_has_no_rows_and_says_why(
    condition: dict[str, Any], why: str
) -> None:
    found = extract(CAPTCHA, condition, status=202)

    assert found == Extracted([], [], [], unwanted=f"retry_when: {why}")


@pytest.mark.parametrize(
    "condition",
    [
        pytest.param({"text": "Lamps"}, id="what no browser shows"),
        pytest.param({"text": "captcha"}, id="what stands in a tag"),
        pytest.param({"css": "form.captcha"}, id="another selector"),
        pytest.param({"xpath": "//form[@id='x']"}, id="another expression"),
        pytest.param({"xpath": "count(//form) > 1"}, id="what is not so"),
        pytest.param({"status": 203}, id="another status"),
        pytest.param({"status": 202, "css": ".x"}, id="one of two"),
        pytest.param({"text": "wait", "css": ".x"}, id="the other of two"),
        pytest.param({"css": ".x", "no_match": True}, id="no match alone"),
    ],
)
def test_all_of_a_condition_must_hold(condition: dict[str, Any]) -> None:
    assert extract(CAPTCHA, condition, status=202).unwanted is None


def test_one_of_the_conditions_is_enough() -> None:
    found = extract(CAPTCHA, {"css": ".x"}, {"no_match": True}, {"text": "wait"})

    assert found.unwanted == "retry_when: the text 'wait' is in it"


def test_a_page_on_which_something_is_found_is_a_match() -> None:
    found = extract("<p class=name>Lamp", {"no_match": True}, {"css": "form"})

    assert found == Extracted([{"name": "Lamp", "shop": "s"}], [], [])


@pytest.mark.parametrize(
    ("body", "kind", "condition", "is_unwanted"),
    [
        ('{"error": "Please  wait"}', "application/json", {"text": "please wait"}, True),
        ('{"error": "ok"}', "application/json", {"text": "please wait"}, False),
        ('{"error": "ok"}', "application/json", {"css": "html"}, False),
        ('{"error": "ok"}', "application/json", {"xpath": "//error"}, False),
        ("<?xml version='1.0'?><r><e/></r>", "text/xml", {"xpath": "//e"}, True),
        ("", "text/html", {"text": "a"}, False),
        ("", "text/html", {"no_match": True}, True),
        ("%PDF", "application/pdf", {"no_match": True}, True),
        ("<p>x", "text/html", {"xpath": "number('x')"}, False),
    ],
)
def test_pages_of_any_type_are_looked_at(
    body: str, kind: str, condition: dict[str, Any], is_unwanted: bool
) -> None:
    assert (extract(body, condition, kind=kind).unwanted is not None) is is_unwanted
