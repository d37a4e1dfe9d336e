"""`scatterfetch try`, `init` and `spec` as people call them."""

import gzip
import json
import re
import subprocess
import sys
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web

from functions.worker.keeping.keeping import Keeping
from functions.worker.transport.page import FetchedPage
from functions.worker.transport.request import Request
from scatterfetch.cli import main
from scatterfetch.schema import spec_schema
from shared.keep_spec import KeepSpec
from shared.keys import manifest_key, results_key
from shared.messages import Batch
from shared.outcomes import Kind, Outcome, encode_line
from shared.spec import Spec
from tests import ROOT
from tests.site import Site

BOOKS = """<!doctype html><title>Books</title><ol>
<li class=book><a href=/1 title="The First">The F...</a> <b>£1.50</b></li>
<li class=book><a href=/2 title="The Second">The S...</a> <b>sold out</b></li></ol>"""
LOCAL = ("--parameter", "AllowPrivateNetworks=true")


def rows(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


def html(text: str) -> web.Response:
    return web.Response(text=text, content_type="text/html")


@pytest.fixture
def books(site: Site) -> str:
    return site.reply("/books", html(BOOKS))


def test_a_page_is_tried_without_a_spec(books: str, capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["try", books, *LOCAL])

    out, err = capsys.readouterr()
    [row] = rows(out)
    assert (status, row["title"], len(row["links"])) == (0, "Books", 2)
    assert "scraped; 200 text/html" in err
    assert "robots.txt: allows this page\n" in err
    assert "pause: 0.5 s between requests, 2 at once at most" in err


def test_what_is_waited_for_is_said(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """A website that is busy was waited for in silence, for more than a minute."""
    busy = web.Response(status=503, headers={"Retry-After": "2"})
    url = site.reply("/busy", busy, html("<title>T</title>"))

    status = main(["try", url, *LOCAL])

    out, err = capsys.readouterr()
    assert (status, rows(out)[0]["title"]) == (0, "T")
    [said] = [line for line in err.splitlines() if "again" in line]
    assert re.fullmatch(
        r"scatterfetch: the server answered 503; it is asked again in \d+ s, Ctrl-C stops", said
    )


def test_fields_are_tried_without_a_file(books: str, capsys: pytest.CaptureFixture[str]) -> None:
    fields = ["--field", "title=a@title", "--field", "price=b", "--rows", "li.book"]
    status = main(["try", books, *LOCAL, *fields])

    out, err = capsys.readouterr()
    assert status == 0
    assert rows(out) == [
        {"title": "The First", "price": "£1.50"},
        {"title": "The Second", "price": "sold out"},
    ]
    assert "The Second  sold out" in err


def test_what_a_list_would_say_is_tried(
    books: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text("extract: {fields: {id: {input: id, type: integer}, title: {css: title}}}")

    status = main(["try", books, *LOCAL, "--spec", str(spec), "--input", "id=7"])

    assert status == 0
    assert rows(capsys.readouterr().out) == [{"id": 7, "title": "Books"}]


def test_a_page_that_is_not_wanted_is_shown_as_such(
    books: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text("fetch: {retry_when: [{text: sold out}]}")

    status = main(["try", books, *LOCAL, "--spec", str(spec)])

    out, err = capsys.readouterr()
    assert (status, out) == (1, "")
    assert "unwanted_page" in err
    assert "retry_when: the text 'sold out' is in it" in err


def test_a_kind_has_its_own_pause_and_one_attempt(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text(
        "pages: {book: {match: '*/books', fetch: {pause: 3, attempts: 5}}}\n"
        "fetch: {hosts: [{match: 127.0.0.1, per_host: 7, attempts: 5}]}"
    )
    url = site.reply("/books", web.Response(status=500), html(BOOKS))

    assert main(["try", url, *LOCAL, "--spec", str(spec)]) == 1
    assert "http_5xx" in capsys.readouterr().err
    assert main(["try", url, *LOCAL, "--spec", str(spec)]) == 0
    assert "pause: 3 s between requests, 7 at once at most" in capsys.readouterr().err


def test_what_is_relative_counts_from_when_the_page_was_fetched(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text("extract: {fields: {when: {css: p, type: date, required: true}}}")

    main(["try", site.reply("/now", html("<p>just now")), *LOCAL, "--spec", str(spec)])

    [row] = rows(capsys.readouterr().out)
    assert row["when"].endswith("+00:00")


def test_problems_of_a_spec_are_shown(
    books: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text("extract: {rows: .book, fields: {price: {css: b, type: number}}}")

    status = main(["try", books, *LOCAL, "--spec", str(spec)])

    out, err = capsys.readouterr()
    assert (status, rows(out)) == (1, [{"price": 1.5}, {"price": None}])
    assert "problem: price: " in err
    assert "sold out" in err


def test_a_spec_that_finds_nothing_is_no_success(
    books: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """As in a run, whose exit status would be 1."""
    assert main(["try", books, *LOCAL, "--field", "name=.nope"]) == 1

    out, err = capsys.readouterr()
    assert rows(out) == [{"name": None}]
    assert "problem: no_match" in err


def test_a_page_is_printed_as_it_is(books: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["try", books, *LOCAL, "--html"]) == 0
    assert capsys.readouterr().out == BOOKS + "\n"


def test_what_robots_says_is_what_happens(
    site: Site, books: str, capsys: pytest.CaptureFixture[str]
) -> None:
    site.robots("User-agent: *\nDisallow: /books")

    status = main(["try", books, *LOCAL])

    assert (status, site.paths()) == (1, [])
    assert "skipped; robots_disallowed: robots.txt forbids it to scatterfetch" in (
        capsys.readouterr().err
    )


def test_the_wish_of_a_website_is_shown(
    site: Site, books: str, capsys: pytest.CaptureFixture[str]
) -> None:
    site.robots("User-agent: *\nCrawl-delay: 0.7")

    main(["try", books, *LOCAL])

    err = capsys.readouterr().err
    assert "robots.txt: allows this page, and wants 0.7 s between requests" in err
    assert "1,000 pages of 127.0.0.1" in err
    assert "take 12 min or more" in err


def test_a_private_address_is_as_in_a_run(books: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["try", books]) == 1
    assert "AllowPrivateNetworks=true lets it be fetched" in capsys.readouterr().err


def test_a_first_spec_of_a_private_address_says_what_lets_it_be_fetched(
    books: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", books]) == 1
    err = capsys.readouterr().err
    assert err.startswith("scatterfetch: private_address: ")
    assert err.endswith("; --parameter AllowPrivateNetworks=true lets it be fetched\n")


def test_a_page_is_asked_for_once(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    url = site.reply("/broken", web.Response(status=500))

    assert main(["try", url, *LOCAL]) == 1
    assert site.paths() == ["/broken"]
    assert "http_5xx" in capsys.readouterr().err


def kept_books(folder: Path) -> str:
    """Make a job that has kept a page of books; return its id."""
    url, job = "http://shop.example/books", "books-9f86d081884c"
    page = FetchedPage("http://www.shop.example/books", 200, "text/html", "utf-8", BOOKS.encode())
    page = page._replace(headers=((b"Content-Type", b"text/html; charset=utf-8"),))
    keeping = Keeping(
        Spec(keep=KeepSpec()), Batch(job=job, batch="00000-000000", partition=1, targets=())
    )
    other = page._replace(url="http://www.shop.example/about", body=b"<title>About")
    for one in (other, page):
        kept = keeping.keep(
            one, Request(one.url), kind=None, failed=False, no_match=False, at=1_800_000_000
        )
    outcome = Outcome(
        url=url,
        final_url=page.url,
        line=1,
        outcome=Kind.SCRAPED,
        attempt=1,
        fetched_at="2027-01-15T08:00:00.000Z",
        elapsed_ms=7,
        redirects=(page.url,),
        input={"id": "7"},
        kept=kept,
    )
    assert kept is not None
    assert keeping._archive is not None
    for key, body in (
        (manifest_key(job), b"{}"),
        (results_key(job, "00000-000000"), gzip.compress(encode_line(outcome))),
        (kept.file, keeping._archive.file().read()),
    ):
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / key).write_bytes(body)
    keeping.close()
    return job


def test_a_page_that_a_job_has_kept_is_tried_without_a_request(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = kept_books(tmp_path)
    spec = tmp_path / "spec.yaml"
    spec.write_text("extract: {fields: {id: {input: id}, book: {css: .book a, attr: title}}}")

    for url in ("http://shop.example/books", "http://www.shop.example/books"):
        page = f"{job}:{url}"
        assert main(["try", "--page", page, "--out", str(tmp_path), "--spec", str(spec)]) == 0

        out, err = capsys.readouterr()
        assert rows(out) == [{"id": "7", "book": "The First"}]
        assert "redirected to http://www.shop.example/books" in err
        assert "kept at 2027-01-15T08:00:00.000Z; nothing was asked for" in err
        assert "robots.txt" not in err


def test_a_page_in_a_file_is_tried(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept_books(tmp_path)
    [warc] = tmp_path.glob("pages/*/*.warc.gz")
    text = tmp_path / "books.html"
    text.write_text(BOOKS)

    for page, url in ((warc, "http://www.shop.example/books"), (text, "http://a.example/b")):
        assert main(["try", url, "--page", str(page), "--field", "link=.book a@href"]) == 0
        assert rows(capsys.readouterr().out) == [{"link": "/1"}]


def test_a_kept_page_is_not_fetched_when_the_spec_is_saved(tmp_path: Path) -> None:
    job = kept_books(tmp_path)
    spec = tmp_path / "spec.yaml"
    spec.write_text("extract: {fields: {title: {css: title}}}")
    page = ["--page", f"{job}:http://shop.example/books", "--out", str(tmp_path)]
    with subprocess.Popen(
        [sys.executable, "-m", "scatterfetch", "try", *page, "--spec", str(spec), "--watch"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as watching:
        try:
            assert watching.stdout is not None
            assert json.loads(watching.stdout.readline()) == {"title": "Books"}
            spec.write_text("fetch: {timeout: 1}\nextract: {fields: {name: {css: title}}}")
            assert json.loads(watching.stdout.readline()) == {"name": "Books"}
        finally:
            watching.kill()


@pytest.mark.parametrize(
    ("page", "says"),
    [
        (["--page", "{warc}"], "write the URL of the page in front of --page"),
        (["--page", "{text}"], "write the URL of the page in front of --page"),
        (["http://a.example/", "--page", "{warc}"], "has no page of http://a.example/"),
        (["http://a.example/", "--page", "nowhere"], "cannot read the page nowhere"),
        (["http://a.example/", "--page", "{damaged}"], "no WARC file, or a damaged one"),
        (["--page", "{job}:http://a.example/"], "has kept no page of http://a.example/"),
        (["--page", "none:http://a.example/"], "there is no job 'none'"),
        (["http://b.example/", "--page", "{job}:http://a.example/"], "names the URL already"),
        ([], "name a URL, or a page with --page"),
    ],
)
def test_a_page_that_is_not_there_is_said(
    page: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = kept_books(tmp_path)
    [warc] = tmp_path.glob("pages/*/*.warc.gz")
    text, damaged = tmp_path / "a.html", tmp_path / "a.warc"
    text.write_text(BOOKS)
    damaged.write_text("no\nsuch\nthing")
    names = {"job": job, "warc": warc, "text": text, "damaged": damaged}

    args = [part.format(**names) for part in page]
    assert main(["try", *args, "--out", str(tmp_path)]) == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["nonsense"], "a URL must start with http:// or https://"),
        (["http://a.example", "--field", "x=p(("], "scatterfetch: --field x: unexpected '('"),
        (["http://a.example", "--field", "1x=p"], "scatterfetch: --field 1x: a name is up to 64"),
        (
            ["http://a.example", "--rows", "p((", "--field", "x=p"],
            "scatterfetch: --rows: unexpected '('",
        ),
        (["http://a.example", "--watch"], "--watch needs --spec"),
        (["http://a.example", "--spec", "nowhere.yaml"], "cannot read the spec nowhere.yaml"),
        (["http://a.example", "--parameter", "Nope=1"], "has no parameter 'Nope'"),
    ],
)
def test_wrong_usage_is_refused_before_anything_is_fetched(
    args: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["try", *args]) == 2
    assert says in capsys.readouterr().err


def test_a_spec_is_tried_again_when_it_is_saved(site: Site, books: str, tmp_path: Path) -> None:
    """The page is not fetched again for that."""
    spec = tmp_path / "spec.yaml"
    spec.write_text("extract: {rows: .book, fields: {title: {css: a}}}")
    with subprocess.Popen(
        [sys.executable, "-m", "scatterfetch", "try", books, *LOCAL, "--spec", spec, "--watch"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            first = [json.loads(process.stdout.readline()) for _ in range(2)]
            assert any(line.startswith("watching") for line in process.stderr)
            spec.write_text("extract: {rows: .book, fields: {price: {css: b}}}")
            second = [json.loads(process.stdout.readline()) for _ in range(2)]
        finally:
            process.terminate()

    assert first == [{"title": "The F..."}, {"title": "The S..."}]
    assert second == [{"price": "£1.50"}, {"price": "sold out"}]
    assert site.paths() == ["/books"]


def test_a_spec_that_is_saved_while_the_page_is_fetched_is_tried(
    site: Site, books: str, tmp_path: Path
) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text("extract: {rows: .book, fields: {title: {css: a}}}")

    def save(_path: str) -> None:
        spec.write_text("extract: {rows: .book, fields: {price: {css: b}}}")

    site.on_visit = save
    with subprocess.Popen(
        [sys.executable, "-m", "scatterfetch", "try", books, *LOCAL, "--spec", spec, "--watch"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            found = [json.loads(process.stdout.readline()) for _ in range(4)]
        finally:
            process.terminate()

    assert [*found[2]] == ["price"]


def test_a_spec_that_is_being_saved_is_not_tried(
    books: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Editors empty a file, and then write it in pieces."""
    spec = tmp_path / "spec.yaml"
    spec.write_text("extract: {rows: .book, fields: {title: {css: a}}}")
    whole = "extract: {rows: .book, fields: {price: {css: b}}}"
    saves = iter(["", "", "extract: {rows: .book, ", whole, whole])

    def save(_seconds: float) -> None:
        text = next(saves, None)
        if text is None:
            raise KeyboardInterrupt
        if text != spec.read_text():
            spec.write_text(text)

    monkeypatch.setattr("scatterfetch.pages.saves.time", SimpleNamespace(sleep=save))

    main(["try", books, *LOCAL, "--spec", str(spec), "--watch"])

    out, err = capsys.readouterr()
    assert rows(out)[2:] == [{"price": "£1.50"}, {"price": "sold out"}]
    assert "scatterfetch: " not in err


SHOP = """\
pages:
  listing:
    match: "*/books"
    follow:
      - {css: a.out}
      - {css: li a, page: book, carry: {shelf: {css: title}}}
  other: {match: "*/other"}
  book: {extract: {fields: {name: {css: h1}}}}
"""


def test_a_page_is_shown_with_its_kind_and_its_links(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = "<a class=out href=http://a.example/>x</a><a class=out href=/other>x</a>"
    out += "<a class=out href=/nothing>x</a><a class=out href=/other rel=nofollow>x</a>"
    books = "".join(f"<li><a href=/{number}>x</a>" for number in range(25))
    url = site.reply("/books", html(f"<title>Shelf 1</title>{out}{books}"))
    spec = tmp_path / "spec.yaml"
    spec.write_text(SHOP)

    status = main(["try", url, *LOCAL, "--spec", str(spec)])

    output, err = capsys.readouterr()
    host = url.removesuffix("/books")
    assert (status, output) == (0, "")
    assert "page kind: listing\n" in err
    assert "links: 26 would be followed, 3 would not: kind 1, nofollow 1, within 1\n" in err
    assert f"  {host}/other  other\n  {host}/0  book  shelf=Shelf 1\n" in err
    assert f"  {host}/18  book  shelf=Shelf 1\n  ... and 6 more\n" in err
    assert "  not http://a.example/  out of scope: crawl.within is host\n" in err
    assert f"  not {host}/nothing  of no kind: it fits the match of none\n" in err
    assert [visit[1] for visit in site.visits] == ["/books"]


@pytest.mark.parametrize("robots", ["", "<meta name=robots content=none>"])
def test_a_page_whose_links_lead_nowhere_is_not_what_one_hopes_for(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str], robots: str
) -> None:
    body = f"{robots}<li><a href={'/1' if robots else 'mailto:a@b'}>x</a>"
    spec = tmp_path / "spec.yaml"
    spec.write_text(SHOP)

    status = main(["try", site.reply("/books", html(body)), *LOCAL, "--spec", str(spec)])

    why = "nofollow" if robots else "invalid"
    assert status == 1
    assert f"links: 0 would be followed, 1 would not: {why} 1\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("crawl", "said"),
    [
        ("{depth: 0}", "crawl.depth is 0"),
        ("{within: [a.example, b.example/x/*]}", "out of scope: crawl.within is a.example, b"),
        ("{max_pages_per_host: 3}", "crawl.max_pages_per_host is 3"),
    ],
)
def test_each_link_that_would_not_be_followed_is_told_why(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str], crawl: str, said: str
) -> None:
    books = "".join(f"<li><a href=/{number}>x</a>" for number in range(25))
    spec = tmp_path / "spec.yaml"
    spec.write_text(f"{SHOP}crawl: {crawl}\n")

    main(["try", site.reply("/books", html(books)), *LOCAL, "--spec", str(spec)])

    err = capsys.readouterr().err
    assert err.count("  not http://") == 20
    assert err.count(said) == 20
    assert f"/24  {said}" not in err


def test_kind_and_links_are_shown_again_when_the_spec_is_saved(
    site: Site,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = site.reply("/books", html("<li><a href=/1>x</a><a class=out href=/other>x</a>"))
    spec = tmp_path / "spec.yaml"
    spec.write_text(SHOP)
    looks = count()
    other = SHOP.replace("listing", "shelf").replace("page: book", "page: other")
    saved = other.replace("  book: {", "  book: {match: a.example, ")

    def save(_seconds: float) -> None:
        if spec.read_text() == SHOP:
            spec.write_text(saved)
        elif next(looks) > 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("scatterfetch.pages.saves.time", SimpleNamespace(sleep=save))

    main(["try", url, *LOCAL, "--spec", str(spec), "--watch"])

    _, err = capsys.readouterr()
    first, second = err.split("page kind: ")[1:]
    assert first.startswith("listing\n")
    assert "/1  book  shelf=\n" in first
    assert second.startswith("shelf\n")
    assert "/1  other  shelf=\n" in second


def test_a_page_may_be_of_no_kind(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text(SHOP)

    status = main(["try", site.reply("/", html("<title>x")), *LOCAL, "--spec", str(spec)])

    out, err = capsys.readouterr()
    assert (status, rows(out)[0]["title"]) == (0, "x")
    assert "page kind: none; the top level of the spec counts\n" in err


# ---- spec


def test_specs_are_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text("parser: parsers.books:parse")
    bad.write_text("fetch:\n  timout: 3\n")

    assert main(["spec", "check", str(good)]) == 0
    assert main(["spec", "check", str(bad), str(good)]) == 2
    out, err = capsys.readouterr()
    assert out == f"{good}: in order\n" * 2
    assert f"{bad}:2: fetch.timout: there is no timout here; did you mean timeout?" in err


def test_the_schema_in_the_docs_is_that_of_the_code(capsys: pytest.CaptureFixture[str]) -> None:
    """`scatterfetch spec schema > docs/spec.schema.json` mends it."""
    assert main(["spec", "schema"]) == 0
    assert capsys.readouterr().out == (ROOT / "docs/spec.schema.json").read_text() == spec_schema()


# ---- init


def test_a_first_spec_yields_rows_at_once(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    books = "".join(f"<li class=book><a href=/{n}>Book {n}</a> <b>£{n}.50</b>" for n in range(5))
    url = site.reply("/books", html(f"<ol>{books}</ol>"))
    spec = tmp_path / "spec.yaml"

    assert main(["init", url, *LOCAL, "-o", str(spec)]) == 0
    assert main(["spec", "check", str(spec)]) == 0
    capsys.readouterr()
    assert main(["try", url, *LOCAL, "--spec", str(spec)]) == 0
    assert rows(capsys.readouterr().out) == [
        {"link": site.url(f"/{n}"), "name": f"Book {n}", "b": n + 0.5, "b_currency": "GBP"}
        for n in range(5)
    ]
    assert main(["init", url, *LOCAL, "-o", str(spec)]) == 2
    assert "is there already" in capsys.readouterr().err


def test_the_first_spec_of_an_api_has_a_row_for_each_object(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    books = [{"id": n, "about": f"<p>Book <i>{n}</i></p>"} for n in range(3)]
    body = json.dumps({"data": books, "next": "c3"})
    url = site.reply("/api", web.Response(text=body, content_type="application/json"))
    spec = tmp_path / "spec.yaml"

    assert main(["init", url, *LOCAL, "-o", str(spec)]) == 0
    capsys.readouterr()
    assert main(["try", url, *LOCAL, "--spec", str(spec)]) == 0

    assert "rows: {jmespath: data}" in spec.read_text()
    assert rows(capsys.readouterr().out) == [{"id": f"{n}", "about": f"Book {n}"} for n in range(3)]


def test_there_is_no_spec_for_a_page_that_is_not_there(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", site.url("/gone"), *LOCAL]) == 1
    assert capsys.readouterr() == ("", "scatterfetch: http_404: the server answered 404\n")
