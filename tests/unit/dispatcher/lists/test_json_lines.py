from typing import Any

import pytest

from functions.dispatcher.lists.json_lines import JsonReader
from functions.dispatcher.lists.source import ListSource
from functions.dispatcher.plan import Plan
from shared.messages import Target


def plan_of(reader: JsonReader) -> tuple[dict[int, Target], dict[int, str]]:
    """Return the targets and the reasons that a reader gives, by line."""
    plan = Plan(job="j", shard=0, partitions=4, batch_size=100)
    reader.fill(plan, 1 << 60)
    targets = {target.line: target for batch in plan.batches() for target in batch.targets}
    return targets, {report.line: report.reason for report in plan.counts.reports}


def test_a_line_of_json_is_a_request() -> None:
    text = (
        b'\xef\xbb\xbf{"url": "http://A.example"}\r\n\n'
        b'{"url":"http://a.example/p","method":"POST","body":"q=1",'
        b'"headers":{"Content-Type":"text/plain"},"meta":{"id":7}}\n'
        b'{"url":"http://a.example/h","method":"HEAD"}'
    )

    targets, problems = plan_of(JsonReader(ListSource([text])))

    assert problems == {}
    assert targets == {
        1: Target("http://a.example/", 1),
        3: Target(
            "http://a.example/p",
            3,
            method="POST",
            headers={"Content-Type": "text/plain"},
            body="q=1",
            input={"id": 7},
        ),
        4: Target("http://a.example/h", 4, method="HEAD"),
    }


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"url":"/about"}', "a URL must start with http"),
        (
            b'{"uri":"http://a.example/"}',
            "no request: there is no uri here; there are url, method, headers, body, meta",
        ),
        (
            b'{"url":"http://a.example/","method":"PUT"}',
            "no request: method: it must be one of GET, HEAD, POST, not 'PUT'",
        ),
        (
            b'{"url":"http://a.example/","method":"get"}',
            "method: it must be one of GET, HEAD, POST, not 'get'",
        ),
        (b'{"url":"http://a.example/","method":"Post"}', "POST, not 'Post'"),
        (b'{"url":7}', "no request: url: it must be a text, and is a whole number"),
        (
            b'{"url":"http://a.example/","headers":{"A":7}}',
            "headers[...]: it must be a text, and is a whole number",
        ),
        (b'{"method":"GET"}', "no request: url is missing"),
        (b'{"url":', "no request: the JSON breaks off"),
        (b"[1]", "no request: it must be names with values, and is a list"),
        (b'{"url":"http://a.example/","headers":{"Host":"b"}}', "belongs to the transport"),
        (b'{"url":"http://a.example/","headers":{"X":"a\\r\\nY: b"}}', "printable ASCII"),
        (b'{"url":"http://a.example/","body":"q"}', "body is for POST"),
        (b'{"url":"http://a.example/\xff"}', "no request: not UTF-8 text"),
        (b'{"url":"http://a.example/","method":"POST","body":"\\ud800"}', "no request: "),
        (b'{"url":"http://a.example/\\nb"}', "holds a line end"),
        (b'{"url":"http://a.example/ http://b.example/"}', "two URLs in one place"),
        (b'{"url":"http://a.example/","meta":' + b"[" * 5_000, "no request: nested too deeply"),
        (
            b'{"url":"http://a.example/","meta":{"x":"' + b"a" * 65_536 + b'"}}',
            "longer than 65,536",
        ),
        (b"http://a.example/", "no request: JSON is malformed"),
        (b'{"url":"http://a.example/","url":"http://c.example/"}', "'url' is there twice"),
        (b'{"url":"http://a.example/","\\u0075rl":"http://c.example/"}', "'url' is there twice"),
        (b'{"url":"http://a.example/","headers":{},"headers":{}}', "'headers' is there twice"),
        (b'{"url":"http://a.example/","meta":{"url":1},"meta":{}}', "'meta' is there twice"),
        (b'["url","url"]', "no request: it must be names with values, and is a list"),
        (b'{"url":"x","url"}', "no request: not JSON: Expecting ':' delimiter at character 17"),
    ],
)
def test_a_line_that_is_no_request_is_rejected_with_the_reason(line: bytes, reason: str) -> None:
    targets, problems = plan_of(JsonReader(ListSource([line + b'\n{"url":"http://b.example/"}'])))

    assert list(targets) == [2]
    assert reason in problems[1]


def test_no_line_takes_long_for_the_names_in_it() -> None:
    """Quadratic time would take minutes for this."""
    names = b"".join(b'"%x":1,' % number for number in range(6_000))
    line = b'{"url":"http://a.example/","meta":{},%s"meta":{}}\n' % names

    targets, problems = plan_of(JsonReader(ListSource([line * 100])))

    assert not targets
    assert problems[100] == "no request: 'meta' is there twice; write an object on a line for each"


@pytest.mark.parametrize(
    ("written", "value"),
    [
        (b'"\xff"', "\N{REPLACEMENT CHARACTER}"),
        (b'"a\\ud83d"', "a\N{REPLACEMENT CHARACTER}"),
        (b'["\\udc00\\ud83d\\ude00"]', ["\N{REPLACEMENT CHARACTER}\N{GRINNING FACE}"]),
        (b"NaN", None),
        (b"18446744073709551616", 18446744073709551616),
        (b'"\xef\xbf\xbe"', "\ufffe"),
    ],
)
def test_a_bad_value_beside_the_url_costs_itself(written: bytes, value: object) -> None:
    line = b'{"url":"http://a.example/","meta":{"x":%s,"y":"\xc3\xa9"}}' % written

    targets, problems = plan_of(JsonReader(ListSource([line])))

    assert problems == {}
    assert targets[1].input == {"x": value, "y": "é"}


@pytest.mark.parametrize(
    ("meta", "kept"),
    [
        (rb'{"x": "cut \ud83d", "y": 1}', {"x": "cut \ufffd", "y": 1}),
        (rb'{"\udc00": "x"}', {"\ufffd": "x"}),
        (b'{"x": NaN, "y": -Infinity, "z": 1e999}', {"x": None, "y": None, "z": None}),
    ],
)
def test_what_json_cannot_hold_costs_no_line_but_itself(meta: bytes, kept: dict[str, Any]) -> None:
    line = b'{"url": "http://a.example/", "meta": %s}' % meta

    targets, problems = plan_of(JsonReader(ListSource([line])))

    assert problems == {}
    assert targets[1].input == kept


def test_names_of_a_request_may_be_in_its_meta() -> None:
    line = b'{"url":"http://a.example/","meta":{"url":"url","body":{"url":["url"]}},"body":null}'

    targets, problems = plan_of(JsonReader(ListSource([line])))

    assert problems == {}
    assert targets[1].input == {"url": "url", "body": {"url": ["url"]}}


def test_what_is_in_headers_is_in_no_report() -> None:
    line = b'{"url":"http://a.example/","headers":{"Authorization":"Bearer s3cret"},"methd":"GET"}'
    plan = Plan(job="j", shard=0, partitions=4, batch_size=100)
    JsonReader(ListSource([line])).fill(plan, 1_000)

    [report] = plan.counts.reports
    assert report.text == '{"url":"http://a.example/",'
