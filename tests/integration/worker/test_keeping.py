"""Pages that are kept as they came, in files that other tools read."""

import gzip
import io
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
import pytest
from aiohttp import web
from warcio.archiveiterator import ArchiveIterator

import functions.worker.keeping.keeping as keeping_module
import functions.worker.transport.fetch as fetch_module
import functions.worker.work as work_module
import functions.worker.workshop as workshop_module
from functions.worker.workshop import Workshop
from shared.errors import Reason, StorageError
from shared.keys import pages_prefix, receipts_folder
from shared.lock import LOCK_KEY, Lock, encode_lock, lock_name
from shared.messages import Batch, Target
from shared.outcomes import Kept, Kind
from shared.spec import Spec
from shared.store import Bucket
from shared.tally import decode_tally
from tests.cloud import Deployment
from tests.integration.worker.test_work import OWN, PARTITIONS, SPEC, Work
from tests.site import Site

HTML = "<!doctype html><p class=sku>4711</p>"


class Record(NamedTuple):
    kind: str
    url: str
    headers: dict[str, str]
    line: str
    http: dict[str, str]
    body: bytes


class Keeper(Work):
    """A batch of a job that keeps pages."""

    def spec(self, **sections: Any) -> None:
        spec = msgspec.to_builtins(SPEC)
        spec["fetch"] |= sections.pop("fetch", {})
        spec = msgspec.convert(spec | sections, Spec, strict=False)
        self.manifest = msgspec.structs.replace(self.manifest, spec=spec)

    @property
    def files(self) -> list[str]:
        return [*self.deployment.data.keys(pages_prefix("job-1"))]

    def record(self, kept: Kept | None) -> Record:
        """Return what is at the place that an outcome names."""
        assert kept is not None
        body = self.deployment.data.get(kept.file)
        assert body is not None
        [record] = records(body[kept.offset : kept.offset + kept.length])
        return record

    def kept(self) -> dict[str, str]:
        """Return the bodies of the pages that outcomes lead to, by the path of their URL."""
        return {
            outcome.url.removeprefix(self.site.url("")): self.record(outcome.kept).body.decode()
            for outcome in self.outcomes()
            if outcome.kept is not None
        }


def records(body: bytes) -> list[Record]:
    return [
        Record(
            record.rec_type,
            record.rec_headers.get_header("WARC-Target-URI"),
            dict(record.rec_headers.headers),
            f"{record.http_headers.protocol} {record.http_headers.statusline}"
            if record.http_headers
            else "",
            dict(record.http_headers.headers) if record.http_headers else {},
            record.content_stream().read(),
        )
        for record in ArchiveIterator(io.BytesIO(body), check_digests="raise")
    ]


@pytest.fixture
def keeper(deployment: Deployment, site: Site) -> Iterator[Keeper]:
    deployment.data.put(LOCK_KEY, encode_lock(Lock(name=lock_name(PARTITIONS))))
    keeper = Keeper(deployment, site)
    yield keeper
    if keeper.process.is_running:
        keeper.process.stop()


def html(text: str = HTML, **more: Any) -> web.Response:
    return web.Response(text=text, content_type="text/html", **more)


def test_a_file_has_the_pages_and_requests_of_a_batch_and_outcomes_name_their_place(
    keeper: Keeper,
) -> None:
    keeper.spec(keep={"pages": "all"})
    site = keeper.site
    packed = web.Response(
        body=gzip.compress(HTML.encode()),
        headers={"Content-Type": "text/html", "Content-Encoding": "gzip", "X-Own": "one"},
    )
    image = site.reply("/image", web.Response(content_type="image/png"))
    keeper.send(site.reply("/a", packed) + "?b=c", image, site.page("/d", "D"))

    keeper.run()

    first, other, second = keeper.outcomes()
    assert other.kept is None
    [file] = keeper.files
    assert first.kept is not None
    assert second.kept is not None
    assert first.kept.file == second.kept.file == file
    body = keeper.deployment.data.get(file)
    assert body is not None
    info, *others = records(body)
    assert info.kind == "warcinfo"
    assert b"isPartOf: job-1\r\n" in info.body
    assert [(one.kind, one.url) for one in sorted(others, key=lambda one: one.url)] == [
        ("response", first.url),
        ("request", first.url),
        ("response", second.url),
        ("request", second.url),
    ]
    answer = keeper.record(first.kept)
    assert answer.body == HTML.encode()
    assert answer.line == "HTTP/1.1 200 OK"
    assert answer.headers["WARC-IP-Address"] == "127.0.0.1"
    assert answer.headers["WARC-Date"][:19] == first.fetched_at[:19]
    assert answer.http["X-Own"] == "one"
    assert answer.http["X-Crawler-Content-Encoding"] == "gzip"
    assert answer.http["Content-Length"] == str(len(HTML))
    assert "Content-Encoding" not in answer.http
    [question] = [one for one in others if one.kind == "request" and one.url == first.url]
    assert question.line == "GET /a?b=c HTTP/1.1"
    assert question.http["Host"] == f"127.0.0.1:{site.port}"
    assert question.http["User-Agent"] == keeper.settings.user_agent
    assert question.headers["WARC-Concurrent-To"] == answer.headers["WARC-Record-ID"]


