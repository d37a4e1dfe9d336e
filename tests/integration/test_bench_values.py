"""`make bench-values` tells right values from wrong ones; what others find is given here."""

import gzip
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from bench import values

RECIPE = """<title>Lamp soup</title><meta property="og:title" content="Lamp soup">
<meta property="article:tag" content="soups"><script type="application/ld+json">
{"@type": "Recipe", "name": "Lamp soup", "author": {"@id": "#zoe"}, "totalTime": "PT9M"}</script>
<script type="application/ld+json">{"@type": "Person", "@id": "#zoe", "name": "Zoe"}</script>
<p itemscope itemtype="https://schema.org/Thing"><i itemprop="name">Lamp</i></p>"""
ARTICLE = "<article><h1>On lamps</h1>" + "<p>One lamp is like another lamp at night.</p>" * 20


def put_corpus(folder: Path) -> None:
    (folder / "recipes").mkdir()
    (folder / "articles").mkdir()
    (folder / "recipes/a.html.gz").write_bytes(gzip.compress(RECIPE.encode()))
    known = {"title": "Lamp soup", "author": "Zoe", "total_time": 8, "yields": "2"}
    entry = {"page": "a.html.gz", "host": "a.example", "expected": known}
    (folder / "recipes/expected.json").write_text(json.dumps([entry]))
    (folder / "articles/b.html.gz").write_bytes(gzip.compress(ARTICLE.encode()))
    truth = {"b": {"url": "http://b.example/on-lamps", "articleBody": "another lamp at night"}}
    (folder / "articles/ground-truth.json").write_text(json.dumps(truth))


def found_by_others(entries: list[values.Entry]) -> dict[str, dict[str, Any]]:
    nothing: dict[str, Any] = {"jsonld": [], "microdata": [], "opengraph": []}
    return {
        entry.url: {**nothing, "text": None, "markdown": "another lamp at night"}
        | (
            {
                "jsonld": [{"@type": "Person", "@id": "#zoe", "name": "Zoe"}, {"servings": "2"}],
                "microdata": [{"type": "Thing", "properties": {"name": "Lamp"}}],
                "opengraph": [
                    {"properties": [["og:title", "Lamp soup"], ["article:tag", "soups"]]}
                ],
            }
            if entry.host == "a.example"
            else {}
        )
        for entry in entries
    }


def test_values_objects_and_texts_are_compared_with_what_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put_corpus(tmp_path)
    monkeypatch.setattr(values, "ask_peers", found_by_others)
    arguments = ["values", str(tmp_path), "--list", "--json", str(tmp_path / "n.json")]
    monkeypatch.setattr(sys, "argv", arguments)

    values.main()

    numbers = json.loads((tmp_path / "n.json").read_text())
    assert numbers["fields"] == {
        "title": {"equal": 1},
        "author": {"equal": 1},
        "yields": {"missing": 1, "missing, though in the page's data": 1},
        "total_time": {"differing": 1},
    }
    assert numbers["objects"] == {
        "JSON-LD objects": {"equal": 1, "missing": 1},
        "microdata items and properties": {"equal": 2},
        "Open Graph properties": {"equal": 2},
    }
    assert numbers["f1"]["markdown"]["trafilatura"] == 1.0
    assert numbers["f1"]["text"]["trafilatura"] == 0.0
    shown = capsys.readouterr().out
    assert "total_time http://a.example/0.html\n  is    PT9M\n  right 8\n" in shown
    assert 'right {"servings": "2"}' in shown


@pytest.mark.parametrize("arguments", [[], ["no-such-folder"]])
def test_without_a_corpus_it_says_where_to_get_one(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["values", *arguments])

    with pytest.raises(SystemExit, match="recipe-scrapers FOLDER"):
        values.main()


def test_a_checkout_of_recipe_scrapers_is_a_corpus(tmp_path: Path) -> None:
    folder = tmp_path / "tests/test_data/a.example"
    folder.mkdir(parents=True)
    (folder / "a.testhtml").write_text(RECIPE)
    (folder / "a.json").write_text('{"title": "Lamp soup"}')

    [entry] = values.recipes(tmp_path)

    assert (entry.url, entry.expected) == ("http://a.example/0.html", {"title": "Lamp soup"})
    assert entry.body == RECIPE.encode()
