"""
Whether the values are right: `make bench-values CORPUS=FOLDER`.

Real pages with known values are served and scraped by the whole command, from fetching to rows.
Each field is compared with what is known; JSON-LD, microdata and Open Graph with what extruct
finds, text and Markdown with the articles' own text, beside trafilatura. These two run in an
environment of their own. The pages are others' and no part of this project:

    git clone --depth 1 https://github.com/hhursev/recipe-scrapers FOLDER/recipes
    git clone --depth 1 https://github.com/scrapinghub/article-extraction-benchmark FOLDER/articles
"""

import argparse
import gzip
import json
import subprocess
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from bench.command import parameters, run_command
from bench.corpus import peers_python
from bench.measures import (
    f1,
    is_in,
    json_ld,
    microdata,
    open_graph,
    same,
    texts_of,
    without_addresses,
)
from functions.worker.extraction.readymade.titles import MAX_TITLE

_ROOT = Path(__file__).parents[1]
_NAMED = frozenset(["bad_jsonld", "bad_microdata", "truncated"])
_SHOWN = 300  # characters
_FETCH = {"pause": 0, "robots": "ignore", "max_bytes": 50_000_000, "per_host": 10}


def _any(*paths: str, then: Sequence[dict[str, Any]] = (), **more: object) -> dict[str, Any]:
    """Return a field that is a recipe's, in JSON-LD or else in microdata, or what comes then."""
    places = [{form: f"Recipe.{path}"} for form in ("jsonld", "microdata") for path in paths]
    return {"any": [*places, *then]} | more


_IMAGE = {"opengraph": "image"}
_RECIPES: dict[str, Any] = {
    "title": _any("name", then=[{"opengraph": "title"}, {"css": "h1"}]),
    "author": _any(
        "author.name",
        "author",
        then=[
            {"jsonld": "Recipe.creator.name"},
            {"jsonld": "author.name"},
            {"microdata": "author.name"},
            {"microdata": "Person.name"},
            {"opengraph": "author"},
            {"css": "[rel=author]"},
        ],
    ),
    "image": _any("image.url", "image.contentUrl", "image", then=[_IMAGE], type="url"),
    "ingredients": _any("recipeIngredient", "ingredients", many=True),
    "instructions_list": _any(
        "recipeInstructions.itemListElement.text",
        "recipeInstructions.itemListElement.name",
        "recipeInstructions.text",
        "recipeInstructions",
        many=True,
    ),
    "yields": _any("recipeYield"),
    "total_time": _any("totalTime"),
    "canonical_url": {"css": "link[rel=canonical]", "attr": "href", "type": "url"},
}
_SPECS: dict[str, dict[str, Any]] = {
    "recipes": {"fields": _RECIPES, "include": ["jsonld", "microdata", "meta"]},
    "articles": {"include": ["text", "markdown", "jsonld", "microdata", "meta"]},
}


class Entry(NamedTuple):
    """A page, and what is known of it."""

    name: str
    file: Path
    host: str
    expected: dict[str, Any]

    @property
    def url(self) -> str:
        return f"http://{self.host}/{self.name}"

    @property
    def body(self) -> bytes:
        body = self.file.read_bytes()
        return gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body


class Found(NamedTuple):
    """What came of a page."""

    row: dict[str, Any]
    problems: list[dict[str, Any]]


# ---- the corpus


def recipes(folder: Path) -> Iterator[Entry]:
    """Yield the pages of `expected.json`, or of a checkout of recipe-scrapers."""
    listed = folder / "expected.json"
    if listed.exists():
        for number, entry in enumerate(json.loads(listed.read_text())):
            name = f"{number}.html"
            yield Entry(name, folder / entry["page"], entry["host"], entry["expected"])
        return
    for number, file in enumerate(sorted(folder.glob("tests/test_data/*/*.testhtml"))):
        known = file.with_suffix(".json")
        expected = json.loads(known.read_text()) if known.exists() else {}
        yield Entry(f"{number}.html", file, file.parent.name, expected)


def articles(folder: Path) -> Iterator[Entry]:
    """Yield the pages of `ground-truth.json`."""
    listed = folder / "ground-truth.json"
    known = json.loads(listed.read_text()) if listed.exists() else {}
    for number, (name, expected) in enumerate(known.items()):
        places = (folder / f"{name}.html.gz", folder / "html" / f"{name}.html.gz")
        file = next((place for place in places if place.exists()), None)
        if file is not None:
            host = urlsplit(expected["url"]).hostname or "article.example"
            yield Entry(f"{number}.html", file, host, expected)


