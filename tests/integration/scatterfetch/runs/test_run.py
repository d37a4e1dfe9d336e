"""`scatterfetch run` from the list to the rows: the whole local cloud, every process real."""

import errno
import gzip
import hashlib
import json
import os
import re
import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from aiohttp import web

import scatterfetch.localcloud.cloud
from functions.dispatcher.summary import decode_summary
from functions.worker.politeness.pause import LONG_PAUSE
from functions.worker.work import UNFETCHED_FROM
from scatterfetch.deadletters.local import redrive_targets
from scatterfetch.deployable import TEMPLATE
from scatterfetch.jobs.folder import Folder
from scatterfetch.jobs.last_run import last_runs
from scatterfetch.jobs.progress import Finished, Progress
from scatterfetch.jobs.same_list import manifests_of, older_jobs, runs_of
from scatterfetch.jobs.standing import State, Status, look_at
from scatterfetch.lists.sources import read_lists, read_sources
from scatterfetch.lists.url_list import UrlList
from scatterfetch.localcloud.cloud import LocalCloud
from scatterfetch.localcloud.sandbox import Sandbox
from scatterfetch.output.verdict import report
from scatterfetch.results.files import find_results
from scatterfetch.results.table import Table
from scatterfetch.runs.run import run
from shared.errors import InvalidJobError, Reason
from shared.keys import (
    JOBS,
    job_prefix,
    plan_key,
    plan_prefix,
    rejected_key,
    results_key,
    state_key,
    summary_key,
)
from shared.lock import LOCAL_PARTITIONS, LOCK_KEY, Lock, decode_lock, encode_lock, lock_name
from shared.outcomes import Kind
from shared.spec import Spec
from shared.urls import partition_of
from tests.results import all_outcomes, final_outcomes, read_outcomes, titles
from tests.site import Site

LOCAL = {"AllowPrivateNetworks": "true"}


