"""What people name on the command line, before anything of it is read."""

from pathlib import Path

import pytest

from scatterfetch.lists.sources import mention_spec, read_sources
from shared.errors import InvalidJobError


@pytest.mark.parametrize(
    ("sources", "spec", "count"),
    [
        pytest.param(["https://example.com/"], None, 1, id="a URL"),
        pytest.param(["urls.txt", "-"], None, 1, id="standard input"),
        pytest.param(["urls.txt"], None, 0, id="a list, which has the spec beside it"),
        pytest.param(["https://example.com/"], Path("spec.yaml"), 0, id="a spec that is named"),
    ],
)
def test_a_spec_that_is_not_used_is_said(
    sources: list[str],
    spec: Path | None,
    count: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    said: list[str] = []

    mention_spec(sources, spec, said.append)
    assert said == [], "there is none"

    Path("spec.yaml").write_text("fetch: {pause: 1}")
    mention_spec(sources, spec, said.append)
    assert len(said) == count
    assert all("with --spec spec.yaml it is for all" in sentence for sentence in said)


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("ftp://a.example/", "ftp://a.example/ is a URL of ftp; only http and https are scraped"),
        ("s3://lists/urls.txt", "s3://lists/urls.txt is a URL of s3; only http and https"),
        ("example.com", "if you mean the website, write https://example.com"),
        ("localhost:8000/a", "if you mean the website, write http://localhost:8000/a"),
        ("example.com/a.html", "if you mean the website, write https://example.com/a.html"),
        ("localhost", "if you mean the website, write http://localhost"),
        ("nas:8000", "if you mean the website, write http://nas:8000"),
        ("127.0.0.1:8000", "if you mean the website, write http://127.0.0.1:8000"),
        ("urls.xls", "cannot read the URL list urls.xls: No such file"),
        ("books", "books is a folder; name a list in it, as in books/more.csv"),
        ("empty", "empty is a folder; name a list in it, as in empty/urls.txt"),
    ],
)
def test_what_is_no_list_is_refused_with_what_to_write(
    source: str, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("books", "empty"):
        Path(folder).mkdir()
    for name in ("spec.yaml", "urls.txt", "more.csv"):
        Path("books", name).touch()

    with pytest.raises(InvalidJobError) as caught:
        read_sources([source], spec=None)

    assert problem in str(caught.value)
