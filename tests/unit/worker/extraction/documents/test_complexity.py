"""Which pages the HTML parser might not come back from is seen without parsing them."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from functions.worker.extraction.documents.complexity import (
    MAX_TAGS,
    beside_limits,
    may_take_long,
    memory_limit,
)
from scatterfetch.demo.books import SHOPS
from scatterfetch.demo.pages import pages_of


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<p>word word word" * 5_000,
        b"<script>" + b"let a = [1, 2, 3] " * 5_000 + b"</script>",
        b"<pre>" + b"word " * 20_000,
        b"<img src='data:image/png;base64," + b"A" * 100_000 + b"'>",
        bytes(100_000),
        *pages_of(SHOPS["alder"]).values(),
    ],
)
def test_ordinary_pages_are_parsed_where_they_are(body: bytes) -> None:
    assert not may_take_long(body)


@pytest.mark.parametrize(
    "body",
    [
        b"<div>" * (MAX_TAGS + 1),
        b"<div " + b"a b c d " * 3_000 + b">",
        b"<p>text" + b"<div\n" + b'a="b"\n' * 3_000 + b">",
    ],
)
def test_pages_that_may_take_long_are_not(body: bytes) -> None:
    assert may_take_long(body)


def test_a_thread_beside_a_page_has_its_memory_when_the_page_is_done() -> None:
    """The limit of the page is one of the whole process."""
    has_none = threading.Event()

    def take() -> int:
        try:
            return len(bytearray(300_000_000))
        except MemoryError:
            has_none.set()
            raise

    with ThreadPoolExecutor(1) as threads:
        with memory_limit(50_000_000):
            taken = threads.submit(beside_limits, take)
            assert has_none.wait(10)
            assert not taken.done()
        assert taken.result(10) == 300_000_000


@pytest.mark.parametrize(
    ("error", "tries"),
    [
        (MemoryError(), 3),
        (RuntimeError("can't start new thread"), 3),
        (RuntimeError("a mistake of ours"), 1),
    ],
)
def test_what_is_not_for_want_of_memory_is_not_done_again(error: Exception, tries: int) -> None:
    calls: list[None] = []

    def fail() -> None:
        calls.append(None)
        raise error

    with pytest.raises(type(error)):
        beside_limits(fail)

    assert len(calls) == tries