class Silent:
    """A display that remembers."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.shown: list[Progress] = []

    def show(self, progress: Progress) -> None:
        self.shown.append(progress)

    def say(self, text: str) -> None:
        self.said.append(text)


class Runner:
    """Runs lists of a test's website into a test's folder."""

    def __init__(self, site: Site, folder: Path) -> None:
        self.site = site
        self.folder = folder
        self.display = Silent()

    def __call__(
        self, *lists: UrlList, workers: int = 1, template: Path = TEMPLATE, **parameters: str
    ) -> Finished:
        everywhere = f"::127.0.0.1:{self.site.port}"  # whatever the host, it is this website
        return run(
            lists,
            self.folder,
            self.display,
            workers=workers,
            parameters={**LOCAL, "ConnectTo": everywhere, **parameters},
            template=template,
        )


@pytest.fixture
def runner(site: Site, tmp_path: Path) -> Runner:
    return Runner(site, tmp_path / "out")


HURRY = b"fetch: {pause: 0, robots: ignore}"


def url_list(urls: Sequence[str], spec: bytes = HURRY) -> UrlList:
    return UrlList("urls.txt", "test/urls.txt", "".join(f"{u}\n" for u in urls).encode(), spec)


def moved(location: str) -> web.Response:
    return web.Response(status=301, headers={"Location": location})


def many_urls(site: Site, hosts: int, pages: int) -> list[str]:
    for number in range(pages):
        site.page(f"/{number}", f"Page {number}")
    return [f"http://host{h}.example/{n}" for h in range(hosts) for n in range(pages)]


def test_what_came_of_a_batch_is_shown_before_its_end(runner: Runner, site: Site) -> None:
    urls = many_urls(site, hosts=1, pages=5)

    def wait_for_the_display(path: str) -> None:
        while path == "/4" and not any(shown.done for shown in runner.display.shown):
            time.sleep(0.01)

    site.on_visit = wait_for_the_display
    spec = b"fetch: {pause: 0.25, per_host: 1, robots: ignore}"

    [job] = runner(url_list(urls, spec)).jobs

    assert job.ledger.batches == 1
    assert 0 < next(shown.done for shown in runner.display.shown if shown.done) < 5
    assert runner.display.shown[-1].done == 5
    assert all(shown.done + shown.under_way <= 5 for shown in runner.display.shown)


def test_a_list_goes_in_and_rows_come_out(runner: Runner, site: Site) -> None:
    """The whole way: list, S3, dispatcher, SQS, workers, S3, files."""
    urls = many_urls(site, hosts=12, pages=20)
    site.reply("/moved", moved("http://host1.example/3"))

    finished = runner(
        url_list([*urls, "http://host0.example/gone", "http://elsewhere.example/moved"]), workers=2
    )

    expected = {url: f"Page {url.rpartition('/')[2]}" for url in urls}
    assert titles(runner.folder) == {**expected, "http://elsewhere.example/moved": "Page 3"}
    gone = final_outcomes(runner.folder)["http://host0.example/gone"]
    assert (gone.outcome, gone.status) == (Kind.FAILED, 404)
    assert finished.complete
    assert finished.progress.done == finished.progress.total == 242
    assert finished.progress.outcomes == {"scraped": 241, "failed-http_404": 1}
    assert Counter(site.visits).most_common(1)[0][1] <= 2  # /3 of host1, twice: once by redirect


def test_rows_are_made_by_a_parser_in_python(runner: Runner, site: Site) -> None:
    """The worker's process starts another one, with nothing but Lambda's environment."""
    book = (
        '<article class="product_pod"><h3><a title="A Book" href="b.html">A ...</a></h3>'
        '<p class="price_color">£51.77</p><p class="star-rating Three"></p></article>'
    )
    site.reply("/books", web.Response(text=book * 2, content_type="text/html"))

    finished = runner(
        url_list(
            ["http://a.example/books", "http://b.example/books", "http://a.example/none"],
            HURRY + b"\nparser: parsers.books:parse",
        )
    )

    row = {"title": "A Book", "price": 51.77, "rating": "Three"}
    outcomes = final_outcomes(runner.folder)
    for host in ("http://a.example", "http://b.example"):
        assert outcomes[f"{host}/books"].rows == [row | {"link": f"{host}/b.html"}] * 2
    assert finished.complete
    assert finished.progress.outcomes == {"scraped": 2, "failed-http_404": 1}


def test_a_spec_with_a_parser_that_is_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text("parser: parsers.bok:parse")
    (tmp_path / "urls.txt").write_text("http://a.example/")

    with pytest.raises(InvalidJobError) as caught:
        read_lists([tmp_path / "urls.txt"], [], spec=None)

    assert str(caught.value) == (
        f"{tmp_path}/spec.yaml: parser: parsers.bok:parse: there is no parsers/bok.py"
    )


@pytest.mark.parametrize(
    "name",
    [
        "os:system",
        "parsers:parse",
        "parsers..books:parse",
        "parsers.books",
        "parsers.books:parse.x",
        "parsers._books:parse",
        "functions.worker.parsers.books:parse",
        "parsers.books:parse\n",
    ],
)
def test_a_parser_can_be_nothing_outside_of_its_folder(name: str) -> None:
    with pytest.raises(msgspec.ValidationError, match="parser"):
        msgspec.convert({"parser": name}, Spec)


def test_the_counts_are_those_of_the_files(runner: Runner, site: Site) -> None:
    finished = runner(url_list(many_urls(site, hosts=3, pages=10)))

    in_files = Counter(str(outcome.outcome) for outcome in final_outcomes(runner.folder).values())
    assert in_files == finished.progress.outcomes
    [job] = finished.jobs
    assert job.ledger.final == finished.progress.outcomes


def test_a_second_run_fetches_nothing(runner: Runner, site: Site) -> None:
    urls = url_list(many_urls(site, hosts=4, pages=10))
    runner(urls)
    visits = len(site.visits)
    files = {p: p.stat().st_mtime_ns for p in runner.folder.glob("results/*/*")}

    again = runner(urls)

    assert len(site.visits) == visits
    assert {p: p.stat().st_mtime_ns for p in runner.folder.glob("results/*/*")} == files
    assert again.complete
    assert (again.progress.done, again.progress.earlier) == (40, 40)


def test_another_spec_is_another_job(runner: Runner, site: Site) -> None:
    urls = many_urls(site, hosts=1, pages=3)
    runner(url_list(urls))

    again = runner(url_list(urls, spec=b"fetch: {timeout: 9, pause: 0, robots: ignore}"))

    assert len(site.visits) == 6
    [job] = again.jobs
    assert job.manifest is not None
    assert job.manifest.spec.fetch.timeout == 9
    [former] = {path.name for path in runner.folder.glob("jobs/*")} - {job.id}
    assert [text for text in runner.display.said if "new job" in text] == [
        (
            "urls.txt: this is a new job, and all its pages are fetched: the spec, a file of the "
            f"Python parsers, or AllowPrivateNetworks is not as it was in {former}"
        )
    ]
    runner(url_list(urls))
    runner(url_list([*urls, urls[0]]))
    assert len([text for text in runner.display.said if "new job" in text]) == 1


def test_a_new_job_is_compared_with_the_one_that_was_run_last_of_its_list(
    runner: Runner, site: Site
) -> None:
    """The first one, which was run again; and none of another list of that name and content."""
    urls = many_urls(site, hosts=1, pages=1)
    specs = [f"fetch: {{timeout: {n}, pause: 0, robots: ignore}}".encode() for n in (7, 8, 9)]
    [first] = runner(url_list(urls, spec=specs[0])).jobs
    runner(url_list(urls, spec=specs[1]))
    runner(url_list(urls, spec=specs[0]))
    runner.display.said.clear()

    runner(url_list(urls, spec=specs[2])._replace(name="elsewhere/urls.txt"))
    runner(url_list(urls, spec=specs[2][:-1] + b", max_idle: 1}"))

    [said] = [text for text in runner.display.said if "new job" in text]
    assert said.endswith(f"is not as it was in {first.id}")


def test_what_a_run_left_undone_is_done_by_the_next(runner: Runner, site: Site) -> None:
    """As after a crash between any two files of a batch."""
    urls = url_list(many_urls(site, hosts=6, pages=5))
    [job] = runner(urls).jobs
    receipts = sorted((runner.folder / job_prefix(job.id) / "receipts").iterdir())
    receipts[0].unlink()  # committed, not acknowledged
    lost = receipts[1].name.partition(".")[0]  # not even committed
    receipts[1].unlink()
    (runner.folder / f"results/job={job.id}/{lost}.jsonl.gz").unlink()
    visits = len(site.visits)

    again = runner(urls)

    assert again.complete
    assert len(final_outcomes(runner.folder)) == 30
    assert len(site.visits) == visits + 5


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def overwrite(path: Path) -> None:
    path.write_bytes(gzip.compress(b"hello"))


@pytest.mark.parametrize("damage", [Path.unlink, cut_off, empty, overwrite])
def test_results_that_are_gone_or_cut_off_are_fetched_again(
    runner: Runner, site: Site, damage: Callable[[Path], None]
) -> None:
    urls = url_list(many_urls(site, hosts=6, pages=5))
    [job] = runner(urls).jobs
    before = sorted(final_outcomes(runner.folder))
    damaged, *whole = sorted(runner.folder.glob("results/*/*.gz"))
    kept = {path: path.read_bytes() for path in whole}
    damage(damaged)
    visits = len(site.visits)
    found = look_at(Folder(runner.folder), job.id)
    assert (found.state, found.lost_batches) == (State.INCOMPLETE, 1)

    again = runner(urls)

    assert [job.refetched for job in again.jobs] == [1]
    assert "results of an earlier run are gone or cut off" in runner.display.said[-1]
    assert again.complete
    assert sorted(final_outcomes(runner.folder)) == before
    assert len(site.visits) == visits + found.lost
    assert {path: path.read_bytes() for path in whole} == kept
    assert look_at(Folder(runner.folder), job.id).state is State.COMPLETE
    assert [job.refetched for job in runner(urls).jobs] == [0]


def test_what_a_damaged_batch_has_deferred_is_not_there_twice(runner: Runner, site: Site) -> None:
    """Fetched again, a target may not be deferred again, and would have two outcomes."""
    site.page("/end", "End")
    for n in range(6):
        site.reply(f"/{n}", moved(f"http://next{n}.example/end"))
    urls = url_list([f"http://first.example/{n}" for n in range(6)])
    [job] = runner(urls).jobs
    parent = runner.folder / results_key(job.id, "00000-000000")
    cut_off(parent)
    for n in range(6):
        site.page(f"/{n}", "not moved any more")

    again = runner(urls)

    assert again.complete
    assert len(all_outcomes(runner.folder)) == len(final_outcomes(runner.folder)) == 6


def test_what_was_deferred_is_done_once_however_the_run_before_ended(
    runner: Runner, site: Site
) -> None:
    """A batch that has to say again what it deferred does not have it fetched again."""
    site.page("/end", "End")
    for n in range(6):
        site.reply(f"/{n}", moved(f"http://next{n}.example/end"))
    urls = url_list([f"http://first.example/{n}" for n in range(6)])
    [job] = runner(urls).jobs
    receipts = runner.folder / job_prefix(job.id) / "receipts"
    children = sorted(path for path in receipts.iterdir() if re.match(r"\d+-\d+-\d", path.name))
    assert len(children) > 1
    [parent] = [path for path in receipts.iterdir() if "children" in path.name]
    parent.unlink()  # as if the run had been killed before it was written
    children[0].unlink()
    outcomes = len(all_outcomes(runner.folder))
    visits = len(site.visits)

    again = runner(urls)

    assert again.complete
    assert len(site.visits) == visits
    assert len(all_outcomes(runner.folder)) == outcomes
    assert len(final_outcomes(runner.folder)) == 6
    assert len(list(receipts.iterdir())) == len(children) + 1


@pytest.fixture
def sandboxes(monkeypatch: pytest.MonkeyPatch) -> list[Sandbox]:
    """The sandboxes of the runs of a test, dispatcher and workers, as they are made."""
    made: list[Sandbox] = []

    class Recorded(Sandbox):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            made.append(self)

    monkeypatch.setattr(scatterfetch.localcloud.cloud, "Sandbox", Recorded)
    return made


def kill_workers(sandboxes: Sequence[Sandbox]) -> None:
    for sandbox in sandboxes:
        if "Worker" in sandbox.name and sandbox.pid:
            os.kill(sandbox.pid, signal.SIGKILL)


def test_a_run_that_cannot_begin_ends(
    runner: Runner, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the embedded server is stopped by would wait for one that was never started."""

    def refused(*_: object, **__: object) -> Sandbox:
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(scatterfetch.localcloud.cloud, "Sandbox", refused)

    with pytest.raises(OSError, match="temporarily unavailable"):
        runner(url_list(many_urls(site, hosts=1, pages=1)))


