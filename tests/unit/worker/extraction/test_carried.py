import pytest

from functions.worker.extraction.carried import marked
from functions.worker.extraction.rows import Extracted
from functions.worker.transport.page import FetchedPage
from shared.messages import Target


@pytest.mark.parametrize(
    ("link", "page", "same"),
    [
        ("http://a.example/p/1", "http://a.example/p/1", True),
        ("http://a.example/p/1", "https://www.a.example/P/1/", True),
        ("http://a.example/p/1?ref=x", "http://a.example/p/1", True),
        ("http://a.example/p/1", "http://a.example/p/1?lang=en", True),
        ("http://a.example/p?id=1", "http://a.example/p?id=2", False),
        ("http://a.example/p/1", "http://a.example/p/2", False),
        ("http://a.example/p/1", "http://a.example/p/1-the-lamp-tree", False),
        ("http://a.example/p/1", "http://b.example/p/1", False),
    ],
)
def test_values_of_a_link_are_told_from_those_of_another_page(
    link: str, page: str, same: bool
) -> None:
    target = Target(link, carry={"price": 1})
    fetched = FetchedPage(page, 200, "text/html", "utf-8", b"")

    def problems(rows: list[dict[str, object]], carry: dict[str, object] | None) -> list[str]:
        extracted = marked(Extracted(rows, [], []), fetched, target, carry)
        return [problem["problem"] for problem in extracted.problems]

    assert problems([{"price": 1}], target.carry) == ([] if same else ["redirected"])
    assert problems([], target.carry) == []
    assert problems([{}], None) == []
