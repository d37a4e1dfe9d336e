"""What one job leaves for the next: pages that need not be sent again, and what has changed."""

import gzip
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from aiohttp import web

import functions.worker.remembering.memory as memory_module
import functions.worker.remembering.note as note_module
import functions.worker.remembering.part as part_module
from functions.dispatcher.names import list_id
from functions.worker.remembering.changes import Change, read_changes
from functions.worker.remembering.memory import Memory
from shared.errors import StorageError
from shared.ids import sweep_id
from shared.keys import changes_prefix, memory_folder, memory_key, results_key, swept_folder
from shared.lock import LOCK_KEY, Lock, encode_lock, lock_name
from shared.messages import Batch, Target
from shared.receipts import read_counts
from shared.spec import Spec
from shared.tally import Tally, decode_tally
from tests.cloud import Deployment
from tests.integration.worker.test_work import OWN, PARTITIONS, SPEC, Work
from tests.site import Site

FIELDS = {"sku": {"css": ".sku"}, "price": {"css": ".price", "type": "number"}}
BATCH = "00000-000000"
DAY_1, DAY_2, DAY_3, DAY_4 = (f"shop-{number:012}" for number in range(4))


class Shop:
    """Pages that a website changes from day to day."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.asked = site.answers

    def product(self, path: str, sku: str, price: str, etag: str | None = "") -> str:
        text = f"<p class=sku>{sku}</p><p class=price>{price}</p>"
        return self.page(path, text, f'"{sku}-{price}"' if etag == "" else etag)

    def page(self, path: str, text: str, etag: str | None) -> str:
        headers = {"ETag": etag} if etag else {}
        return self._site.reply(
            path, web.Response(text=text, content_type="text/html", headers=headers)
        )

    def fails(self, path: str, status: int) -> str:
        return self._site.reply(path, web.Response(status=status))


class Days(Work):
    """Jobs of one scraper, one after the other."""

    def __init__(self, deployment: Deployment, site: Site) -> None:
        super().__init__(deployment, site)
        self.shop = Shop(site)
        self.extract: dict[str, Any] = {"fields": FIELDS, "key": "sku"}
        self.more: dict[str, Any] = {}

    def day(self, job: str, *urls: str, sweep: bool = True) -> None:
        """Work on a job with one batch, and look for what is gone."""
        self.begin(job)
        targets = tuple(Target(url, line) for line, url in enumerate(urls, start=1))
        self.take(Batch(job=job, batch=BATCH, partition=OWN, targets=targets))
        if sweep:
            self.sweep(job)

    def begin(self, job: str) -> None:
        spec = msgspec.to_builtins(SPEC) | {"extract": self.extract, "remember": True} | self.more
        self.shop.asked.clear()
        self.manifest = msgspec.structs.replace(
            self.manifest,
            job=job,
            scraper="shop",
            list_id=list_id(job.rpartition("-")[0], ""),
            created_at=datetime.now(UTC).isoformat(),
            spec=msgspec.convert(spec, Spec, strict=False),
        )

    def sweep(self, job: str) -> None:
        tally = Tally()
        for key in self.deployment.data.keys(f"jobs/{job}/receipts/"):
            tally.add(decode_tally(self.deployment.data.get(key) or b""))
        self.take(
            Batch(
                job=job,
                batch=sweep_id(OWN),
                partition=OWN,
                sweep=True,
                leads_known=not tally.lost_leads,
                pages_known=not (tally.lost_leads or tally.lost_pages),
            )
        )

    def rows(self, job: str, batch: str = BATCH) -> list[tuple[str | None, list[dict[str, Any]]]]:
        """Return `change` and rows of each line."""
        body = self.deployment.data.get(results_key(job, batch))
        assert body is not None
        lines = [msgspec.json.decode(line) for line in gzip.decompress(body).splitlines()]
        return [(line["change"], line["rows"]) for line in sorted(lines, key=lambda x: x["url"])]

    def changes(self, job: str) -> list[Change]:
        data = self.deployment.data
        bodies = (data.get(key) or b"" for key in data.keys(changes_prefix(job)))
        return [change for body in bodies for change in read_changes(body)]

    def told(self, job: str) -> list[tuple[str, str | None, Any]]:
        """Return what is told of each row: the change, its sku, and the values."""
        return sorted(
            (one.change, one.key["sku"] if one.key else None, one.fields)
            for one in self.changes(job)
        )

    def counts(self, job: str) -> dict[str, int]:
        """Return the counts of changes in the receipts, and those of what is gone."""
        found: dict[str, int] = {}
        for folder in (f"jobs/{job}/receipts/", swept_folder(job)):
            for key in self.deployment.data.keys(folder):
                counts = read_counts(key.rpartition("/")[2])[1]
                found |= {name: n for name, n in counts.items() if name.startswith("rows_")}
        return found


@pytest.fixture
def days(deployment: Deployment, site: Site) -> Iterator[Days]:
    deployment.data.put(LOCK_KEY, encode_lock(Lock(name=lock_name(PARTITIONS))))
    days = Days(deployment, site)
    yield days
    if days.process.is_running:
        days.process.stop()


def test_the_second_day_tells_what_has_changed_and_fetches_nothing_else(days: Days) -> None:
    shop = days.shop
    urls = [shop.product(f"/{sku}", sku, "10") for sku in ("a", "b", "c", "d")]
    days.day(DAY_1, *urls)
    assert days.told(DAY_1) == [("new", sku, None) for sku in ("a", "b", "c", "d")]

    shop.product("/b", "b", "12.5")
    shop.fails("/c", 404)
    urls = [*urls[:3], shop.product("/e", "e", "1")]
    days.day(DAY_1, *urls)  # it is the same job, so nothing happens
    days.day(DAY_2, *urls)

    assert sorted(shop.asked) == [("/a", 304), ("/b", 200), ("/c", 404), ("/e", 200)]
    assert days.rows(DAY_2) == [
        ("same", [{"sku": "a", "price": 10}]),
        ("changed", [{"sku": "b", "price": 12.5}]),
        (None, []),
        ("new", [{"sku": "e", "price": 1}]),
    ]
    assert days.told(DAY_2) == [
        ("changed", "b", {"price": (10, 12.5)}),
        ("gone", "c", None),
        ("gone", "d", None),
        ("new", "e", None),
    ]
    assert days.counts(DAY_2) == {
        "rows_same": 1,
        "rows_changed": 1,
        "rows_new": 1,
        "rows_gone": 2,
    }


def test_the_third_day_knows_what_the_second_one_did_not_read_again(days: Days) -> None:
    url = days.shop.product("/a", "a", "10")
    for job in (DAY_1, DAY_2, DAY_3):
        days.day(job, url)

    assert days.shop.asked == [("/a", 304)]
    assert days.rows(DAY_3) == [("same", [{"sku": "a", "price": 10}])]
    assert days.changes(DAY_3) == []


def test_a_page_that_cannot_be_had_is_not_gone(days: Days) -> None:
    url = days.shop.product("/a", "a", "10")
    days.day(DAY_1, url)
    days.shop.fails("/a", 403)
    days.day(DAY_2, url)
    assert days.changes(DAY_2) == []

    days.shop.product("/a", "a", "11")
    days.day(DAY_3, url)

    assert days.told(DAY_3) == [("changed", "a", {"price": (10, 11)})]


@pytest.mark.parametrize("etag", ['"other"', None])
def test_what_counts_is_the_content_and_not_what_the_server_calls_it(
    days: Days, etag: str | None
) -> None:
    """Servers of one website name versions each in its own way, or ignore what they are asked."""
    url = days.shop.product("/a", "a", "10")
    days.day(DAY_1, url)
    days.site.revalidates = False
    days.shop.product("/a", "a", "10", etag)
    days.day(DAY_2, url)

    assert days.shop.asked == [("/a", 200)]
    assert days.rows(DAY_2) == [("same", [{"sku": "a", "price": 10}])]
    assert days.changes(DAY_2) == []


def test_other_content_with_the_same_rows_is_the_same(days: Days) -> None:
    url = days.shop.product("/a", "a", "10")
    days.day(DAY_1, url)
    days.shop.page("/a", "<p class=sku>a</p><p class=price>10.00</p><p>Tuesday</p>", '"2"')
    days.day(DAY_2, url)

    assert days.rows(DAY_2) == [("same", [{"sku": "a", "price": 10}])]
    assert days.counts(DAY_2) == {"rows_same": 1}


def test_only_what_is_watched_counts(days: Days) -> None:
    days.more = {"remember": {"watch": ["price"]}}
    days.extract = {"fields": FIELDS | {"stock": {"css": ".stock"}}, "key": "sku"}
    html = "<p class=sku>a</p><p class=price>{}</p><p class=stock>{}</p>"
    url = days.shop.page("/a", html.format(1, "many"), '"1"')
    days.day(DAY_1, url)
    days.shop.page("/a", html.format(1, "few"), '"2"')
    days.day(DAY_2, url)
    assert days.changes(DAY_2) == []

    days.shop.page("/a", html.format(2, "none"), '"3"')
    days.day(DAY_3, url)

    assert days.told(DAY_3) == [("changed", "a", {"price": (1, 2)})]


def test_a_field_that_is_new_in_the_spec_has_its_pages_read_again(days: Days) -> None:
    url = days.shop.product("/a", "a", "10")
    days.day(DAY_1, url)
    days.extract = {"fields": FIELDS | {"name": {"css": ".sku"}}, "key": "sku"}
    days.day(DAY_2, url)

    assert days.shop.asked == [("/a", 200)]
    assert days.rows(DAY_2) == [("new", [{"sku": "a", "price": 10, "name": "a"}])]
    assert days.told(DAY_2) == [("new", "a", None)]


def test_rows_whose_results_are_gone_are_fetched_again(days: Days) -> None:
    url, other = days.shop.product("/a", "a", "10"), days.shop.product("/b", "b", "1")
    days.day(DAY_1, url, other)
    cloud = days.deployment
    cloud.s3.delete_object(Bucket=cloud.data_bucket, Key=results_key(DAY_1, BATCH))
    days.shop.product("/b", "b", "2")
    days.day(DAY_2, url, other)

    assert sorted(days.shop.asked) == [("/a", 200), ("/b", 200)]
    assert days.rows(DAY_2)[0] == ("same", [{"sku": "a", "price": 10}])
    assert days.told(DAY_2) == [("changed", "b", None)]


def test_a_row_that_moves_to_another_page_is_the_same(days: Days) -> None:
    days.extract = {"rows": "li", "fields": FIELDS, "key": "sku"}
    row = "<li><p class=sku>{}</p><p class=price>1</p></li>"

    def listing(path: str, *skus: str) -> str:
        return days.shop.page(path, "".join(map(row.format, skus)), f'"{skus}"')

    urls = [listing("/1", "a", "b"), listing("/2", "c")]
    days.day(DAY_1, *urls)
    listing("/1", "new", "a")
    listing("/2", "b")
    days.day(DAY_2, *urls)

    assert days.told(DAY_2) == [("gone", "c", None), ("new", "new", None)]
    assert days.counts(DAY_2) == {"rows_new": 1, "rows_same": 2, "rows_gone": 1}


def test_without_a_key_the_page_stands_for_its_row(days: Days) -> None:
    del days.extract["key"]
    urls = [days.shop.product(f"/{sku}", sku, "10") for sku in ("a", "b")]
    days.day(DAY_1, *urls)
    days.shop.product("/a", "a", "9")
    days.day(DAY_2, urls[0])

    changed, gone = sorted(days.changes(DAY_2), key=lambda one: one.change)
    assert (changed.key, changed.url, changed.fields) == (None, urls[0], {"price": (10, 9)})
    assert (gone.change, gone.key, gone.url) == ("gone", None, urls[1])


def test_a_listing_that_is_as_it_was_leads_to_all_its_products(days: Days) -> None:
    days.more = {
        "pages": {
            "listing": {"match": "127.0.0.1/list*", "follow": [{"css": "a"}]},
            "product": {"match": "127.0.0.1/*", "extract": days.extract},
        }
    }
    days.extract = {"include": ["page"]}
    for sku in ("a", "b"):
        days.shop.product(f"/{sku}", sku, "10")
    url = days.shop.page("/list", "<a href=/a>a</a><a href=/b>b</a>", '"list"')
    days.day(DAY_1, url)
    days.shop.product("/b", "b", "11")
    days.day(DAY_2, url)

    assert sorted(days.shop.asked) == [("/a", 304), ("/b", 200), ("/list", 304)]
    assert days.told(DAY_2) == [("changed", "b", {"price": (10, 11)})]

    days.shop.fails("/list", 403)
    days.day(DAY_3, url)
    assert days.changes(DAY_3) == []  # nobody can tell

    days.shop.page("/list", "<a href=/b>b</a>", '"short"')
    days.day(DAY_4, url)
    assert days.told(DAY_4) == [("gone", "a", None)]


def test_a_sitemap_is_read_each_day_and_tells_what_is_gone(days: Days, site: Site) -> None:
    """A memory of what it lists would be as long as it is itself."""

    def sitemap(*skus: str) -> None:
        entries = "".join(f"<url><loc>/{sku}</loc></url>" for sku in skus)
        headers = {"ETag": '"always"'}
        site.reply(
            "/sitemap.xml", web.Response(text=f"<urlset>{entries}</urlset>", headers=headers)
        )

    url = site.url("/sitemap.xml")
    days.more = {"start": {"sitemap": url}}
    for sku in ("a", "b"):
        days.shop.product(f"/{sku}", sku, "10")
    sitemap("a", "b")
    days.day(DAY_1, url)
    days.day(DAY_2, url)

    assert sorted(days.shop.asked) == [("/a", 304), ("/b", 304), ("/sitemap.xml", 200)]
    assert days.changes(DAY_2) == []

    days.shop.fails("/sitemap.xml", 403)
    days.day(DAY_3, url)
    assert days.changes(DAY_3) == []  # nobody can tell

    sitemap("a")
    days.day(DAY_4, url)
    assert days.told(DAY_4) == [("gone", "b", None)]


def test_the_pages_of_another_list_are_not_gone(days: Days) -> None:
    one, two = days.shop.product("/a", "a", "1"), days.shop.product("/b", "b", "1")
    days.day("shop-fiction-2026-11-30-0123456789ab", one)
    days.day("shop-science-2026-11-30-0123456789ab", two)
    assert days.told("shop-science-2026-11-30-0123456789ab") == [("new", "b", None)]

    days.day("shop-fiction-2026-12-01-0123456789ab", two)

    assert days.told("shop-fiction-2026-12-01-0123456789ab") == [("gone", "a", None)]


def test_gone_after_so_many_jobs(days: Days) -> None:
    days.more = {"remember": {"gone_after": 2}}
    one, two = days.shop.product("/a", "a", "1"), days.shop.product("/b", "b", "1")
    days.day(DAY_1, one, two)
    days.day(DAY_2, one)
    days.sweep(DAY_2)  # it was delivered twice
    assert days.changes(DAY_2) == []

    days.day(DAY_3, one)

    assert days.told(DAY_3) == [("gone", "b", None)]


POINTS = ["put_new changes", "put_over memory", "put_new receipt"]


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("after", [False, True])
def test_a_crash_at_each_point_ends_in_the_same_changes(
    days: Days, monkeypatch: pytest.MonkeyPatch, point: str, after: bool
) -> None:
    urls = [days.shop.product(f"/{sku}", sku, "10") for sku in ("a", "b", "c")]
    days.day(DAY_1, *urls)
    days.shop.product("/b", "b", "11")
    urls[2] = days.shop.product("/d", "d", "1")
    method, _, what = point.partition(" ")
    bucket = type(days.deployment.data)
    original = getattr(bucket, method)

    def crash(self: Any, key: str, *args: Any, **kwargs: Any) -> Any:
        if what not in key:
            return original(self, key, *args, **kwargs)
        if after:
            original(self, key, *args, **kwargs)
        monkeypatch.setattr(bucket, method, original)
        raise StorageError("crash")

    monkeypatch.setattr(bucket, method, crash)
    with pytest.raises(StorageError, match="crash"):
        days.day(DAY_2, *urls)
    days.again()
    days.sweep(DAY_2)

    assert days.told(DAY_2) == [
        ("changed", "b", {"price": (10, 11)}),
        ("gone", "c", None),
        ("new", "d", None),
    ]
    assert days.counts(DAY_2) == {
        "rows_same": 1,
        "rows_changed": 1,
        "rows_new": 1,
        "rows_gone": 1,
    }
    days.day(DAY_3, *urls)
    assert days.changes(DAY_3) == []
    assert {status for _, status in days.shop.asked} == {304}


@pytest.mark.parametrize("body", [b"no memory", None])
def test_an_object_that_is_damaged_is_told_and_made_anew(days: Days, body: bytes | None) -> None:
    url = days.shop.product("/a", "a", "10")
    days.day(DAY_1, url)
    key = memory_key("shop", OWN)
    whole = days.deployment.data.get(key)
    assert whole is not None
    days.deployment.data.put(key, body or whole[: len(whole) // 2])
    days.day(DAY_2, url)

    assert days.told(DAY_2) == [("new", "a", None)]
    days.day(DAY_3, url)
    assert days.shop.asked == [("/a", 304)]


def test_a_large_memory_is_split_and_knows_all_it_knew(
    days: Days, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(part_module, "MAX_PART_BYTES", 1_500)
    monkeypatch.setattr(memory_module, "_SMALL", 0)
    urls = [days.shop.product(f"/{number}", str(number), "10") for number in range(40)]
    days.day(DAY_1, *urls[:25])
    days.day(DAY_2, *urls)
    assert days.counts(DAY_2) == {"rows_same": 25, "rows_new": 15}
    days.shop.product("/7", "7", "11")
    days.day(DAY_3, *urls[:39])

    assert days.counts(DAY_3) == {"rows_same": 38, "rows_changed": 1, "rows_gone": 1}
    assert len(list(days.deployment.data.keys(memory_folder("shop")))) > 20
    assert len(list(Memory(days.deployment.data, "shop", OWN).entries())) == 78


def test_of_two_jobs_at_once_the_later_one_is_remembered(days: Days) -> None:
    url = days.shop.product("/a", "a", "1")
    days.day(DAY_1, url)
    days.shop.product("/a", "a", "2")
    days.day(DAY_2, url, sweep=False)
    days.shop.product("/a", "a", "3")
    days.day(DAY_3, url, sweep=False)
    days.begin(DAY_2)
    days.take(
        Batch(job=DAY_2, batch=BATCH, partition=OWN, targets=(Target(url, 1),))
    )  # it is concluded again, late
    days.day(DAY_4, url)

    assert days.shop.asked == [("/a", 304)]
    assert days.rows(DAY_4) == [("same", [{"sku": "a", "price": 3}])]


def test_what_counts_for_a_page_is_remembered_with_it(days: Days) -> None:
    """A page that was not sent again names its canonical URL all the same."""
    head = "<link rel=canonical href=/lamp><p class=sku>1</p><p class=price>2</p>"
    days.more = {"follow": [{"css": "a"}], "crawl": {"same_as": "canonical"}}
    urls = [days.shop.page(path, head, f'"{path}"') for path in ("/p", "/q")]
    kept = [("new", 1), (None, 0)]

    days.day(DAY_1, *urls)
    assert [(change, len(rows)) for change, rows in days.rows(DAY_1)] == kept
    days.day(DAY_2, *urls)
    assert [(change, len(rows)) for change, rows in days.rows(DAY_2)] == [("same", 1), (None, 0)]


LISTINGS = {
    "listing": {"match": "127.0.0.1/list*", "follow": [{"css": "a"}]},
    "product": {"match": "127.0.0.1/*", "extract": {"fields": FIELDS, "key": "sku"}},
}


def test_products_of_a_listing_that_cannot_be_had_behind_a_redirect_are_not_gone(
    days: Days,
) -> None:
    days.more = {"pages": LISTINGS}
    days.extract = {"include": ["page"]}
    url = days.site.reply("/list", web.Response(status=301, headers={"Location": "/list/"}))
    days.shop.page("/list/", "<a href=/a>a</a>", '"1"')
    days.shop.product("/a", "a", "1")
    days.day(DAY_1, url)
    assert days.told(DAY_1) == [("new", "a", None)]
    days.shop.fails("/list/", 403)
    days.day(DAY_2, url)
    assert days.changes(DAY_2) == []

    other = days.shop.fails("/list/new", 403)  # the front page is elsewhere now, and fails
    days.day(DAY_3, other)
    assert days.changes(DAY_3) == []


def test_a_row_that_may_have_moved_to_a_page_that_fails_is_not_gone(days: Days) -> None:
    days.extract = {"rows": "li", "fields": FIELDS, "key": "sku"}
    row = "<li><p class=sku>{}</p><p class=price>1</p></li>"
    one = days.shop.page("/1", row.format("a") + row.format("b"), '"1"')
    two = days.shop.page("/2", row.format("c"), '"1"')
    days.day(DAY_1, one, two)
    days.shop.page("/1", row.format("new") + row.format("a"), '"2"')
    days.shop.fails("/2", 403)
    days.day(DAY_2, one, two)

    assert days.told(DAY_2) == [("new", "new", None)]


def test_rows_of_a_page_that_says_back_soon_are_not_gone(days: Days) -> None:
    url, other = days.shop.product("/a", "a", "1"), days.shop.product("/b", "b", "1")
    days.day(DAY_1, url, other)
    days.shop.page("/a", "<h1>Back soon</h1>", '"soon"')
    days.day(DAY_2, url, other)
    assert days.changes(DAY_2) == []

    days.shop.product("/a", "a", "2")
    days.day(DAY_3, url, other)
    assert days.told(DAY_3) == [("changed", "a", {"price": (1, 2)})]


def test_a_key_on_two_pages_of_a_job_changes_nothing(days: Days) -> None:
    urls = [days.shop.product("/1", "a", "9"), days.shop.product("/2", "a", "10")]
    for job in (DAY_1, DAY_2, DAY_3):
        days.begin(job)
        for number, url in enumerate(urls):
            batch = f"00000-00000{number}"
            targets = (Target(url, number + 1),)
            days.take(Batch(job=job, batch=batch, partition=OWN, targets=targets))
        days.sweep(job)

    assert days.told(DAY_1) == [("new", "a", None)]
    assert days.changes(DAY_2) == days.changes(DAY_3) == []


@pytest.mark.parametrize("how", ["another order", "no memory"])
def test_results_that_somebody_has_written_over_are_not_trusted(days: Days, how: str) -> None:
    urls = [days.shop.product(f"/{sku}", sku, price) for sku, price in (("a", "1"), ("b", "2"))]
    days.day(DAY_1, *urls)
    key = results_key(DAY_1, BATCH)
    lines = gzip.decompress(days.deployment.data.get(key) or b"").splitlines(keepends=True)
    if how == "another order":
        lines.reverse()
    else:
        lines = [b'{"url":"x"}\n' for _ in lines]
    days.deployment.data.put(key, gzip.compress(b"".join(lines)))
    days.day(DAY_2, *urls)

    assert sorted(days.shop.asked) == [("/a", 200), ("/b", 200)]
    assert [rows[0]["sku"] for _, rows in days.rows(DAY_2)] == ["a", "b"]
    assert days.changes(DAY_2) == []


def test_another_language_is_another_page(days: Days) -> None:
    url = days.shop.product("/a", "a", "1")
    days.day(DAY_1, url)
    fetch = msgspec.to_builtins(SPEC)["fetch"] | {"headers": {"Accept-Language": "fr"}}
    days.more = {"fetch": fetch}
    days.day(DAY_2, url)

    assert days.shop.asked == [("/a", 200)]


def test_gone_after_so_many_jobs_holds_for_pages_that_answer_404(days: Days) -> None:
    days.more = {"remember": {"gone_after": 2}}
    url = days.shop.product("/a", "a", "1")
    days.day(DAY_1, url)
    days.shop.fails("/a", 404)
    days.day(DAY_2, url)
    assert days.changes(DAY_2) == []
    days.day(DAY_3, url)

    assert days.told(DAY_3) == [("gone", "a", None)]


@pytest.mark.parametrize("what", ["sweep", "memory", "swept"])
@pytest.mark.parametrize("after", [False, True])
def test_a_crash_of_a_sweep_loses_no_count(
    days: Days, monkeypatch: pytest.MonkeyPatch, what: str, after: bool
) -> None:
    urls = [days.shop.product(f"/{sku}", sku, "10") for sku in ("a", "b")]
    days.day(DAY_1, *urls)
    days.day(DAY_2, urls[0], sweep=False)
    bucket = type(days.deployment.data)
    method = "put_over" if what == "memory" else "put_new"
    original = getattr(bucket, method)

    def crash(self: Any, key: str, *args: Any, **kwargs: Any) -> Any:
        if what not in key:
            return original(self, key, *args, **kwargs)
        if after:
            original(self, key, *args, **kwargs)
        monkeypatch.setattr(bucket, method, original)
        raise StorageError("crash")

    monkeypatch.setattr(bucket, method, crash)
    with pytest.raises(StorageError, match="crash"):
        days.sweep(DAY_2)
    days.again()

    assert days.told(DAY_2) == [("gone", "b", None)]
    assert days.counts(DAY_2) == {"rows_same": 1, "rows_gone": 1}


def test_a_batch_of_many_rows_is_noted_in_pieces(
    days: Days, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(note_module, "_ROWS_TOGETHER", 3)
    days.extract = {"rows": "li", "fields": FIELDS, "key": "sku"}
    row = "<li><p class=sku>{}</p><p class=price>{}</p></li>"

    def page(path: str, price: int) -> str:
        rows = "".join(row.format(f"{path}{number}", price) for number in range(5))
        return days.shop.page(path, rows, f'"{price}"')

    urls = [page(f"/{number}", 1) for number in range(4)]
    days.day(DAY_1, *urls)
    page("/2", 2)
    days.day(DAY_2, *urls)

    assert days.counts(DAY_2) == {"rows_same": 15, "rows_changed": 5}
    assert {one[2]["price"] for one in days.told(DAY_2)} == {(1, 2)}


def test_a_key_may_be_any_text(days: Days) -> None:
    """Also the one by which the counts in a file of changes are known."""
    url = days.shop.product("/a", "changes.v1", "1")
    days.day(DAY_1, url)

    assert days.told(DAY_1) == [("new", "changes.v1", None)]


def test_rows_of_which_nobody_can_tell_are_counted(days: Days) -> None:
    days.more = {"pages": LISTINGS}
    days.extract = {"include": ["page"]}
    url = days.shop.page("/list", "<a href=/a>a</a><a href=/b>b</a>", '"1"')
    for sku in ("a", "b"):
        days.shop.product(f"/{sku}", sku, "1")
    days.day(DAY_1, url)
    days.shop.page("/list", "<b>other links</b>", '"2"')
    days.day(DAY_2, url)

    assert days.changes(DAY_2) == []
    assert days.counts(DAY_2) == {"rows_unseen": 2}
