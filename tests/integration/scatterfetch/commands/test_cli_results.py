"""`scatterfetch results` as people call it; `test_results.py` has what is in the tables."""

import csv
import io
import re
import shlex
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from pyarrow import parquet

from scatterfetch.cli import command_parser
from scatterfetch.commands.results import EXAMPLE
from scatterfetch.jobs.folder import locked
from scatterfetch.jobs.last_run import LastRuns
from shared.errors import Reason
from shared.keys import dispatched_folder, manifest_key, run_key
from shared.manifest import Manifest, encode_manifest
from shared.messages import Place
from shared.outcomes import Kind
from shared.receipts import receipt_key
from shared.spec import Spec
from tests import ROOT
from tests.commandline import scatterfetch_here
from tests.integration.scatterfetch.test_cli import run_list
from tests.results import AT, outcome, put_results
from tests.site import Site


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    gone = outcome("/gone", kind=Kind.FAILED, reason=Reason.HTTP_404, status=404)
    put_results(folder, "books", "00000-000000", outcome("/a", {"title": "A", "n": 1}), gone)
    return folder


def table(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def test_rows_are_what_one_gets(out: Path) -> None:
    done = scatterfetch_here("results", "out", cwd=out.parent)

    assert (done.returncode, done.stderr) == (0, "")
    assert [msgspec.json.decode(line) for line in done.stdout.splitlines()] == [
        {"url": "http://a.example/a", "fetched_at": AT, "title": "A", "n": 1}
    ]


def test_results_that_are_gone_are_missed(out: Path) -> None:
    for number in range(3):
        key = out / receipt_key("books", f"00000-00000{number}", {"scraped": 1})
        key.parent.mkdir(parents=True, exist_ok=True)
        key.touch()

    done = scatterfetch_here("results", "out", cwd=out.parent)

    assert done.returncode == 1
    assert "00000-000001.jsonl.gz was committed and is not there any more, nor are 1 more" in (
        done.stderr
    )
    assert len(done.stdout.splitlines()) == 1


def test_outcomes_say_what_became_of_each_url(out: Path) -> None:
    done = scatterfetch_here("results", "out", "--outcomes", "--format", "csv", cwd=out.parent)

    header, *lines = table(done.stdout)
    found = [dict(zip(header, line, strict=True)) for line in lines]
    assert [(one["url"], one["outcome"], one["reason"], one["status"]) for one in found] == [
        ("http://a.example/a", "scraped", "", ""),
        ("http://a.example/gone", "failed", "http_404", "404"),
    ]


def test_failed_urls_are_shown_with_why(out: Path) -> None:
    done = scatterfetch_here("results", "--outcome", "failed,dead", cwd=out.parent)

    assert (done.returncode, done.stderr) == (0, "")
    [line] = [msgspec.json.decode(line) for line in done.stdout.splitlines()]
    assert (line["url"], line["reason"], line["status"]) == (
        "http://a.example/gone",
        "http_404",
        404,
    )
    none = scatterfetch_here("results", "--outcome", "dead", "--outcome", "tls", cwd=out.parent)
    assert (none.returncode, none.stdout) == (0, "")
    assert none.stderr == "scatterfetch: out has no URLs whose outcome is dead or tls\n"


def test_what_a_job_found_is_a_list_for_the_next(out: Path) -> None:
    links = ["http://b.example/", "/about", "http://b.example/"]
    put_results(out, "books", "00000-000001", outcome("/b", {"links": links}))

    shown = scatterfetch_here("results", "--urls", "links", cwd=out.parent)
    filed = scatterfetch_here("results", "--urls", "links", "-o", "next.txt", cwd=out.parent)

    assert (shown.returncode, shown.stdout) == (0, "http://b.example/\n")
    assert shown.stderr.startswith("scatterfetch: left out: 1 value of links, the first one '/abo")
    assert "`type: url` makes the URLs of a field absolute" in shown.stderr
    assert (filed.returncode, filed.stdout) == (0, "next.txt: 1 URL\n")
    assert (out.parent / "next.txt").read_text() == "http://b.example/\n"
    failed = scatterfetch_here("results", "--outcome", "failed", "--urls", "url", cwd=out.parent)
    assert (failed.stdout, failed.stderr) == ("http://a.example/gone\n", "")


def put_manifest(out: Path, job: str, key: str, created_at: str) -> None:
    path = out / manifest_key(job)
    path.parent.mkdir(parents=True, exist_ok=True)
    fields = {"day": {"css": "time", "type": "date"}}
    spec = msgspec.convert({"extract": {"fields": fields}}, Spec)
    place = Place("local-input", key)
    path.write_bytes(
        encode_manifest(
            Manifest(
                job=job, source=place, spec=spec, partitions=1, batch_size=1, created_at=created_at
            )
        )
    )


def put_ledger(out: Path, job: str, *, targets: int) -> None:
    """Have one URL of so many scraped."""
    dispatched = f"{dispatched_folder(job)}00000.batches={targets}.last=1.targets={targets}"
    for key in (dispatched, receipt_key(job, "00000-000000", {"scraped": 1})):
        (out / key).parent.mkdir(parents=True, exist_ok=True)
        (out / key).touch()


def test_an_older_job_is_not_left_out_without_a_word_for_one_that_is_not_complete(
    out: Path,
) -> None:
    for day, job in enumerate(["books", "books-2"], start=1):
        put_manifest(out, job, "books/urls.txt", f"2026-11-{day:02d}T00:00:00.000Z")
        put_results(out, job, "00000-000000", outcome("/a", {"title": job}))
        put_ledger(out, job, targets=day)

    done = scatterfetch_here("results", "out", cwd=out.parent)

    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 1
    assert (
        "books-2 is not complete: 1 of 2 URLs have no final outcome yet; --job books has the job "
        "before it, --all both"
    ) in done.stderr
    whole = scatterfetch_here("results", "out", "--job", "books", cwd=out.parent)
    assert (whole.returncode, whole.stderr) == (0, "")


@pytest.mark.parametrize("args", [[], ["--all"], ["--job", "books"]])
def test_a_table_of_a_job_that_is_not_complete_does_not_look_whole(
    out: Path, args: list[str]
) -> None:
    put_manifest(out, "books", "books/urls.txt", "2026-11-01T00:00:00.000Z")
    put_ledger(out, "books", targets=9)

    stopped = scatterfetch_here("results", "out", *args, cwd=out.parent)
    with locked(out):
        running = scatterfetch_here("results", "out", *args, cwd=out.parent)

    missing = "scatterfetch: books is not complete: 8 of 9 URLs have no final outcome yet"
    again = "; the same `scatterfetch run` goes on with it\n"
    assert (stopped.returncode, stopped.stderr) == (1, missing + again)
    assert (running.returncode, running.stderr) == (1, missing + "\n")
    assert len(stopped.stdout.splitlines()) == 1


def test_of_each_list_the_newest_job_is_in_the_table(out: Path) -> None:
    for day, job in enumerate(["books", "books-2", "wine"], start=1):
        key = "wine/urls.txt" if job == "wine" else "books/urls.txt"
        put_manifest(out, job, key, f"2026-11-{day:02d}T00:00:00.000Z")
        put_results(out, job, "00000-000000", outcome("/a", {"title": job}))
        put_ledger(out, job, targets=1)

    def titles(*args: str) -> list[str]:
        done = scatterfetch_here("results", "out", *args, cwd=out.parent)
        said = "scatterfetch: left out: books; jobs that were run later have the same lists. --all"
        assert done.stderr.startswith(said) if not args else done.stderr == ""
        assert done.returncode == 0
        return [msgspec.json.decode(line)["title"] for line in done.stdout.splitlines()]

    assert titles() == ["books-2", "wine"]
    assert titles("--all") == ["books", "books-2", "wine"]
    assert titles("--job", "books") == ["books"]


def test_lists_of_one_name_in_one_table_are_mentioned(out: Path) -> None:
    """They may be one that was moved, and then its URLs are there twice."""
    for day, job in enumerate(["books", "books-2"], start=1):
        at = f"2026-11-{day:02d}T00:00:00.000Z"
        put_manifest(out, job, "books/urls.txt", at)
        put_results(out, job, "00000-000000", outcome("/a", {"title": job}))
        put_ledger(out, job, targets=1)
        (out / run_key(job)).write_bytes(msgspec.json.encode(LastRuns({f"../{day}/urls.txt": at})))

    done = scatterfetch_here("results", "out", cwd=out.parent)

    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 2
    assert done.stderr == (
        "scatterfetch: 2 jobs in the table have lists called books/urls.txt: books, books-2. If "
        "these are one list that was moved, its URLs are in the table more than once; --job "
        "books-2 takes the job that was run last\n"
    )
    for asked in ("--all", "--job=books"):
        assert scatterfetch_here("results", "out", asked, cwd=out.parent).stderr == ""
    for moved in "12":
        (out.parent / moved).mkdir()
        (out.parent / moved / "urls.txt").touch()
    assert scatterfetch_here("results", "out", cwd=out.parent).stderr == ""


def test_a_field_of_the_type_date_is_a_date_in_parquet(out: Path) -> None:
    put_manifest(out, "books", "books/urls.txt", "2026-11-01T00:00:00.000Z")
    put_results(out, "books", "00000-000000", outcome("/a", {"day": "2026-03-04"}))

    scatterfetch_here("results", "out", "-o", "rows.parquet", cwd=out.parent)

    assert str(parquet.read_schema(out.parent / "rows.parquet").field("day").type) == "date32[day]"


def test_a_table_for_excel_begins_with_its_mark(out: Path) -> None:
    scatterfetch_here("results", "out", "--excel", "-o", "rows.csv", cwd=out.parent)

    assert (out.parent / "rows.csv").read_bytes().startswith(b"\xef\xbb\xbfurl,")


def test_a_job_for_links_becomes_a_table_of_links_in_one_command(tmp_path: Path) -> None:
    links = [{"url": "http://b.example/", "text": "B"}, {"url": "http://c.example/", "text": "C"}]
    put_results(tmp_path / "out", "links", "00000-000000", outcome("/", {"links": links}))

    done = scatterfetch_here("results", "out", "--format", "csv", cwd=tmp_path)

    assert table(done.stdout) == [
        ["url", "fetched_at", "links.url", "links.text"],
        ["http://a.example/", AT, "http://b.example/", "B"],
        ["http://a.example/", AT, "http://c.example/", "C"],
    ]
    whole = scatterfetch_here("results", "out", "--no-explode", cwd=tmp_path)
    assert msgspec.json.decode(whole.stdout)["links"] == links


def test_links_of_pages_fetched_here(site: Site, tmp_path: Path) -> None:
    site.page("/", 'T</title><a href="/b">B</a><a href="http://c.example/">C</a>')
    run_list(site, tmp_path, b"http://one.example/\n")

    done = scatterfetch_here(
        "results", "out", "--explode", "links", "--format", "csv", cwd=tmp_path
    )

    header, *lines = table(done.stdout)
    assert header == ["url", "fetched_at", "title", "description", "canonical", "links"]
    assert [line[-1] for line in lines] == [
        "http://one.example/b",
        "http://c.example/",
        "http://one.example/other",
    ]


def test_the_file_is_named_and_its_name_says_the_format(out: Path) -> None:
    for name in ("rows.csv", "rows.tsv", "rows.jsonl", "rows.parquet", "rows.xlsx"):
        done = scatterfetch_here("results", "out", "-o", name, cwd=out.parent)

        assert (done.returncode, done.stdout, done.stderr) == (0, f"{name}: 1 record\n", "")
        assert (out.parent / name).stat().st_size


def test_no_rows_are_said_to_be_none(tmp_path: Path) -> None:
    gone = outcome("/gone", kind=Kind.FAILED, reason=Reason.HTTP_404)
    put_results(tmp_path / "out", "books", "00000-000000", gone)

    done = scatterfetch_here("results", "out", "--format", "csv", cwd=tmp_path)

    assert (done.returncode, done.stdout) == (0, "url,fetched_at\n")
    assert "out has no rows; --outcomes says what became of the URLs" in done.stderr


def test_a_full_disk_is_said_with_the_file(out: Path) -> None:
    done = scatterfetch_here("results", "out", "-o", "/dev/full", "--format", "csv", cwd=out.parent)

    assert done.returncode == 2
    assert done.stderr == "scatterfetch: /dev/full: No space left on device\n"


def test_a_damaged_file_is_named_and_the_rest_is_kept(out: Path) -> None:
    path = put_results(out, "books", "00000-000001", outcome("/b", {"title": "B"}))
    path.write_bytes(path.read_bytes()[:-4])

    done = scatterfetch_here("results", "out", "-o", "rows.csv", cwd=out.parent)

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"{path.relative_to(out.parent)} is damaged after line 1" in done.stderr
    assert [line[2] for line in table((out.parent / "rows.csv").read_text())] == ["title", "A", "B"]


@pytest.mark.parametrize("output", ["jsonl", "csv"])
def test_a_reader_that_has_enough_ends_it_quietly(out: Path, output: str) -> None:
    many = [outcome(f"/{n}", {"title": "t" * 1000}) for n in range(1000)]
    put_results(out, "books", "00000-000001", *many)
    process = subprocess.Popen(
        [sys.executable, "-m", "scatterfetch", "results", str(out), "--format", output],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    with process.stdout, process.stderr:
        process.stdout.readline()
        process.stdout.close()

        assert process.stderr.read() == b""
        assert process.wait(timeout=300) == 0


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (["nowhere"], "nowhere is no folder; name the folder that `scatterfetch run` was given"),
        (["."], ". has no results; name the folder that `scatterfetch run` was given as --out"),
        (["out", "--job", "x"], "out has no results of the job 'x'; it has books"),
        (["out", "--explode", "x"], "no row has the field 'x'; the first one has title, n"),
        (["out", "--explode", "n", "--outcomes"], "about rows; leave --outcomes out"),
        (["out", "--rows", "--outcomes"], "--outcomes: not allowed with argument --rows"),
        (["out", "--explode", "n", "--outcome", "failed"], "about rows; leave --outcome out"),
        (["out", "--rows", "--outcome", "failed"], "--outcome is about URLs and not about rows"),
        (
            ["out", "--outcome", "faild"],
            "no outcome 'faild'; did you mean failed? Name scr",
        ),
        (["out", "--urls", "x"], "no row has the field 'x'; the first one has title, n"),
        (["out", "--urls", "n", "--format", "csv"], "makes a list and no table; leave --format"),
        (["out", "--urls", "n", "-o", "n.csv"], "n.csv would be read as another: let the name end"),
        (["out", "--urls", "n", "--explode", "n"], "--explode: not allowed with argument --urls"),
        (["out", "--excel"], "--excel is about csv and tsv; leave it out for jsonl"),
        (["out", "--all", "--job", "books"], "--job: not allowed with argument --all"),
        (["books", "--all", "--stack", "x"], "job is named in place of DIR; leave --all out"),
        (["out", "--format", "xls"], "argument --format: invalid"),
        (["out", "--format", "xlsx"], "--format xlsx is no text; name a file with -o"),
        (["out", "-o", "rows.txt"], "cannot tell the format from the name rows.txt: let it end"),
        (["out", "-o", "no/rows.csv"], "cannot write no/rows.csv: No such file or directory"),
    ],
)
def test_wrong_usage_is_said_clearly(out: Path, args: list[str], problem: str) -> None:
    done = scatterfetch_here("results", *args, cwd=out.parent)

    assert (done.returncode, done.stdout) == (2, "")
    assert problem in done.stderr.replace("\n", " ")
    assert "Traceback" not in done.stderr


def examples() -> list[str]:
    pages = [(ROOT / name).read_text() for name in ("README.md", "docs/results.md")]
    pages.append(EXAMPLE)
    return sorted(
        {
            found
            for page in pages
            for found in re.findall(
                r"\$ (?:.venv/bin/)?scatterfetch (results .*?)(?: [|>].*)?$", page, re.MULTILINE
            )
        }
    )


@pytest.mark.parametrize("example", examples())
def test_the_examples_of_the_documentation_are_commands(example: str) -> None:
    args = command_parser({"results"}).parse_args(shlex.split(example, comments=True))

    assert args.source == "out" or args.stack