def test_killed_workers_lose_no_url(
    runner: Runner, site: Site, sandboxes: list[Sandbox], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LocalCloud, "dead_seconds", 0.0)
    urls = many_urls(site, hosts=8, pages=20)

    def kill_at(_: str) -> None:
        if len(site.visits) in {10, 60}:  # a third time would be one too many for maxReceiveCount
            kill_workers(sandboxes)

    site.on_visit = kill_at

    finished = runner(url_list(urls), workers=2)

    assert finished.complete
    assert set(final_outcomes(runner.folder)) == set(urls)
    assert len(all_outcomes(runner.folder)) == len(urls)
    assert any(
        "was killed by SIGKILL; its messages are delivered again" in s for s in runner.display.said
    )


def test_the_pause_of_a_host_outlasts_its_worker(
    runner: Runner, site: Site, sandboxes: list[Sandbox], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody else knows when the worker has asked, nor what robots.txt or an answer asks for."""
    assert LocalCloud.dead_seconds == LONG_PAUSE
    monkeypatch.setattr(LocalCloud, "dead_seconds", 2.0)
    asked: list[float] = []

    def kill_first(_path: str) -> None:
        asked.append(time.monotonic())
        if len(asked) == 1:
            kill_workers(sandboxes)

    site.on_visit = kill_first

    finished = runner(url_list(many_urls(site, hosts=1, pages=1)), workers=2)

    assert finished.complete
    first, second = asked
    assert second - first >= LocalCloud.dead_seconds
    assert any("begins again in 2 s" in said for said in runner.display.said)


def test_a_batch_that_always_kills_its_worker_does_not_stop_the_others(
    runner: Runner, site: Site, sandboxes: list[Sandbox], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LocalCloud, "dead_seconds", 0.0)
    urls = many_urls(site, hosts=4, pages=5)
    site.on_visit = lambda path: kill_workers(sandboxes) if path == "/deadly" else None

    finished = runner(url_list([*urls, "http://deadly.example/deadly"]), workers=1)

    assert finished.complete
    outcomes = final_outcomes(runner.folder)
    deadly = outcomes.pop("http://deadly.example/deadly")
    assert (deadly.outcome, deadly.reason) == (Kind.DEAD, Reason.WORKER_DIED)
    assert set(outcomes) == set(urls)
    assert site.paths().count("/deadly") == UNFETCHED_FROM - 1


def test_a_website_that_fails_by_chance_is_scraped_to_the_last_page(
    runner: Runner, site: Site
) -> None:
    """And what the summary says is what the result lines add up to."""
    urls = many_urls(site, hosts=40, pages=25)
    site.failures, site.rng = 0.05, Random(7)
    spec = b"fetch: {pause: 0, per_host: 4, robots: ignore, attempts: 10, timeout: 3, wait_max: 2}"

    finished = runner(url_list(urls, spec), workers=2)

    assert finished.complete
    outcomes = all_outcomes(runner.folder)
    final = [outcome for outcome in outcomes if outcome.outcome is not Kind.DEFERRED]
    assert {outcome.url for outcome in final if outcome.outcome is Kind.SCRAPED} == set(urls)
    assert len(final) == len(urls) == 1_000
    assert len(site.visits) > 1_020  # some did fail
    [job] = finished.jobs
    summary = decode_summary((runner.folder / summary_key(job.id)).read_bytes())
    assert summary.outcomes == {"scraped": 1_000, "failed": 0, "skipped": 0, "dead": 0}
    assert summary.reasons == {}
    assert summary.targets == summary.urls == 1_000
    assert summary.statuses == Counter(outcome.status for outcome in final)
    assert summary.deferred == Counter(o.reason for o in outcomes if o.outcome is Kind.DEFERRED)
    assert summary.bytes == sum(outcome.bytes for outcome in final)
    assert summary.wire_bytes == sum(outcome.wire_bytes for outcome in final)
    assert summary.batches == len(list(runner.folder.glob("results/*/*")))
    times = sorted(outcome.elapsed_ms for outcome in final)
    assert summary.latency_ms["p90"] == pytest.approx(times[899], rel=0.05, abs=1)
    assert summary.worst_hosts == []


def template_with(tmp_path: Path, pattern: str, replacement: str) -> Path:
    text, count = re.subn(pattern, replacement, TEMPLATE.read_text())
    assert count >= 1, pattern
    path = tmp_path / "template.yaml"
    path.write_text(text)
    return path


def test_the_templates_environment_is_the_workers(
    runner: Runner, site: Site, tmp_path: Path
) -> None:
    edited = template_with(tmp_path, r"USER_AGENT: .*", "USER_AGENT: edited/1 (+https://e.example)")

    runner(url_list(many_urls(site, hosts=1, pages=1)), template=edited)

    assert site.user_agents == {"edited/1 (+https://e.example)"}


@pytest.mark.parametrize("most", [2, 3])
def test_the_templates_maximum_concurrency_bounds_the_workers(
    runner: Runner, site: Site, tmp_path: Path, most: int, sandboxes: list[Sandbox]
) -> None:
    edited = template_with(
        tmp_path, r"MaximumConcurrency: !If.*WorkerConcurrency.*", f"MaximumConcurrency: {most}"
    )

    runner(url_list(many_urls(site, hosts=2, pages=1)), workers=4, template=edited)

    assert sum("Worker" in sandbox.name for sandbox in sandboxes) == most


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        pytest.param(
            "DATA_BUCKET: !Ref DataBucket", 'DATA_BUCKET: ""', "InvalidJobError", id="raises"
        ),
        pytest.param(
            "WORK_QUEUE_URL: !Ref WorkQueue",
            "WORK_QUEUE_URL: !Ref DispatchQueue",
            "a message failed for the",
            id="reports its message",
        ),
    ],
)
def test_the_templates_visibility_timeout_is_the_queues(
    runner: Runner, site: Site, tmp_path: Path, variable: str, value: str, said: str
) -> None:
    """A message whose handler fails comes back when it is over, and not before."""
    edited = template_with(tmp_path, r"VisibilityTimeout: \d+", "VisibilityTimeout: 1")
    text, count = re.subn(r"maxReceiveCount: \d+", "maxReceiveCount: 3", edited.read_text())
    assert count
    dispatcher = text.index("  DispatcherFunction:")
    edited.write_text(text[:dispatcher] + text[dispatcher:].replace(variable, value, 1))

    finished = runner(url_list(many_urls(site, hosts=1, pages=1)), template=edited)

    assert len([text for text in runner.display.said if said in text]) == 3
    assert finished.dead_letters == 1
    assert finished.progress.elapsed > 2  # it was hidden twice, for a second each
    assert site.log == []


def test_workers_that_do_nothing_but_fail_end_the_run(
    runner: Runner, site: Site, tmp_path: Path
) -> None:
    """A wake would come back for ever, and nobody would know what is waited for."""
    edited = template_with(tmp_path, r"DEAD_LETTER_QUEUE_URL: !Ref DispatchDLQ", "NOTHING: x")

    finished = runner(url_list(many_urls(site, hosts=1, pages=1)), template=edited)

    failures = [text for text in runner.display.said if "`dead_letter_queue_url`" in text]
    assert len(failures) == 3
    assert not finished.complete


def test_a_parameter_reaches_the_dispatcher(runner: Runner, site: Site) -> None:
    [job] = runner(url_list(many_urls(site, hosts=1, pages=5)), BatchSize="2").jobs

    assert job.ledger.batches == 3


def test_an_interrupt_keeps_what_is_done_and_the_next_run_goes_on(
    runner: Runner, site: Site
) -> None:
    urls = url_list(many_urls(site, hosts=10, pages=20))
    main = threading.main_thread().ident
    assert main is not None

    def interrupt_at(_: str) -> None:
        if len(site.visits) == 30:
            signal.pthread_kill(main, signal.SIGINT)

    site.on_visit = interrupt_at
    first = runner(urls, workers=1)
    done = final_outcomes(runner.folder)
    assert first.interrupted
    assert not first.complete
    assert 0 < len(done) < 200

    second = runner(urls)

    assert second.complete
    assert len(final_outcomes(runner.folder)) == 200
    assert len(site.visits) == 200


def test_progress_is_shown_while_it_happens(runner: Runner, site: Site) -> None:
    runner(url_list(many_urls(site, hosts=10, pages=30)), workers=1)

    done = [progress.done for progress in runner.display.shown]
    assert done == sorted(done)
    assert len(set(done)) > 2
    assert any(progress.hosts for progress in runner.display.shown)


def test_the_files_of_a_job_are_where_the_bucket_would_have_them(
    runner: Runner, site: Site
) -> None:
    site.page("/a", "A")
    lists = url_list(["http://a.example/a", "/about"])

    [job] = runner(lists).jobs

    assert sorted(p.name for p in (runner.folder / job_prefix(job.id)).iterdir()) == [
        "announced",
        "dispatched",
        "manifest.json",
        "plan",
        "receipts",
        "rejected",
        "run.json",
        "summary.json",
    ]
    [line] = (runner.folder / rejected_key(job.id, 0)).read_text().splitlines()
    assert json.loads(line)["line"] == 2


def test_a_run_that_is_resumed_sends_what_is_written(runner: Runner, site: Site) -> None:
    """Another release may cut the list in another way; an id means the URLs that it meant."""
    lists = url_list(many_urls(site, hosts=3, pages=2))
    [job] = runner(lists).jobs
    plan = runner.folder / plan_key(job.id, 0)
    written = gzip.decompress(plan.read_bytes())
    first, second = b'"00000-000000"', b'"00000-000001"'
    swapped = written.replace(first, b"?").replace(second, first).replace(b"?", second)
    plan.write_bytes(gzip.compress(swapped))
    before = {path.name: urls_in(path) for path in runner.folder.glob("results/*/*")}
    shutil.rmtree(runner.folder / "results")

    runner(lists)

    after = {path.name: urls_in(path) for path in runner.folder.glob("results/*/*")}
    names = [f"00000-00000{number}.jsonl.gz" for number in range(2)]
    assert [after[name] for name in names] == [before[name] for name in reversed(names)]


def test_what_a_host_has_asked_for_is_known_in_a_folder_of_another_release(
    runner: Runner, site: Site
) -> None:
    site.robots("User-agent: *\nCrawl-delay: 0")
    site.page("/0", "Page")
    site.page("/1", "Page")
    kind = b"fetch: {pause: 0}"
    runner(url_list(["http://a.example/0"], kind))
    lock = runner.folder / LOCK_KEY
    assert decode_lock(lock.read_bytes()).name == lock_name(LOCAL_PARTITIONS)
    others = 41
    lock.write_bytes(encode_lock(Lock(name=lock_name(others))))
    mine, theirs = (
        runner.folder / state_key(partition_of("a.example", count))
        for count in (LOCAL_PARTITIONS, others)
    )
    assert mine != theirs
    mine.rename(theirs)

    assert runner(url_list(["http://a.example/1"], kind)).complete

    paths = [entry.path for entry in site.log]
    assert Counter(paths) == {"/robots.txt": 1, "/0": 1, "/1": 1}
    assert decode_lock(lock.read_bytes()).former == others


def test_a_table_has_the_job_that_was_run_last_of_each_list(
    runner: Runner, site: Site, tmp_path: Path
) -> None:
    """Also if its spec or its URLs are those of an earlier one, and there was nothing to do."""
    site.page("/1", "One")
    site.page("/2", "Two")
    folder = Folder(runner.folder)

    def ran(shop: str, number: int) -> str:
        path = tmp_path / shop / "shop" / "urls.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"http://a.example/{number}\n")
        path.with_name("spec.yaml").write_bytes(HURRY)
        [job] = runner(*read_lists([path], [], spec=None)).jobs
        return job.id

    def older() -> dict[str, list[str]]:
        manifests = manifests_of(folder, folder.folders(JOBS))
        return older_jobs(manifests, runs_of(folder, manifests))

    first, second = ran("a", 1), ran("b", 2)
    assert older() == {}  # the lists have one name, and are two

    assert ran("b", 1) == first  # two lists of one name and content are one job
    assert older() == {first: [second]}

    assert ran("b", 2) == second
    assert older() == {}  # `first` is still the last job of the other list

    assert ran("a", 2) == second
    assert older() == {second: [first]}


def test_a_list_that_was_moved_together_with_its_results_is_the_same(
    runner: Runner, site: Site, tmp_path: Path
) -> None:
    site.page("/1", "One")
    site.page("/2", "Two")
    jobs = []
    for number, root in enumerate(["day", "day2"], start=1):
        path = tmp_path / root / "shop/urls.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"http://a.example/{number}\n")
        path.with_name("spec.yaml").write_bytes(HURRY)
        runner.folder = tmp_path / root / "out"
        [job] = runner(*read_lists([path], [], spec=None)).jobs
        jobs.append(job.id)
        if number == 1:
            (tmp_path / "day").rename(tmp_path / "day2")

    folder = Folder(runner.folder)
    manifests = manifests_of(folder, folder.folders(JOBS))
    assert older_jobs(manifests, runs_of(folder, manifests)) == {jobs[1]: [jobs[0]]}


def lists_called_alike(folder: Path, **paths: str) -> dict[str, UrlList]:
    """Return lists of one name in folders of one name, each with a spec of its own."""
    files = {name: folder / name / "shop/urls.txt" for name in paths}
    for name, path in files.items():
        path.parent.mkdir(parents=True)
        path.write_text(f"http://a.example{paths[name]}\n")
        path.with_name("spec.yaml").write_text(
            f"fetch: {{pause: 0, robots: ignore, user_agent: {name}@shop.example}}"
        )
    return dict(zip(files, read_lists([*files.values()], [], spec=None), strict=True))


def test_lists_of_folders_that_are_called_alike_are_the_same_jobs_in_any_order(
    runner: Runner, site: Site, tmp_path: Path
) -> None:
    site.page("/1", "One")
    site.page("/2", "Two")
    lists = lists_called_alike(tmp_path, a="/1", b="/2")

    ids = [{job.id for job in runner(lists["a"], lists["b"]).jobs}]
    ids += [{job.id for job in runner(lists["b"], lists["a"]).jobs}]
    ids += [{job.id for job in runner(lists[name]).jobs} for name in "ba"]

    assert len(ids[0]) == 2
    assert ids[1] == ids[0] == ids[2] | ids[3]
    assert {(entry.path, entry.user_agent) for entry in site.log} == {
        ("/1", "a@shop.example"),
        ("/2", "b@shop.example"),
    }
    assert len(site.log) == 2


def test_a_list_is_read_where_it_is_in_this_run(runner: Runner, site: Site, tmp_path: Path) -> None:
    """The manifest of an earlier run names the bucket that it was in at that time."""
    site.page("/1", "One")
    site.page("/2", "Two")
    lists = lists_called_alike(tmp_path, a="/1", b="/2")
    for job in runner(lists["a"], lists["b"]).jobs:
        for path in (runner.folder / job_prefix(job.id)).iterdir():
            if path.is_dir():
                shutil.rmtree(path)
    shutil.rmtree(runner.folder / "results")

    again = runner(lists["b"], lists["a"])

    assert again.complete
    assert [job.problem for job in again.jobs] == [None, None]
    assert Counter((entry.path, entry.user_agent) for entry in site.log) == {
        ("/1", "a@shop.example"): 2,
        ("/2", "b@shop.example"): 2,
    }


def test_lists_that_are_equal_but_for_their_place_are_one_job(
    runner: Runner, site: Site, tmp_path: Path
) -> None:
    site.page("/1", "One")
    lists = lists_called_alike(tmp_path, a="/1", b="/1")
    equal = lists["b"]._replace(spec=lists["a"].spec)

    [job] = runner(lists["a"], equal).jobs

    assert len(site.log) == 1
    assert sorted(last_runs(Folder(runner.folder), job.id)) == [
        "../a/shop/urls.txt",
        "../b/shop/urls.txt",
    ]
    assert any("so both are one job" in text for text in runner.display.said)


def files_in(folder: Path) -> dict[Path, bytes]:
    """Return what there is of jobs in `folder`."""
    paths = [path for area in ("jobs", "results") for path in (folder / area).rglob("*")]
    # When a job was last run is new with each run, also where there is nothing to do.
    files = [path for path in paths if path.is_file() and path.name != "run.json"]
    return {path: path.read_bytes() for path in files}


@pytest.mark.parametrize("gone", [(), ("summary.json", "announced")])
def test_a_finished_job_of_release_0_1_is_left_as_it_is(
    runner: Runner, site: Site, gone: Sequence[str]
) -> None:
    """That release did not write down which URLs its batches hold; of this one none is left."""
    lists = url_list(many_urls(site, hosts=2, pages=1))
    [job] = runner(lists).jobs
    before = files_in(runner.folder)
    shutil.rmtree(runner.folder / plan_prefix(job.id))
    for name in gone:
        (runner.folder / job_prefix(job.id) / name).unlink()
    visits = len(site.visits)

    again = runner(lists)

    assert report(again, Folder(runner.folder)) == 0
    assert again.progress.outcomes == {"scraped": 2}
    assert len(site.visits) == visits
    kept = files_in(runner.folder)
    assert kept.keys() == {path for path in before if path.parent.name != "plan"}


def cut_by_a_third(path: Path) -> None:
    body = path.read_bytes()
    path.write_bytes(body[: len(body) * 2 // 3])


def cut_behind_its_head(path: Path) -> None:
    """As gzip has it, this is a whole file."""
    head = gzip.decompress(path.read_bytes()).splitlines(keepends=True)[0]
    path.write_bytes(gzip.compress(head))


def fill_with_text(path: Path) -> None:
    head = gzip.decompress(path.read_bytes()).splitlines(keepends=True)[0]
    path.write_bytes(gzip.compress(head + b"hello\n"))


@pytest.mark.parametrize(
    "damage", [Path.unlink, empty, cut_by_a_third, cut_behind_its_head, overwrite, fill_with_text]
)
def test_a_list_is_refused_alone_if_nobody_can_tell_what_is_left_of_it(
    runner: Runner, site: Site, damage: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    lists = url_list(many_urls(site, hosts=2, pages=1))
    [job] = runner(lists).jobs
    plan = runner.folder / plan_key(job.id, 0)
    damage(plan)
    min(runner.folder.glob("results/*/*.gz")).unlink()
    before = files_in(runner.folder)
    site.page("/other", "Other")
    other = UrlList("other.txt", "test/other.txt", b"http://c.example/other\n", HURRY)

    again = runner(lists, other)

    assert report(again, Folder(runner.folder)) == 1
    refused, done = again.jobs
    assert f"{plan.parent}" in f"{refused.problem}"
    assert "use another folder" in f"{refused.problem}".lower()
    assert f"scatterfetch: {refused.problem}" in capsys.readouterr().err
    assert done.ledger.final == {"scraped": 1}
    assert site.paths().count("/other") == 1
    after = files_in(runner.folder)
    assert {path: after.get(path) for path in before} == before  # nothing of it is taken away
    assert look_at(Folder(runner.folder), job.id).state is State.INCOMPLETE
    assert report(runner(lists), Folder(runner.folder)) == 2


def urls_in(path: Path) -> set[str]:
    return {outcome.url for outcome in read_outcomes(path)}


@pytest.mark.parametrize("operation", ["write_bytes", "replace"])
def test_a_full_disk_is_no_lost_url(
    runner: Runner, site: Site, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    """What cannot be kept is refused, and tried again."""
    urls = url_list(many_urls(site, hosts=2, pages=5))
    original = getattr(Path, operation)
    refused: list[Path] = []

    def full(path: Path, *args: Any) -> Any:
        if "results" in str(path) and len(refused) < 3:
            refused.append(path)
            raise OSError(errno.ENOSPC, "No space left on device")
        return original(path, *args)

    monkeypatch.setattr(Path, operation, full)

    finished = runner(urls)

    assert len(refused) == 3
    assert finished.complete
    assert len(final_outcomes(runner.folder)) == 10


def test_lists_have_the_spec_beside_them(tmp_path: Path) -> None:
    for folder in ("books", "films", "other/books"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "urls.txt").write_text("http://a.example/")
    (tmp_path / "books/spec.yaml").write_text("fetch: {timeout: 3}")
    files = [tmp_path / f / "urls.txt" for f in ("books", "films", "other/books")]

    lists = read_lists(files, ["http://b.example/"], spec=None)

    assert [(one.key, one.spec) for one in lists] == [
        ("books/urls.txt", b"fetch: {timeout: 3}"),
        ("films/urls.txt", None),
        ("books/urls.txt", None),
        ("command-line/urls.txt", None),
    ]


def test_a_wrong_spec_is_refused_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "urls.txt").write_text("http://a.example/")
    spec = tmp_path / "my.yaml"
    spec.write_text("fetch: {timout: 3}")

    with pytest.raises(InvalidJobError, match=r"my\.yaml:\d+: fetch\.timout: there is no timout"):
        read_lists([tmp_path / "urls.txt"], [], spec=spec)


def test_a_list_on_disk_is_dispatched_from_there(
    runner: Runner, site: Site, tmp_path: Path
) -> None:
    """Method, input and all; and the same file is the same job, wherever it is read."""
    site.page("/a", "A")
    site.page("/b", "B")
    (tmp_path / "spec.yaml").write_bytes(HURRY)
    path = tmp_path / "urls.jsonl.gz"
    lines = (
        b'{"url":"http://a.example/a","meta":{"id":1}}\n'
        b'{"url":"http://b.example/b","method":"POST","body":"q"}\n'
    )
    path.write_bytes(gzip.compress(lines, mtime=0))

    finished = runner(*read_lists([path], [], spec=None))

    assert finished.complete
    outcomes = final_outcomes(runner.folder)
    assert outcomes["http://a.example/a"].input == {"id": 1}
    assert outcomes["http://b.example/b"].method == "POST"
    assert sorted(site.requests) == [("GET", "/a", b""), ("POST", "/b", b"q")]
    [job] = finished.jobs
    assert job.manifest is not None
    assert job.manifest.etag == f'"{hashlib.md5(path.read_bytes()).hexdigest()}"'


@pytest.mark.parametrize("source", ["http://a.example/sitemap.xml", "index.xml"])
def test_what_a_sitemap_lists_is_scraped(
    runner: Runner, site: Site, tmp_path: Path, source: str
) -> None:
    """By its URL, or as a file that names others; once, though it is run again."""
    site.page("/x", "X")
    text = "<urlset><url><loc>http://a.example/x</loc></url></urlset>"
    site.reply("/sitemap.xml", web.Response(text=text, content_type="text/xml"))
    spec = tmp_path / "spec.yaml"
    spec.write_bytes(HURRY)
    index = "<sitemap><loc>http://a.example/sitemap.xml</loc></sitemap>"
    (tmp_path / "index.xml").write_text(f"<sitemapindex>{index}</sitemapindex>")
    named = source if "://" in source else str(tmp_path / source)

    finished = runner(*read_sources([named], spec=spec))
    again = runner(*read_sources([named], spec=spec))

    assert finished.complete
    assert again.complete
    final = final_outcomes(runner.folder)
    assert [row["title"] for row in final["http://a.example/x"].rows] == ["X"]
    assert final["http://a.example/sitemap.xml"].rows == []
    assert sorted(site.paths()) == ["/sitemap.xml", "/x"]


BROKEN = web.Response(status=500)


def dying_list(site: Site) -> UrlList:
    """Return a list of which two targets die once, one for ever, and one is scraped."""
    posts = [
        {
            "url": f"http://{host}.example/form",
            "method": "POST",
            "headers": {"X-Key": host},
            "body": f"of {host}",
            "meta": {"shop": host},
        }
        for host in ("a", "b")
    ]
    site.reply("/form", BROKEN, BROKEN, web.Response(text="<title>In</title>"))
    site.reply("/down", BROKEN)
    site.page("/up", "Up")
    urls = [*posts, {"url": "http://c.example/down"}, {"url": "http://d.example/up"}]
    body = b"".join(msgspec.json.encode(one) + b"\n" for one in urls)
    spec = b"fetch: {pause: 0, robots: ignore, attempts: 1}"
    return UrlList("urls.jsonl", "test/urls.jsonl", body, spec)


def status_in(runner: Runner) -> Status:
    [job] = (runner.folder / "jobs").iterdir()
    return look_at(Folder(runner.folder), job.name)


def last_outcomes(runner: Runner) -> dict[str, str]:
    """Return by URL the outcome that tables show."""
    records = Table(find_results(runner.folder), outcomes=True).records()
    return {f"{record['url']}": f"{record['outcome']}" for record in records}


def test_dead_targets_get_another_life(runner: Runner, site: Site) -> None:
    """With what only the list says of them; what becomes of them then is their outcome."""
    urls = dying_list(site)
    assert runner(urls).progress.outcomes == {"dead-http_5xx": 3, "scraped": 1}
    visits = len(site.visits)

    assert redrive_targets(Folder(runner.folder), None).total() == 3
    between = status_in(runner)
    finished = runner(urls)

    assert (between.state, between.under_way, between.adds_up) == (State.STOPPED, 3, True)
    assert between.outcomes == {"scraped": 1}
    assert finished.complete
    assert finished.progress.outcomes == {"dead-http_5xx": 1, "scraped": 3}
    assert finished.progress.done - finished.progress.earlier == 3
    assert sorted(site.requests[visits:]) == [
        ("GET", "/down", b""),
        ("POST", "/form", b"of a"),
        ("POST", "/form", b"of b"),
    ]
    assert last_outcomes(runner) == {
        "http://a.example/form": "scraped",
        "http://b.example/form": "scraped",
        "http://c.example/down": "dead",
        "http://d.example/up": "scraped",
    }
    status = status_in(runner)
    assert (status.state, status.adds_up) == (State.COMPLETE, True)
    assert status.outcomes == {"dead-http_5xx": 1, "scraped": 3}
    summary = decode_summary((runner.folder / summary_key(status.job)).read_bytes())
    assert (summary.outcomes["scraped"], summary.outcomes["dead"]) == (3, 1)

    site.page("/down", "Up again")
    assert runner(urls).progress.outcomes["dead-http_5xx"] == 1  # nobody has asked
    assert redrive_targets(Folder(runner.folder), None).total() == 1
    assert runner(urls).progress.outcomes == {"scraped": 4}
    assert runner(urls).progress.outcomes == {"scraped": 4}
    assert len(site.visits) == visits + 4


def test_another_life_goes_on_where_the_last_run_stopped(runner: Runner, site: Site) -> None:
    """As after a crash with one letter untouched, and one committed and not acknowledged."""
    urls = dying_list(site)
    [job] = runner(urls).jobs
    redrive_targets(Folder(runner.folder), job.id)
    runner(urls)
    receipts = sorted((runner.folder / job_prefix(job.id) / "receipts").glob("*-r1.*"))
    assert len(receipts) == 3  # of three partitions
    untouched = receipts[0].name.partition(".")[0]
    for receipt in receipts[:2]:
        receipt.unlink()
    (runner.folder / results_key(job.id, untouched)).unlink()
    visits = len(site.visits)

    again = runner(urls)

    assert again.complete
    assert again.progress.outcomes == {"dead-http_5xx": 1, "scraped": 3}
    assert len(site.visits) == visits + 1
    assert status_in(runner).adds_up


def test_another_life_waits_for_its_own_list(runner: Runner, site: Site) -> None:
    """Another list is another job; what was redriven stays under way until its own comes."""
    urls = dying_list(site)
    [job] = runner(urls).jobs
    redrive_targets(Folder(runner.folder), job.id)

    runner(url_list(many_urls(site, hosts=1, pages=1)))

    assert look_at(Folder(runner.folder), job.id).under_way == 3
    assert runner(urls).progress.outcomes == {"dead-http_5xx": 1, "scraped": 3}
