"""The documentation is tested: what it names exists, and what exists is named."""

import re
from collections import Counter
from pathlib import Path

import pytest

from functions.dispatcher.counts import MAX_REJECTED
from functions.dispatcher.lists import MAX_ROW_BYTES
from functions.worker.bounds import USABLE, bounds_of
from functions.worker.extraction.documents.complexity import MAX_TAGS
from functions.worker.extraction.following.link import (
    MAX_CARRY_BYTES,
    MAX_LINKS_BYTES,
    MAX_SITEMAP_LINKS,
    MAX_SITEMAP_LINKS_BYTES,
)
from functions.worker.extraction.following.link import MAX_LINKS as MAX_FOLLOWED
from functions.worker.extraction.readymade.hyperlinks import MAX_LINK_BYTES, MAX_LINKS
from functions.worker.extraction.readymade.titles import MAX_TITLE
from functions.worker.extraction.rows import MAX_ROWS_BYTES
from functions.worker.scraping.pending import MAX_HOPS
from functions.worker.scraping.scope import MAX_NESTED
from functions.worker.scraping.scrape import LAST_SECONDS
from functions.worker.scraping.verdicts import MAX_SLOWDOWNS
from scatterfetch.pages.probe import worker_settings
from shared.crawl_spec import MAX_FOLLOW, MAX_KINDS
from shared.errors import Reason
from shared.fetch_spec import MAX_SITEMAP_BYTES
from shared.manifest import SHARD_BYTES
from shared.outcomes import AddressedOutcome, NotedOutcome, final_kind
from shared.url_text import MAX_LINE_BYTES
from shared.urls import MAX_URL_BYTES
from tests import ROOT
from tests.chaos.scenarios import SCENARIOS

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def rows(page: str, heading: str) -> list[str]:
    """Return the names in the first column of the first table below `heading`."""
    text = (ROOT / page).read_text().partition(heading)[2]
    table = text.partition("\n|")[2].partition("\n\n")[0]
    first_cells = [line.split("|")[0 if line[0] != "|" else 1] for line in table.splitlines()]
    return [name for cell in first_cells[2:] for name in re.findall(r"`(\w+)`", cell)]


def test_every_column_of_the_results_is_described() -> None:
    described = set(rows("docs/spec.md", "## The results"))
    fields = {*AddressedOutcome.__struct_fields__, *NotedOutcome.__struct_fields__}
    assert described == fields


def test_every_reason_is_described() -> None:
    assert set(rows("docs/spec.md", "\nReasons.")) == set(Reason)


def test_what_becomes_of_each_reason_is_described() -> None:
    table = (ROOT / "docs/spec.md").read_text().partition("\nReasons.")[2]
    for line in re.findall(r"^\| (`.*) \|$", table, re.MULTILINE):
        names, kind, again, _ = (cell.strip() for cell in line.split(" |"))
        for reason in map(Reason, re.findall(r"`(\w+)`", names)):
            assert kind in {final_kind(reason), "deferred"}, reason
            if reason is not Reason.ROBOTS_UNREACHABLE:  # of the file, not of the page
                assert bool(again) == reason.retryable, reason


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())

    assert [target for target in targets if not (page.parent / target).exists()] == []


def guarantees() -> dict[str, str]:
    """Return the section of each guarantee by its heading."""
    sections = (ROOT / "docs/guarantees.md").read_text().split("\n## ")[1:]
    return {text.partition("\n")[0]: text for text in sections if text[0].isdecimal()}


def test_there_are_seven_guarantees() -> None:
    assert [heading.partition(".")[0] for heading in guarantees()] == list("1234567")


@pytest.mark.parametrize("heading", guarantees())
def test_tests_that_keep_a_guarantee_exist(heading: str) -> None:
    text = guarantees()[heading]
    tests = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text)
    scenarios = re.findall(r"chaos: (\w+)", text)

    assert tests
    for path, name in tests:
        assert re.search(rf"^(async )?def {name}\(", (ROOT / path).read_text(), re.MULTILINE), name
    assert set(scenarios) <= set(SCENARIOS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_make_targets_in_the_docs_exist(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text()
    named = re.findall(r"(?:\$ |`)make ([a-z0-9-]+)", page.read_text())

    assert [name for name in named if not re.search(rf"^{name}:", makefile, re.MULTILINE)] == []


@pytest.mark.parametrize(
    "limit",
    [
        f"{MAX_URL_BYTES:,} bytes",
        f"{MAX_LINE_BYTES:,} bytes",
        f"line of JSON, {MAX_ROW_BYTES:,}",
        f"{MAX_SITEMAP_BYTES:,} bytes each, unpacked; indexes that name each other: {MAX_NESTED}",
        f"the first {MAX_REJECTED:,} of a shard",
        f"a shard ({SHARD_BYTES // 1024**2} MiB of the unpacked list)",
        f"{MAX_SLOWDOWNS} answers of 429",
        f"{MAX_HOPS:,} times",
        f"{MAX_LINKS:,} | cut off",
        f"{MAX_LINK_BYTES // 1000} kB together",
        f"followed from a page | {MAX_FOLLOWED:,}, from a sitemap {MAX_SITEMAP_LINKS:,}",
        f"{MAX_LINKS_BYTES:,} bytes together",
        f"of a sitemap {MAX_SITEMAP_LINKS_BYTES:,}",
        f"a link carries | {MAX_CARRY_BYTES:,} bytes",
        f"kinds of a spec | {MAX_KINDS}, each with 100 patterns and {MAX_FOLLOW} elements",
        f"{MAX_TITLE:,} characters",
        f"{MAX_ROWS_BYTES:,} bytes of JSON",
        f"more than {MAX_TAGS:,} tags",
        f"open requests have {LAST_SECONDS:g} s more",
    ],
)
def test_limits_are_the_codes(limit: str) -> None:
    assert limit in (ROOT / "docs/limits.md").read_text()


@pytest.mark.parametrize("memory", [512, 1024, 1769, 3008])
def test_the_bounds_of_a_worker_are_the_codes(memory: int) -> None:
    bounds = bounds_of(worker_settings({"WorkerMemory": f"{memory}"}))
    of_bytes = (bounds.bodies, bounds.page, bounds.outcomes)
    cells = (f"{memory:,}", int(USABLE * memory), *(size // 1_000_000 for size in of_bytes))
    row = " | ".join(f"{cell}" for cell in (*cells, bounds.requests))

    assert f"| {row} |" in (ROOT / "docs/limits.md").read_text()


def test_the_changelog_says_nothing_twice() -> None:
    """Merges have left entries in it twice, and in the middle of others."""
    entries = re.split(r"^- ", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)[1:]
    lines = [line.strip() for entry in entries for line in entry.splitlines()]
    beginnings = [line[:80] for line in lines if len(line) > 80]

    assert [one for one, count in Counter(beginnings).items() if count > 1] == []
