"""Tables with URLs in several columns."""

import pytest

from scatterfetch.lists.columns import mention_columns
from scatterfetch.lists.url_list import UrlList


@pytest.mark.parametrize(
    ("name", "body", "scraped", "other"),
    [
        pytest.param(
            "a.csv",
            "image,url,name\nhttps://i.example/1.png,https://a.example/1,One\n",
            "url",
            "image",
            id="two columns",
        ),
        pytest.param(
            "a.tsv",
            "https://a.example/1\thttps://b.example/1\nhttps://a.example/2\thttps://b.example/2\n",
            "column1",
            "column2",
            id="no header",
        ),
    ],
)
def test_it_is_said_which_column_is_scraped(name: str, body: str, scraped: str, other: str) -> None:
    said: list[str] = []

    mention_columns(UrlList(name, f"x/{name}", body.encode(), None), said.append)

    [sentence] = said
    assert sentence.startswith(
        f"{name}: its URLs are those of the column {scraped!r}; {other!r} has"
    )


@pytest.mark.parametrize(
    ("name", "body"),
    [
        pytest.param("a.csv", "url,name\nhttps://a.example/1,One\n", id="one column"),
        pytest.param(
            "a.csv",
            "url,note\n" + "https://a.example/1,no\n" * 3 + "https://a.example/2,https://x.y\n",
            id="a URL in a note",
        ),
        pytest.param("a.csv", "name,price\nOne,2\n", id="no table of URLs"),
        pytest.param("a.txt", "https://a.example/,https://b.example/\n", id="no table"),
    ],
)
def test_otherwise_there_is_nothing_to_say(name: str, body: str) -> None:
    said: list[str] = []

    mention_columns(UrlList(name, f"x/{name}", body.encode(), None), said.append)

    assert said == []