# ---- running


@contextmanager
def serving(entries: list[Entry]) -> Iterator[int]:
    """Serve the pages, whatever the host is called, and yield the port."""
    files = {(entry.host, f"/{entry.name}"): entry for entry in entries}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            entry = files.get((self.headers["Host"].partition(":")[0], self.path))
            body = entry.body if entry is not None else b""
            self.send_response(200 if entry is not None else 404)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def scrape(entries: list[Entry], extract: dict[str, Any], port: int) -> dict[str, Found]:
    """Run the command over the pages, and return what came of each URL."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        urls = folder / "urls.txt"
        urls.write_text("".join(f"{entry.url}\n" for entry in entries))
        command = run_command(urls, {"fetch": _FETCH, "extract": extract}, parameters(port))
        done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
        outcomes = [
            json.loads(line)
            for file in folder.rglob("results/job=*/*.jsonl.gz")
            for line in gzip.decompress(file.read_bytes()).splitlines()
        ]
    scraped = [outcome for outcome in outcomes if outcome["outcome"] == "scraped"]
    if not scraped:
        raise SystemExit(f"the run failed:\n{done.stdout}\n{done.stderr}")
    return {
        outcome["url"]: Found((outcome["rows"] or [{}])[0], outcome["problems"])
        for outcome in scraped
    }


def ask_peers(entries: list[Entry]) -> dict[str, dict[str, Any]]:
    """Return what extruct and trafilatura find, by URL."""
    lines = [{"name": e.url, "file": str(e.file.resolve()), "url": e.url} for e in entries]
    done = subprocess.run(
        [str(peers_python()), "-m", "bench.peers.with_extruct"],
        cwd=_ROOT,
        input="".join(json.dumps(line) + "\n" for line in lines),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return {found["name"]: found for found in map(json.loads, done.stdout.splitlines())}


# ---- comparing


class Comparison:
    """Counts by what was compared, and the differences themselves."""

    def __init__(self) -> None:
        self.counts: dict[str, Counter[str]] = {}
        self.differences: dict[str, list[tuple[str, str, str]]] = {}

    def note(
        self, what: str, column: str, url: str = "", found: object = "", right: object = ""
    ) -> None:
        """Count one more, and keep it as a difference where it has a URL."""
        self.counts.setdefault(what, Counter())[column] += 1
        if url:
            self.differences.setdefault(what, []).append((url, str(found), str(right)))

    def add(self, other: "Comparison") -> None:
        """Count what another one has counted, too."""
        for what, counts in other.counts.items():
            self.counts.setdefault(what, Counter()).update(counts)
        for what, differences in other.differences.items():
            self.differences.setdefault(what, []).extend(differences)


def compare_fields(
    entries: list[Entry], ours: dict[str, Found], peers: dict[str, Any]
) -> Comparison:
    """Compare each field with what is known: equal, differing or missing."""
    comparison = Comparison()
    for entry in entries:
        row = ours[entry.url].row
        data = texts_of([peers[entry.url][form] for form in ("jsonld", "microdata")])
        for field in _RECIPES:
            right, value = entry.expected.get(field), row.get(field)
            if right in (None, "", []):
                continue
            if same(field, value, right):
                comparison.note(field, "equal")
                continue
            column = "missing" if value in (None, "", []) else "differing"
            comparison.note(field, column, entry.url, value, right)
            if column == "missing" and is_in(right, data):
                comparison.note(field, "missing, though in the page's data")
    return comparison


def compare_objects(
    entries: list[Entry], ours: dict[str, Found], peers: dict[str, Any]
) -> Comparison:
    """Compare the objects that extruct finds with ours."""
    comparison = Comparison()
    for entry in entries:
        row, problems = ours[entry.url]
        theirs = peers[entry.url]
        named = not _NAMED.isdisjoint(problem["problem"] for problem in problems)
        told = (row.get("meta") or {}).get("opengraph") or {}
        pairs = open_graph(theirs["opengraph"])
        both = {
            "JSON-LD objects": (json_ld(row.get("jsonld") or []), json_ld(theirs["jsonld"])),
            "microdata items and properties": (
                microdata(row.get("microdata") or [], entry.url),
                microdata(theirs["microdata"], entry.url),
            ),
            "Open Graph properties": (
                Counter(f"{name}: {told.get(name.removeprefix('og:'))}" for name in pairs),
                Counter(f"{name}: {value[:MAX_TITLE]}" for name, value in pairs.items()),
            ),
        }
        for form, (here, there) in both.items():
            comparison.counts.setdefault(form, Counter())["equal"] += (there & here).total()
            for thing in (there - here).elements():
                column = "missing, a problem named" if named else "missing"
                comparison.note(form, column, entry.url, "", thing)
    return comparison


def compare_texts(
    entries: list[Entry], ours: dict[str, Found], peers: dict[str, Any]
) -> dict[str, dict[str, float]]:
    """Return F1 of texts and of Markdown, ours and trafilatura's."""
    found: dict[str, dict[str, float]] = {}
    for column in ("text", "markdown"):
        rows = [ours[entry.url].row.get(column) for entry in entries]
        right = [entry.expected["articleBody"] for entry in entries]
        theirs = [peers[entry.url][column] for entry in entries]
        found[column] = {
            "scatterfetch": f1(zip(map(without_addresses, rows), right, strict=True)),
            "trafilatura": f1(zip(map(without_addresses, theirs), right, strict=True)),
        }
    return found


