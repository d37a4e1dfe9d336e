"""What is extracted in a process of its own: by parsers in Python, and of pages that bite."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from functions.worker.extraction import extractor
from functions.worker.extraction.extractor import ExtractionProcess, Extractor
from functions.worker.extraction.process import Answer, Question
from functions.worker.extraction.rows import Extracted
from functions.worker.transport.page import FetchedPage
from shared.errors import FetchError, Reason, StorageError
from shared.extract_spec import DEFAULT_EXTRACT, ExtractSpec
from shared.messages import Target
from shared.spec import Spec

NESTED = b"<div>" * 60_000 + b"<title>x</title>"
ATTRIBUTES = b"<title>x</title><div " + b" ".join(b"a%x" % n for n in range(40_000)) + b">"
# 25 million elements: an unclosed <b> is opened anew in every paragraph that follows.
TREE = b"<p>" + b"".join(b"<b a%x>" % n for n in range(5_000)) + b"<p>x" * 5_000


@pytest.fixture
def process() -> Iterator[ExtractionProcess]:
    process = ExtractionProcess(400_000_000, "tests.parsers")
    yield process
    process.stop()


def page(body: str | bytes, url: str = "http://a.example/", **facts: Any) -> FetchedPage:
    text = body.encode() if isinstance(body, str) else body
    return FetchedPage(**{"status": 200, "content_type": "text/html", "charset": None, "url": url,
                   "body": text, **facts})  # fmt: skip


async def extracted(
    process: ExtractionProcess,
    found: FetchedPage,
    parser: str | None = None,
    *,
    parser_timeout: float = 60,  # as long as it takes on a machine that others load
    extract: dict[str, Any] | None = None,
    careful: bool = False,
    time_left: float = 200,
) -> Extracted:
    extracts = Extractor(
        Spec(
            parser=parser,
            parser_timeout=parser_timeout,
            extract=msgspec.convert(extract, ExtractSpec) if extract else DEFAULT_EXTRACT,
        ),
        token="bot",
        process=process,
        careful=careful,
    )
    target = Target(found.url)
    here = extracts.at_once(found, target)
    return here if here is not None else await extracts.elsewhere(found, target, time_left)


async def reason(*args: Any, **options: Any) -> tuple[Reason, str]:
    with pytest.raises(FetchError) as caught:
        await extracted(*args, **options)
    return caught.value.reason, caught.value.detail


async def test_the_process_is_sent_what_is_read_of_the_list_and_no_more(
    process: ExtractionProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Question] = []
    ask = process.ask

    async def note(question: Question, body: bytes = b"") -> Answer:
        asked.append(question)
        return await ask(question, body)

    monkeypatch.setattr(process, "ask", note)
    found = page("<h1>t", input={"id": 7, "secret": "x"})
    reads = {"fields": {"t": {"css": "h1"}, "id": {"input": "id", "type": "integer"}}}

    read = await extracted(process, found, careful=True, extract=reads)
    await extracted(process, found, careful=True, extract={"fields": {"t": {"css": "h1"}}})

    assert read.rows == [{"t": "t", "id": 7}]
    assert [question.page and question.page.input for question in asked] == [{"id": 7}, None]


async def test_sources_that_find_all_in_all_come_to_an_end(process: ExtractionProcess) -> None:
    """Of 300 elements in each other each has all that are in it, and so on: billions of places."""
    source: dict[str, Any] = {"css": "p"}
    for _ in range(4):
        source = {"css": "div", "then": source}
    nested = page("<div>" * 300 + "x")
    reads = {"fields": {"x": {**source, "many": True}}}

    told = await reason(process, nested, extract=reads, parser_timeout=0.5)

    assert told == (Reason.TOO_COMPLEX, "not done after 0.5 s")


# ---- pages


@pytest.mark.parametrize("column", ["text", "markdown"])
async def test_looking_for_the_main_content_holds_up_nothing(
    process: ExtractionProcess, column: str
) -> None:
    """What finds it takes minutes for a table like this."""
    wide = "<tr>" + "<td rowspan=999 colspan=999>x" * 200
    found = page(f"<table>{wide * 200}</table>")

    told = await reason(process, found, extract={"include": [column]}, parser_timeout=0.5)

    assert told == (Reason.TOO_COMPLEX, "not done after 0.5 s")


async def test_an_ordinary_page_needs_no_process(process: ExtractionProcess) -> None:
    [row] = (await extracted(process, page("<title>x</title>" + "<p>y" * 5_000))).rows

    assert row["title"] == "x"
    assert not process.is_running


@pytest.mark.parametrize("body", [NESTED, ATTRIBUTES, TREE], ids=["nested", "attributes", "tree"])
async def test_a_page_that_the_html_parser_would_not_come_back_from_is_given_up(
    process: ExtractionProcess, body: bytes
) -> None:
    why, detail = await reason(process, page(body), parser_timeout=0.5)

    assert why is Reason.TOO_COMPLEX
    assert detail in {"not done after 0.5 s", "it takes more than 400 MB of memory"}


async def test_a_large_page_is_extracted_elsewhere_as_it_would_be_here(
    process: ExtractionProcess,
) -> None:
    body = "<title>x</title>" + "<a href=/y>z</a>" * 20_000
    found = await extracted(process, page(body))

    assert process.is_running
    assert found.rows == [
        {"title": "x", "description": None, "canonical": None, "links": ["http://a.example/y"]}
    ]


async def test_a_page_that_takes_long_once_it_is_parsed_is_left_to_the_process(
    process: ExtractionProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = "".join(f"<tr><td>{day} March 2026" for day in range(1, 31))
    body = page("<div>" * 40 + "<table>" + cells)
    dates = {"css": "td", "type": "date", "many": True}
    extract = {"rows": "div", "fields": {"dates": dates}}
    here = await extracted(process, body, extract=extract)
    needed_process = process.is_running
    monkeypatch.setattr(extractor, "_INLINE_SECONDS", -1)
    elsewhere = await extracted(process, body, extract=extract)

    assert (needed_process, process.is_running) == (False, True)
    assert len(here.rows) == 40
    assert elsewhere == here


async def test_no_page_of_a_batch_that_was_delivered_again_is_trusted(
    process: ExtractionProcess,
) -> None:
    [row] = (await extracted(process, page("<title>x</title>"), careful=True)).rows

    assert row["title"] == "x"
    assert process.is_running


async def test_the_process_lives_on_after_a_page(process: ExtractionProcess) -> None:
    pids = [(await extracted(process, page(""), "parsers.shop:process")).rows for _ in range(2)]

    assert pids[0] == pids[1]


async def test_after_a_page_that_it_was_killed_for_there_is_another(
    process: ExtractionProcess,
) -> None:
    [before] = (await extracted(process, page(""), "parsers.shop:process")).rows
    await reason(process, page(""), "parsers.odd:hangs", parser_timeout=0.1)
    [after] = (await extracted(process, page(""), "parsers.shop:process")).rows

    assert before != after


async def test_a_process_that_holds_much_memory_is_replaced(process: ExtractionProcess) -> None:
    """What a parser leaks would sooner or later be taken for the fault of a page."""
    rows = [(await extracted(process, page(""), "parsers.odd:grows")).rows[0] for _ in range(2)]

    assert rows[0] != rows[1]


async def test_what_is_not_done_when_the_invocation_ends_is_left_to_the_next(
    process: ExtractionProcess,
) -> None:
    why, _ = await reason(process, page(""), "parsers.odd:hangs", time_left=0.1)

    assert why is Reason.OUT_OF_TIME
    assert not process.is_running


@pytest.mark.parametrize(
    "extract",
    [
        {"fields": {"x": {"xpath": "count(//p)"}}},
        {"rows": "body", "fields": {"x": {"xpath": "count(.//p)"}}},
    ],
    ids=["page", "row"],
)
async def test_a_page_that_is_too_large_for_xpath_is_not_taken_for_one_without_data(
    process: ExtractionProcess, extract: dict[str, Any]
) -> None:
    """It fits as HTML. When lxml runs out of memory beside that, it looks like bad markup."""
    large = page(b"<p>x" * 900_000)
    why, detail = await reason(process, large, extract=extract, parser_timeout=60)

    assert (why, detail) == (Reason.TOO_COMPLEX, "it takes more than 400 MB of memory")


EVERYTHING: dict[str, Any] = {
    "rows": "div, p",
    "fields": {
        "css": {"css": "a", "attr": "href", "type": "url"},
        "xpath": {"xpath": ".//a", "many": True},
        "product": {"jsonld": "Product.name"},
        "regex": {"regex": "a+b"},
    },
    "include": ["meta", "links", "jsonld", "microdata", "page_text", "tables", "feed", "sitemap"],
}
ODD = {
    "malformed": b"<table><p><tr><b><td></p><i></b><select><p></table>" * 50,
    "100,000 levels": b"<span>" * 100_000 + b"x",
    "10 MB": (b"<p>" + b"text " * 20_000) * 100,
    "mixed encodings": b"<meta charset=utf-16><p>\xe9</p>" + "<p>\xe9</p>".encode(),
    "nulls": b"<p\0 cl\0ass=x>a\0b</p>" + bytes(1_000),
    "invalid utf-8": b"<p>\xff\xfe\xc3</p><a href=\xff>\xed\xa0\x80</a>",
    "json": b'{"a": {"b": [1, "<p>x"]}}',
    "empty": b"",
}


@pytest.mark.parametrize(
    ("extract", "parser"),
    [(None, None), (EVERYTHING, None), (None, "parsers.shop:as_links")],
    ids=["default", "everything", "soup"],
)
@pytest.mark.parametrize("body", ODD.values(), ids=ODD)
async def test_odd_pages_are_read_as_far_as_they_can_be(
    process: ExtractionProcess, body: bytes, extract: dict[str, Any] | None, parser: str | None
) -> None:
    found = await extracted(process, page(body), parser, extract=extract)

    allowed = {"no_match", "truncated", *(["empty"] if not body else [])}
    assert {problem["problem"] for problem in found.problems} <= allowed
    assert found.rows or "no_match" in {problem["problem"] for problem in found.problems}


@pytest.mark.parametrize(
    ("extract", "parser"),
    [(EVERYTHING, None), (None, "parsers.shop:as_links")],
    ids=["everything", "soup"],
)
async def test_a_page_that_takes_for_ever_is_given_up_whatever_is_read_of_it(
    process: ExtractionProcess, extract: dict[str, Any] | None, parser: str | None
) -> None:
    deep = page(b"<div>" * 100_000)

    why, detail = await reason(process, deep, parser, extract=extract, parser_timeout=1)

    assert why is (Reason.PARSER_TIMEOUT if parser else Reason.TOO_COMPLEX)
    assert detail == "not done after 1 s"


# ---- no process


async def test_without_a_process_the_batch_is_delivered_again(
    process: ExtractionProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))

    with pytest.raises(StorageError, match=r"cannot begin: .* No such file or directory"):
        await extracted(process, page("<p>x"), careful=True)
    assert not process.is_running


@pytest.mark.parametrize("parser", [None, "parsers.shop:process"])
async def test_a_process_that_cannot_import_is_no_fault_of_the_page(
    process: ExtractionProcess, parser: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = list(sys.path)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "path", [])
        with pytest.raises(StorageError, match="cannot begin: ended with 1"):
            await extracted(process, page("<p>x"), parser, careful=True)

    assert sys.path == path
    assert (await extracted(process, page("<p>x"), careful=True)).rows  # it may be there later


# ---- page kinds


SHOP: dict[str, Any] = {
    "pages": {
        "list": {"match": "a.example/l/*", "follow": [{"css": "a", "page": "offer"}]},
        "product": {"match": "a.example/p/*", "extract": {"fields": {"name": {"css": "h1"}}}},
        "offer": {"parser": "parsers.shop:as_list", "follow": [{"css": "a"}]},
        "article": {"match": "a.example/a/*", "extract": {"include": ["text"]}},
    }
}


def shop(process: ExtractionProcess, *, careful: bool = False) -> Extractor:
    spec = msgspec.convert(SHOP, Spec)
    return Extractor(spec, token="bot", process=process, careful=careful)


@pytest.mark.parametrize("careful", [False, True], ids=["here", "elsewhere"])
@pytest.mark.parametrize(
    ("path", "facts", "rows", "links"),
    [
        ("l/1", {}, [], [("http://a.example/b", "offer", None)]),
        ("p/1", {}, [{"name": "Oak"}], []),
        ("p/1", {"carry": {"from": "l"}}, [{"from": "l", "name": "Oak"}], []),
        (
            "p/1",
            {"page": "offer", "carry": {"from": "l", "title": "theirs"}},
            [{"from": "l", "title": "x"}],
            [("http://a.example/b", None, None)],
        ),
    ],
)
async def test_a_page_is_read_as_its_kind_is(
    process: ExtractionProcess,
    path: str,
    facts: dict[str, Any],
    rows: list[Any],
    links: list[Any],
    *,
    careful: bool,
) -> None:
    extractor = shop(process, careful=careful)
    found = page("<title>x</title><h1>Oak</h1><a href=/b>y</a>", f"http://a.example/{path}")
    target = Target(found.url, **facts)

    here = extractor.at_once(found, target)
    told = here if here is not None else await extractor.elsewhere(found, target, 60)

    assert (told.rows, list(told.links)) == (rows, links)


async def test_a_page_of_no_kind_is_read_as_the_spec_says_at_its_top(
    process: ExtractionProcess,
) -> None:
    told = shop(process).at_once(page("<title>x</title>"), Target("http://a.example/"))

    assert told is not None
    assert told.rows[0]["title"] == "x"


async def test_only_kinds_that_may_take_long_are_left_to_the_process(
    process: ExtractionProcess,
) -> None:
    extractor, body = shop(process), "<h1>Oak</h1><p>x"

    assert extractor.at_once(page(body, "http://a.example/p/1"), Target("http://a.example/"))
    assert (
        extractor.at_once(page(body, "http://a.example/a/1"), Target("http://a.example/")) is None
    )


async def test_each_parser_of_a_spec_must_be_there(process: ExtractionProcess) -> None:
    pages = {"a": {"match": "a.example/", "parser": "parsers.shoe:parse"}}
    spec = msgspec.convert({"parser": "parsers.shop:as_list", "pages": pages}, Spec)
    extractor = Extractor(spec, token="bot", process=process, careful=False)

    with pytest.raises(FetchError, match=r"there is no parsers/shoe\.py"):
        await extractor.check(60)
    await shop(process).check(60)


async def test_a_kind_that_makes_no_sense_is_an_outcome_of_its_pages(
    process: ExtractionProcess,
) -> None:
    """The dispatcher has checked it, perhaps with an engine that knew more."""
    pages = {"a": {"match": "a.example/", "extract": {"fields": {"b": {"css": "c)"}}}}}
    spec = msgspec.convert({"pages": pages}, Spec)
    extractor = Extractor(spec, token="bot", process=process, careful=False)
    found, target = page("x"), Target("http://a.example/")

    assert extractor.at_once(found, target) is None
    with pytest.raises(FetchError, match=r"extract\.fields\.b\.css: unexpected '\)' at 2"):
        await extractor.elsewhere(found, target, 60)


# ---- parsers


@pytest.mark.parametrize(
    ("form", "row"),
    [
        ("as_list", {"title": "Fish & Chips"}),
        ("as_generator", {"text": "one"}),
        ("as_coroutine", {"length": 47}),
    ],
)
async def test_a_parser_may_take_any_form(
    process: ExtractionProcess, form: str, row: dict[str, Any]
) -> None:
    html = "<title>Fish &amp; Chips</title><ul><li>one</ul>"

    assert (await extracted(process, page(html), f"parsers.shop:{form}")).rows == [row]


async def test_a_parser_may_be_an_async_generator(process: ExtractionProcess) -> None:
    found = await extracted(process, page('{"a": 1}'), "parsers.shop:as_async_generator")

    assert found.rows == [{"a": 1}]


async def test_a_parser_knows_all_of_the_page(process: ExtractionProcess) -> None:
    found = page(
        "Café".encode("latin-1"),
        charset="latin-1",
        headers=((b"ETag", b'"v1"'), (b"Link", b"</a>"), (b"link", b"</b>")),
    )

    assert (await extracted(process, found, "parsers.shop:everything")).rows == [
        {
            "url": "http://a.example/",
            "status": 200,
            "headers": {"etag": '"v1"', "link": "</a>, </b>"},
            "body": "Q2Fm6Q==",
            "text": "Café",
            "date": "2026-11-21",
            "time": "2026-11-21T00:00:00Z",
            "price": "51.77",
            "set": [1],
        }
    ]


async def test_a_page_without_rows_is_flagged(process: ExtractionProcess) -> None:
    assert (await extracted(process, page("<p>"), "parsers.shop:nothing")).problems == [
        {"field": None, "problem": "no_match", "value": None}
    ]


async def test_what_json_cannot_hold_costs_itself_and_no_row(process: ExtractionProcess) -> None:
    found = await extracted(process, page("<p>"), "parsers.odd:yields_what_json_cannot_hold")

    assert found.rows[0] == {"text": "cut \ufffd", "number": None, "id": 2**70, "long": None}
    assert list(found.rows[1]) == ["deep", "7", "null", "last"]
    assert [problem["value"] for problem in found.problems] == [
        "nan", "an integer of 16,610 bits", "nested too deeply", "the name (1, 2)"
    ]  # fmt: skip


async def test_what_a_page_asks_of_robots_is_read_for_a_parser_too(
    process: ExtractionProcess,
) -> None:
    html = "<meta name=robots content=noindex>"

    assert (await extracted(process, page(html), "parsers.shop:nothing")).robots == ["noindex"]


@pytest.mark.parametrize(
    ("parser", "why", "detail"),
    [
        (
            "odd:raises",
            Reason.PARSER_ERROR,
            "AttributeError: 'NoneType' object has no attribute 'text' (odd.py:15)",
        ),
        ("odd:hangs", Reason.PARSER_TIMEOUT, "not done after 0.3 s"),
        ("odd:fills_memory", Reason.TOO_COMPLEX, "it takes more than 400 MB of memory"),
        ("odd:crashes", Reason.TOO_COMPLEX, "the process that extracts was ended by SIGSEGV"),
        ("odd:exits", Reason.TOO_COMPLEX, "the process that extracts ended with 3"),
        (
            "odd:returns_a_dict",
            Reason.PARSER_ERROR,
            (
                "the parser returned dict; it must return an iterable of rows, such as a list of "
                "dicts, or be a generator"
            ),
        ),
        ("odd:yields_text", Reason.PARSER_ERROR, "row 1 is str and must be a dict"),
        ("odd:yields_an_element", Reason.PARSER_ERROR, "row 1 is not JSON: it holds a Tag"),
        (
            "odd:yields_too_much",
            Reason.PARSER_ERROR,
            "the rows exceed 5,000,000 bytes as JSON with row 5",
        ),
        (
            "shop:none",
            Reason.PARSER_ERROR,
            "parser: parsers.shop:none: parsers/shop.py defines no function none",
        ),
        (  # it is os.getpid, which shop.py imports
            "shop:getpid",
            Reason.PARSER_ERROR,
            ("parser: parsers.shop:getpid: parsers/shop.py defines no function getpid"),
        ),
        (
            "shoe:parse",
            Reason.PARSER_ERROR,
            "parser: parsers.shoe:parse: there is no parsers/shoe.py",
        ),
        (
            "broken:parse",
            Reason.PARSER_ERROR,
            (
                "parser: parsers.broken:parse: parsers/broken.py: "
                "ModuleNotFoundError: No module named 'nowhere' (broken.py:3)"
            ),
        ),
    ],
)
async def test_what_goes_wrong_in_a_parser_is_an_outcome(
    process: ExtractionProcess, parser: str, why: Reason, detail: str
) -> None:
    html = page("<h1>x</h1>")
    limit = 0.3 if why is Reason.PARSER_TIMEOUT else 10

    assert await reason(process, html, f"parsers.{parser}", parser_timeout=limit) == (why, detail)


async def test_the_process_is_told_no_secrets(
    process: ExtractionProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001")
    monkeypatch.setenv("DATABASE_URL", "postgres://joe:s3cret@db")
    monkeypatch.setenv("TZ", "Asia/Tokyo")

    [row] = (await extracted(process, page("x"), "parsers.odd:sees_its_environment")).rows

    assert row["TZ"] == "Asia/Tokyo"
    # LC_CTYPE is Python's own, where no other language is named.
    assert set(row) <= {"PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR"}
