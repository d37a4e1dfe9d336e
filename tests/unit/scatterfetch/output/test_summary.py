"""What is printed of jobs at their end."""

from pathlib import Path
from typing import Any

import pytest

from functions.dispatcher.summary import encode_summary, summarize
from scatterfetch.jobs.folder import Folder
from scatterfetch.jobs.progress import Finished, Job, Progress
from scatterfetch.lists.url_list import UrlList
from scatterfetch.output.summary import print_summary
from shared.crawl_spec import CrawlSpec, FollowSpec
from shared.keys import summary_key
from shared.manifest import Manifest
from shared.outcomes import CutLink
from shared.spec import Spec
from shared.start_spec import StartSpec
from shared.tally import Tally

NOWHERE = Progress(
    total=1, complete=True, outcomes={}, earlier=0, hosts=0, under_way=0, delayed={}, elapsed=1.0
)


@pytest.mark.parametrize(
    ("targets", "shown"), [(0, ["total 20+"]), (25, ["not done 5", "total 25"])]
)
def test_no_fewer_urls_than_outcomes_are_known(
    targets: int, shown: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An interrupted run may have read less of the list than the one before has done."""
    job = Job("j", UrlList("urls.txt", "a/urls.txt", b"", None))
    job.ledger.receipts["00000-000000"] = {"scraped": 20}
    if targets:
        job.ledger.dispatched["00000"] = {"batches": 2, "targets": targets}
    finished = Finished([job], NOWHERE, dead_letters=0, interrupted=True)

    print_summary(finished, Folder(tmp_path))

    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines[lines.index("scraped 20") + 1 :][: len(shown)] == shown
    assert not any("not done -" in line for line in lines)


CREATED = "2026-11-21T02:00:00.000+00:00"
NO_LINK = "No link was followed to a further page; `scatterfetch try URL --spec FILE` shows why."
NO_SITEMAP = (
    "No link was followed to a further page; `scatterfetch results --outcomes` shows what became "
    "of the sitemaps."
)


@pytest.mark.parametrize(
    ("crawl", "found", "cut", "said"),
    [
        (None, 0, {}, []),
        ({}, 3, {}, []),
        ({}, 0, {}, [NO_LINK]),
        ({}, 0, {"kind": 2}, [NO_LINK]),
        ({}, 3, {"kind": 2, "within": 1}, []),
        (
            {"depth": 7},
            3,
            {"depth": 1_234},
            [
                (
                    "1,234 links were not followed since crawl.depth is 7; raise crawl.depth to "
                    "follow them in a new job."
                ),
            ],
        ),
        (
            {"max_pages": 1, "max_pages_per_host": 9},
            0,
            {"max_pages": 1, "max_pages_per_host": 2},
            [
                (
                    "1 link was not followed since crawl.max_pages is 1; raise crawl.max_pages to "
                    "follow it in a new job."
                ),
                (
                    "2 links were not followed since crawl.max_pages_per_host is 9; raise "
                    "crawl.max_pages_per_host to follow them in a new job."
                ),
            ],
        ),
        (
            {},
            3,
            {"too_many": 5},
            [
                (
                    "5 links were not followed since a page has too many; narrow `follow` to "
                    "those that matter."
                ),
            ],
        ),
    ],
)
def test_a_crawl_says_what_has_ended_it(
    crawl: dict[str, Any] | None,
    found: int,
    cut: dict[str, int],
    said: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    job = Job("j", UrlList("urls.txt", "a/urls.txt", b"", None))
    follow = () if crawl is None else (FollowSpec(css="a"),)
    spec = Spec(follow=follow, crawl=CrawlSpec(**(crawl or {})))
    job.manifest = Manifest(job="j", spec=spec, partitions=1, batch_size=1, created_at=CREATED)
    job.ledger.receipts["00000-000000"] = {"scraped": 1 + found, "found": found}
    job.ledger.dispatched["00000"] = {"batches": 1, "targets": 1}
    tally = Tally(counts={"scraped": 1 + found, "found": found}, cut=cut)
    summary = summarize(job.manifest, job.ledger, tally, worker_memory=512, architecture="arm64")
    place = Folder(tmp_path)
    path = tmp_path / summary_key("j")
    path.parent.mkdir(parents=True)
    path.write_bytes(encode_summary(summary))

    print_summary(Finished([job], NOWHERE, dead_letters=0, interrupted=False), place)

    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if "followed" in line and "not followed:" not in line] == said


@pytest.mark.parametrize(
    ("start", "listed"),
    [
        pytest.param((), True, id="a list that is a sitemap"),
        pytest.param((StartSpec(sitemaps="a.example"),), False, id="a start"),
    ],
)
def test_a_job_whose_sitemaps_list_nothing_names_their_outcomes(
    start: tuple[StartSpec, ...], listed: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = Job("j", UrlList("urls.txt", "a/urls.txt", b"", None))
    job.manifest = Manifest(
        job="j",
        spec=Spec(start=start),
        partitions=1,
        batch_size=1,
        created_at=CREATED,
        sitemap=listed,
    )
    job.ledger.receipts["00000-000000"] = {"failed-http_404": 1}
    job.ledger.dispatched["00000"] = {"batches": 1, "targets": 1}
    tally = Tally(counts={"failed": 1})
    summary = summarize(job.manifest, job.ledger, tally, worker_memory=512, architecture="arm64")
    path = tmp_path / summary_key("j")
    path.parent.mkdir(parents=True)
    path.write_bytes(encode_summary(summary))

    print_summary(Finished([job], NOWHERE, dead_letters=0, interrupted=False), Folder(tmp_path))

    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if "was followed" in line] == [NO_SITEMAP]


def test_a_crawl_names_a_link_of_each_limit_and_where_many_were_redirected_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = Job("j", UrlList("urls.txt", "a/urls.txt", b"", None))
    job.manifest = Manifest(job="j", spec=Spec(), partitions=1, batch_size=1, created_at=CREATED)
    job.ledger.dispatched["00000"] = {"batches": 1, "targets": 1}
    links = tuple(
        CutLink(cut, f"http://a.example/[{number}]", "http://a.example/")
        for cut in ("depth", "within")
        for number in range(2)
    )
    tally = Tally(
        cut={"depth": 9, "within": 2},
        cut_links=links,
        same_redirects={"http://a.example/consent": 1_234, "http://a.example/[x]": 1},
    )
    summary = summarize(job.manifest, job.ledger, tally, worker_memory=512, architecture="arm64")
    path = tmp_path / summary_key("j")
    path.parent.mkdir(parents=True)
    path.write_bytes(encode_summary(summary))

    print_summary(Finished([job], NOWHERE, dead_letters=0, interrupted=False), Folder(tmp_path))

    said = capsys.readouterr().out
    assert "  depth: http://a.example/[0] on http://a.example/\n" in said
    assert "  within: http://a.example/[0] on http://a.example/\n" in said
    assert "1,235 URLs were redirected to a page that another one had led to" in said
    assert "  http://a.example/consent: 1,234\n  http://a.example/[x]: 1\n" in said
