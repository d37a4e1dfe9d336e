"""The deployed stack from the outside: a list goes into S3, outcomes come out."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import web

from tests import ROOT
from tests.e2e.conftest import Stack, eventually
from tests.site import Site

pytestmark = pytest.mark.e2e

BUILD = ROOT / ".aws-sam" / "build"
SCHEDULED = "scheduled/urls.txt"  # the ScheduledList that `make e2e` deploys with


@pytest.fixture
def name() -> str:
    """A folder that no other run has used."""
    return f"e2e-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def scheduled(stack: Stack, site: Site) -> Iterator[str]:
    """Put the scheduled list in its place; return its etag, which no other run's has."""
    url = site.page("/scheduled", title="On time")
    yield stack.upload(SCHEDULED, f"# {uuid.uuid4()}\n{url}\n".encode())
    stack.s3.delete_object(Bucket=stack.outputs["InputBucketName"], Key=SCHEDULED)


def final(outcomes: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the final outcome of each URL, having seen that there is only one."""
    lines = [line for line in outcomes if line["outcome"] != "deferred"]
    by_url = {line["url"]: line for line in lines}
    assert len(by_url) == len(lines)
    return by_url


def test_uploaded_list_comes_out_as_one_outcome_per_url(
    stack: Stack, site: Site, name: str
) -> None:
    pages = [site.page(f"/books/{n}", title=f"Book {n}") for n in range(1, 6)]
    elsewhere = site.url("/books/1", host="localhost")  # another host, hence another worker
    missing = site.url("/gone")
    moved = site.reply("/moved", web.Response(status=301, headers={"Location": elsewhere}))
    lines = [
        "# a list as spreadsheets write it",
        *pages,
        pages[0].upper().replace("BOOKS", "books"),  # the same URL
        "",
        "/about",
        missing,
        elsewhere,
        moved,
        "ftp://books.example/",
    ]

    stack.upload(
        f"{name}/urls.txt", b"\xef\xbb\xbf" + "\r\n".join(lines).encode() + b"\r\n\xff\r\n"
    )
    job = stack.job_from(f"{name}-urls", lambda _: True, within=60)
    ledger = stack.complete(job, within=120)

    outcomes = final(stack.outcomes(job))
    assert outcomes.keys() == {*pages, missing, elsewhere, moved}
    for number, page in enumerate(pages, start=1):
        outcome = outcomes[page]
        assert (outcome["outcome"], outcome["status"]) == ("scraped", 200)
        assert outcome["line"] == number + 1
        [row] = outcome["rows"]
        assert row["title"] == f"Book {number}"
        assert row["links"] == [site.url("/other")]
    assert (outcomes[missing]["outcome"], outcomes[missing]["reason"]) == ("failed", "http_404")
    assert outcomes[moved]["redirects"] == [elsewhere]
    assert outcomes[moved]["rows"][0]["title"] == "Book 1"
    rejected = stack.rejected(job)
    assert rejected == {9: "/about", 13: "ftp://books.example/", 14: "\N{REPLACEMENT CHARACTER}"}
    assert (ledger.targets, ledger.duplicates, ledger.rejected) == (8, 1, 3)
    assert ledger.final == {"scraped": 7, "failed-http_404": 1}
    # Once for each URL, three of which lead to the same page: no worker did another's work.
    assert sorted(site.paths()) == sorted(
        ["/books/1"] * 3 + [f"/books/{n}" for n in range(2, 6)] + ["/gone", "/moved"]
    )
    eventually(lambda: stack.waiting("WorkQueueUrl") == 0, within=30, hope="an empty work queue")


def test_a_wake_calls_a_worker_which_takes_the_batches_itself(
    stack: Stack, site: Site, name: str
) -> None:
    """The mapping on the work queue is off, and one invocation has both partitions in hand."""
    pages = [site.page(f"/{n}", title=f"Page {n}") for n in range(4)]
    elsewhere = [site.url(f"/{n}", host="localhost") for n in range(4)]

    stack.upload(f"{name}/spec.yaml", b"fetch: {pause: 2}")
    stack.upload(f"{name}/urls.txt", "\n".join(pages + elsewhere).encode())
    job = stack.job_from(f"{name}-urls", lambda _: True, within=60)
    stack.complete(job, within=120)

    assert final(stack.outcomes(job)).keys() == {*pages, *elsewhere}
    assert stack.mapped() == {"WakeQueueUrl": True, "WorkQueueUrl": False}
    began = {host: [e.began for e in site.log if e.host == host] for host, _ in site.visits}
    assert {len(times) for times in began.values()} == {5}  # robots.txt and the pages
    assert max(map(min, began.values())) < min(map(max, began.values())), "one by one"
    eventually(lambda: stack.waiting("WakeQueueUrl") == 0, within=60, hope="an empty wake queue")


def test_rows_are_made_by_a_parser_in_python(stack: Stack, site: Site, name: str) -> None:
    """In the function as it is built: it starts a process of its own for it."""
    book = (
        '<article class="product_pod"><h3><a title="A Book" href="b.html">A ...</a></h3>'
        '<p class="price_color">£51.77</p><p class="star-rating Three"></p></article>'
    )
    url = site.reply("/books", web.Response(text=book, content_type="text/html"))

    stack.upload(f"{name}/spec.yaml", b"parser: parsers.books:parse")
    stack.upload(f"{name}/urls.txt", f"{url}\n".encode())
    job = stack.job_from(f"{name}-urls", lambda _: True, within=60)
    stack.complete(job, within=120)

    [outcome] = stack.outcomes(job)
    link = site.url("/b.html")
    assert outcome["rows"] == [
        {"title": "A Book", "price": 51.77, "rating": "Three", "link": link}
    ], outcome


def test_a_parser_that_is_not_there_is_an_outcome_and_no_dead_letter(
    stack: Stack, site: Site, name: str
) -> None:
    stack.upload(f"{name}/spec.yaml", b"parser: parsers.nowhere:parse")
    stack.upload(f"{name}/urls.txt", f"{site.page('/a', 'A')}\n".encode())
    job = stack.job_from(f"{name}-urls", lambda _: True, within=60)
    stack.complete(job, within=120)

    [outcome] = stack.outcomes(job)
    assert (outcome["outcome"], outcome["reason"]) == ("failed", "parser_error")
    assert "there is no parsers/nowhere.py" in outcome["detail"]
    assert site.paths() == []


def test_redirect_to_another_host_is_left_to_its_owner(stack: Stack, site: Site, name: str) -> None:
    site.page("/there", title="There")
    location = site.url("/there", host="localhost")
    moved = site.reply("/moved", web.Response(status=302, headers={"Location": location}))

    stack.upload(f"{name}/urls.txt", f"{moved}\n".encode())
    job = stack.job_from(f"{name}-urls", lambda _: True, within=60)
    stack.complete(job, within=120)

    deferred, scraped = stack.outcomes(job)
    if deferred["outcome"] != "deferred":
        deferred, scraped = scraped, deferred
    assert (deferred["outcome"], deferred["reason"]) == ("deferred", "redirected")
    assert (scraped["outcome"], scraped["final_url"]) == ("scraped", location)
    assert scraped["rows"][0]["title"] == "There"


def test_links_lead_to_each_page_once(stack: Stack, site: Site, name: str) -> None:
    """Two hosts, each with an owner of its own, whose pages link to both."""
    hosts = ("127.0.0.1", "localhost")
    for number in range(5):
        links = [site.url(f"/{(number + 1) % 5}", host) for host in hosts]
        html = f"<title>{number}</title>" + "".join(f"<a href='{link}'>x</a>" for link in links)
        site.reply(f"/{number}", web.Response(text=html, content_type="text/html"))
    spec = "fetch: {pause: 0}\nfollow: [{css: a}]\ncrawl: {within: ['*']}\n"
    stack.upload(f"{name}/spec.yaml", spec.encode())

    stack.upload(f"{name}/urls.txt", f"{site.url('/0')}\n".encode())
    job = stack.job_from(f"{name}-urls", lambda _: True, within=60)
    ledger = stack.complete(job, within=180)

    everything = {site.url(f"/{number}", host) for host in hosts for number in range(5)}
    scraped = [line for line in stack.outcomes(job) if line["outcome"] == "scraped"]
    assert sorted(line["url"] for line in scraped) == sorted(everything)
    assert (ledger.listed, ledger.found, ledger.final) == (1, 9, {"scraped": 10})
    assert sorted(site.visits) == sorted((host, f"/{n}") for host in hosts for n in range(5))


def test_the_next_day_fetches_what_has_changed_and_tells_it(
    stack: Stack, site: Site, name: str
) -> None:
    def product(number: int, price: int) -> str:
        text = f"<b>{number}</b><i>{price}</i>"
        headers = {"ETag": f'"{price}"'}
        return site.reply(
            f"/{number}", web.Response(text=text, content_type="text/html", headers=headers)
        )

    urls = [product(number, 10) for number in range(4)]
    fields = "{sku: {css: b}, price: {css: i, type: integer}}"
    spec = f"fetch: {{pause: 0}}\nextract: {{key: sku, fields: {fields}}}\nremember: true\n"
    spec += "expect: {filled: {price: 1}}\n"
    stack.upload(f"{name}/spec.yaml", spec.encode())

    def day(date: str) -> dict[str, Any]:
        stack.upload(f"{name}/{date}.txt", "\n".join(urls).encode())
        job = stack.job_from(f"{name}-{date}", lambda _: True, within=60)
        stack.complete(job, within=180)
        summary = f"jobs/{job}/summary.json"
        body = eventually(lambda: stack.data.get(summary), within=120, hope="a summary")
        found: dict[str, Any] = json.loads(body or b"")
        return found

    first = day("2026-11-30")
    assert first["changes"] == {"new": 4, "changed": 0, "same": 0, "gone": 0, "unseen": 0}
    assert first["health"]["healthy"]
    product(1, 11)
    site.reply("/2", web.Response(status=404))
    site.answers.clear()

    second = day("2026-12-01")

    assert sorted(site.answers) == [("/0", 304), ("/1", 200), ("/2", 404), ("/3", 304)]
    assert second["changes"] == {"new": 0, "changed": 1, "same": 2, "gone": 1, "unseen": 0}


def test_list_that_is_no_text_is_refused_and_becomes_no_dead_letter(
    stack: Stack, name: str
) -> None:
    dead = stack.waiting("DispatchDLQUrl")

    stack.upload(f"{name}/urls.txt", b"PK\x03\x04 and so on")
    [job] = {stack.job_from(f"{name}-urls", lambda found: bool(found.error), within=60)}

    assert "zip archive or a spreadsheet" in (stack.manifest(job).error or "")
    assert stack.waiting("DispatchDLQUrl") == dead


def test_schedule_submits_its_list(stack: Stack, site: Site, scheduled: str) -> None:
    def jobs() -> list[str]:
        """Return the jobs of the list: one since it was uploaded, others of the schedule."""
        found = sorted(stack.jobs("scheduled-urls"))
        return [job for job in found if stack.manifest(job).etag == scheduled]

    eventually(lambda: len(jobs()) > 1, within=150, hope="a job of the schedule")

    for job in jobs()[:2]:
        stack.complete(job, within=60)
        [outcome] = stack.outcomes(job)
        assert outcome["url"] == site.url("/scheduled")
        assert outcome["rows"][0]["title"] == "On time"
        source = stack.manifest(job).source
        assert source is not None
        assert source.version is not None  # also where nobody has named it


def test_no_message_was_given_up(stack: Stack) -> None:
    """Whatever the tests above have put through the stack."""
    assert stack.waiting("DispatchDLQUrl") == 0
    assert stack.waiting("WorkDLQUrl") == 0


@pytest.mark.parametrize(
    "path",
    [
        "WorkerFunction/functions/worker/handler.py",
        "DispatcherFunction/functions/dispatcher/handler.py",
        "SharedLayer/python/shared/messages.py",
    ],
)
def test_build_keeps_the_import_paths(path: str) -> None:
    """A SAM CLI before 1.170 ignores ParentPackages without a word."""
    assert (BUILD / path).is_file()