def test_secrets_are_in_no_file(keeper: Keeper) -> None:
    headers = {"Authorization": "Basic s3cret", "X-Club": "s3cret", "X-Plain": "shown"}
    keeper.spec(
        keep={"pages": "all"},
        fetch={"headers": headers, "secret_headers": ["x-club"], "cookies": {"id": "s3cret"}},
    )
    site = keeper.site
    keeper.send(site.reply("/a", html(headers={"Set-Cookie": "sid=s3cret", "X-Club": "s3cret"})))

    keeper.run()

    [file] = keeper.files
    body = keeper.deployment.data.get(file)
    assert body is not None
    _, answer, question = records(body)
    assert site.headers[0]["Authorization"] == "Basic s3cret"
    assert b"s3cret" not in gzip.decompress(body)
    assert answer.http["Set-Cookie"] == answer.http["X-Club"] == "[blanked]"
    for name in ("Authorization", "X-Club", "Cookie"):
        assert question.http[name] == "[blanked]"
    assert question.http["X-Plain"] == "shown"


@pytest.mark.parametrize(
    ("pages", "kept"),
    [
        ("all", {"/good", "/empty", "/bad"}),
        ("failed", {"/bad"}),
        ("no_match", {"/empty"}),
        (["failed", "no_match"], {"/bad", "/empty"}),
        (0.999999, {"/good", "/empty", "/bad"}),
        (0.000001, set()),
        ([], set()),
    ],
)
def test_the_spec_says_which_pages_are_kept(keeper: Keeper, pages: Any, kept: set[str]) -> None:
    site = keeper.site
    fields = {"sku": {"css": ".sku"}, "price": {"css": ".price", "type": "number"}}
    failing = {"fields": fields, "on_problem": "fail"}
    keeper.spec(
        keep={"pages": pages},
        extract={"fields": fields},
        pages={"strict": {"match": "regex:/bad$", "extract": failing}},
    )
    keeper.send(
        site.reply("/good", html()),
        site.reply("/empty", html("<p>nothing")),
        site.reply("/bad", html("<p class=price>dear</p>")),
    )

    keeper.run()

    good, empty, bad = keeper.outcomes()
    assert (good.outcome, good.problems) == (Kind.SCRAPED, [])
    assert [problem["problem"] for problem in empty.problems] == ["no_match"]
    assert bad.reason is Reason.BAD_ROWS
    assert keeper.kept().keys() == kept
    assert len(keeper.files) == bool(kept)


def test_a_kind_keeps_what_it_says_itself(keeper: Keeper) -> None:
    site = keeper.site
    keeper.spec(
        pages={
            "product": {"match": "regex:/p/", "keep": {"pages": "all"}},
            "other": {"match": "regex:."},
        },
    )
    keeper.send(site.reply("/p/1", html()), site.reply("/about", html()))

    keeper.run()

    assert keeper.kept().keys() == {"/p/1"}


def test_a_page_that_was_not_asked_for_is_kept_as_failed(keeper: Keeper) -> None:
    site = keeper.site
    keeper.spec(
        keep={"pages": "failed"},
        fetch={"retry_when": [{"css": ".captcha"}], "attempts": 2, "wait_max": 0.1},
    )
    keeper.send(
        site.reply("/wall", html("<p class=captcha>1"), html("<p class=captcha>2")),
        site.reply("/late", html("<p class=captcha>1"), html()),
        site.reply("/other", html("<p class=captcha>1"), web.Response(content_type="image/png")),
    )

    keeper.run()

    wall, late, other = keeper.outcomes()
    assert (wall.reason, late.reason) == (Reason.UNWANTED_PAGE, None)
    assert other.reason is Reason.CONTENT_TYPE
    assert keeper.kept() == {"/wall": "<p class=captcha>2"}