# ---- the command


def print_counts(title: str, comparison: Comparison) -> None:
    columns = list(dict.fromkeys(name for row in comparison.counts.values() for name in row))
    print(f"{title} | {' | '.join(columns)}")
    print("|".join(["---"] * (len(columns) + 1)))
    for what, counts in comparison.counts.items():
        print(f"{what} | {' | '.join(str(counts[column]) for column in columns)}")
    print()


def main() -> None:
    summary, _, details = (__doc__ or "").strip().partition("\n\n")
    parser = argparse.ArgumentParser(
        description=summary, epilog=details, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpus", nargs="?", type=Path, help="the folder with the pages")
    parser.add_argument(
        "--list", nargs="*", metavar="NAME", help="show differences, of these alone"
    )
    parser.add_argument("--json", type=Path, help="a file for the numbers, as one line")
    options = parser.parse_args()
    corpora: dict[str, list[Entry]] = {}
    if options.corpus is not None:
        corpora = {
            "recipes": list(recipes(options.corpus / "recipes")),
            "articles": list(articles(options.corpus / "articles")),
        }
    if not any(corpora.values()):
        raise SystemExit(f"There are no pages with known values here: name a folder.\n\n{details}")
    numbers: dict[str, Any] = {}
    objects = Comparison()
    for name, entries in corpora.items():
        if not entries:
            continue
        with serving(entries) as port:
            ours = scrape(entries, _SPECS[name], port)
        lost = [entry.url for entry in entries if entry.url not in ours]
        print(f"{name}: {len(entries)} pages, {len(lost)} of them not scraped", *lost, "", sep="\n")
        ours = {entry.url: Found({}, []) for entry in entries} | ours
        peers = ask_peers(entries)
        objects.add(compare_objects(entries, ours, peers))
        if name == "recipes":
            fields = compare_fields(entries, ours, peers)
            print_counts("fields", fields)
            show(fields, options.list)
            numbers["fields"] = fields.counts
        else:
            numbers["f1"] = compare_texts(entries, ours, peers)
            print("F1 of the article | scatterfetch | trafilatura\n---|---|---")
            for column, values in numbers["f1"].items():
                print(f"{column} | {' | '.join(f'{value:.3f}' for value in values.values())}")
            print()
    print_counts("what extruct finds", objects)
    show(objects, options.list)
    if options.json:
        options.json.write_text(json.dumps(numbers | {"objects": objects.counts}) + "\n")


def show(comparison: Comparison, names: list[str] | None) -> None:
    """Print the differences of what is named, all of them where nothing is."""
    if names is None:
        return
    for what, differences in comparison.differences.items():
        if names and what not in names:
            continue
        for url, found, right in differences:
            print(f"{what} {url}\n  is    {found[:_SHOWN]}\n  right {right[:_SHOWN]}")
    print()


if __name__ == "__main__":
    main()