@pytest.mark.parametrize(
    ("pages", "is_kept"), [("failed", True), ("all", True), ("no_match", False)]
)
def test_what_a_refusal_looks_like_is_kept(keeper: Keeper, pages: str, is_kept: bool) -> None:
    site = keeper.site
    keeper.spec(keep={"pages": pages}, fetch={"attempts": 2, "wait_max": 0.1})
    challenge = html("are you human?", headers={"cf-mitigated": "challenge"})
    packed = web.Response(
        status=404, body=gzip.compress(b"no such book"), headers={"Content-Encoding": "gzip"}
    )
    keeper.send(
        site.reply("/wall", html("go away", status=403)),
        site.reply("/human", challenge),
        site.reply("/broken", html("oops", status=500), html("oops again", status=500)),
        site.reply("/gone", packed),
    )

    keeper.run()

    reasons = [outcome.reason for outcome in keeper.outcomes()]
    assert reasons == [Reason.HTTP_4XX, Reason.CHALLENGE, Reason.HTTP_5XX, Reason.HTTP_404]
    assert keeper.kept() == (
        {
            "/wall": "go away",
            "/human": "are you human?",
            "/broken": "oops again",
            "/gone": "no such book",
        }
        if is_kept
        else {}
    )
    if is_kept:
        wall = keeper.record(keeper.outcomes()[0].kept)
        assert wall.line == "HTTP/1.1 403 Forbidden"


def test_of_a_refusal_the_beginning_is_enough(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch_module, "_REFUSED_BYTES", 10)
    keeper.spec(keep={"pages": "failed"})
    keeper.send(keeper.site.reply("/wall", html("0123456789" * 30_000, status=403)))

    keeper.run()

    assert keeper.kept() == {"/wall": "0123456789"}


def test_a_refusal_that_cannot_be_read_is_what_its_status_says(keeper: Keeper) -> None:
    bad = web.Response(status=403, body=b"no gzip", headers={"Content-Encoding": "gzip"})
    keeper.spec(keep={"pages": "failed"})
    keeper.send(keeper.site.reply("/wall", bad), keeper.site.page("/a", "A"))

    keeper.run()

    assert [outcome.reason for outcome in keeper.outcomes()] == [Reason.HTTP_4XX, None]
    assert keeper.files == []


def test_a_page_that_a_parser_fails_at_is_kept_as_failed(keeper: Keeper) -> None:
    page = "<article class=product_pod>"
    keeper.spec(keep={"pages": "failed"}, parser="parsers.books:parse")
    keeper.send(keeper.site.reply("/a", html(page)))

    keeper.run()

    assert keeper.outcomes()[0].reason is Reason.PARSER_ERROR
    assert keeper.kept() == {"/a": page}


def test_a_page_that_asks_robots_not_to_keep_it_is_not_kept(keeper: Keeper) -> None:
    keeper.spec(keep={"pages": "all"}, crawl={"noindex": "skip"})
    keeper.send(keeper.site.reply("/a", html("<meta name=robots content=noindex>")))

    keeper.run()

    assert keeper.outcomes()[0].reason is Reason.NOINDEX
    assert keeper.files == []


def test_a_page_that_is_as_it_was_has_no_body_to_keep(keeper: Keeper) -> None:
    site = keeper.site
    keeper.spec(keep={"pages": "all"}, remember=True)
    page = html(headers={"ETag": '"1"'})
    url = site.reply("/a", page, web.Response(status=304))
    keeper.manifest = msgspec.structs.replace(keeper.manifest, scraper="shop")

    for job in ("job-0", "job-1"):
        keeper.manifest = msgspec.structs.replace(keeper.manifest, job=job)
        targets = (Target(url, 1),)
        keeper.take(Batch(job=job, batch="00000-000000", partition=OWN, targets=targets))

    [outcome] = keeper.outcomes()
    assert (outcome.change, outcome.kept) == ("same", None)
    assert keeper.files == []
    assert len([*keeper.deployment.data.keys(pages_prefix("job-0"))]) == 1


def test_committed_lines_name_the_file_that_was_made_with_them(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever dies between the file and the commit leaves a file that no line names."""
    site = keeper.site
    keeper.spec(keep={"pages": "all"})
    keeper.send(site.reply("/a", html("first"), html("second")))
    with monkeypatch.context() as patch:
        patch.setattr(work_module, "commit", _dies)
        with pytest.raises(StorageError):
            keeper.run()
    [orphan] = keeper.files

    keeper.again()

    assert keeper.kept() == {"/a": "second"}
    files = keeper.files
    assert len(files) == 2
    assert orphan in files
    [outcome] = keeper.outcomes()
    assert outcome.kept is not None
    assert outcome.kept.file != orphan
    keeper.again()
    assert keeper.files == files


def _dies(*_: object) -> None:
    raise StorageError("the network is gone")


def test_nothing_is_committed_where_pages_could_not_be_written(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise StorageError("no room in S3")

    keeper.spec(keep={"pages": "all"})
    keeper.send(keeper.site.reply("/a", html()))
    monkeypatch.setattr(Bucket, "put_versioned", refused)

    with pytest.raises(StorageError, match="no room in S3"):
        keeper.run()

    assert [*keeper.deployment.data.keys("results/")] == []


def test_what_is_beyond_the_size_of_a_file_goes_into_another_one(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping_module, "MAX_BYTES", 1)
    site = keeper.site
    keeper.spec(keep={"pages": "all"}, fetch={"concurrency": 1})
    keeper.send(site.reply("/a", html("a")), site.reply("/b", html("b")))

    keeper.run()

    assert keeper.kept() == {"/a": "a"}
    assert keeper.outcomes()[1].reason is Reason.OUT_OF_ROOM
    keeper.take(*keeper.children())
    assert len(keeper.files) == 2


def test_all_batches_in_hand_share_the_disk(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workshop_module, "KEPT_BYTES", 1)
    site = keeper.site
    keeper.spec(keep={"pages": "all"}, fetch={"concurrency": 1})
    keeper.send(site.reply("/a", html("a")), site.reply("/b", html("b")))

    keeper.run()

    assert keeper.kept() == {"/a": "a"}
    assert keeper.outcomes()[1].reason is Reason.OUT_OF_ROOM


def test_a_disk_that_is_full_fails_the_batch_and_no_line_is_committed(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", "/nowhere")
    monkeypatch.setattr("tempfile.tempdir", "/nowhere")
    keeper.spec(keep={"pages": "all"})
    keeper.send(keeper.site.reply("/a", html()))

    with pytest.raises(StorageError, match=r"pages cannot be kept: .*No such file"):
        keeper.run()

    assert [*keeper.deployment.data.keys("results/")] == []


def test_the_receipt_tells_how_much_was_kept(keeper: Keeper) -> None:
    keeper.spec(keep={"pages": "all"})
    image = keeper.site.reply("/image", web.Response(content_type="image/png"))
    keeper.send(keeper.site.reply("/a", html()), image)
    keeper.run()

    [outcome, _] = keeper.outcomes()
    [key] = keeper.deployment.data.keys(receipts_folder("job-1"))
    tally = decode_tally(keeper.deployment.data.get(key) or b"")
    assert outcome.kept is not None
    assert (tally.kept, tally.kept_bytes) == (1, outcome.kept.length)


def test_nothing_is_left_on_the_disk(keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    close = keeping_module.Keeping.close
    workshops: list[Workshop] = []
    holding = Workshop.keeping

    def closed(self: keeping_module.Keeping) -> None:
        sizes.append((self.size > 0, workshops[0].kept_bytes()))
        close(self)

    def held(self: Workshop, keeping: keeping_module.Keeping, data: Bucket) -> Any:
        workshops.append(self)
        return holding(self, keeping, data)

    monkeypatch.setattr(keeping_module.Keeping, "close", closed)
    monkeypatch.setattr(Workshop, "keeping", held)
    keeper.spec(keep={"pages": "all"})
    keeper.send(keeper.site.reply("/a", html()))

    keeper.run()

    assert sizes == [(True, 0)]


def test_a_post_is_kept_with_what_was_sent(keeper: Keeper) -> None:
    keeper.spec(keep={"pages": "all"})
    url = keeper.site.reply("/search", html())
    target = Target(
        url, 1, method="POST", body="q=ä", headers={"Content-Type": "application/x-form"}
    )
    keeper.take(Batch(job="job-1", batch="00000-000000", partition=OWN, targets=(target,)))

    [file] = keeper.files
    body = keeper.deployment.data.get(file)
    assert body is not None
    _, _, question = records(body)
    assert question.line == "POST /search HTTP/1.1"
    assert question.body == "q=ä".encode()
    assert question.http["Content-Length"] == "4"
