"""The documentation is tested: what it names exists, and what exists is named."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from functions.dispatcher.lists import MAX_LINE_BYTES
from functions.worker.extract import MAX_LINK_BYTES, MAX_LINKS, MAX_TEXT
from functions.worker.scrape import MAX_HOPS, MAX_SLOWDOWNS
from shared.errors import Reason
from shared.outcomes import Outcome
from shared.spec import Spec
from shared.urls import MAX_URL_BYTES

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def rows(page: str, heading: str) -> list[str]:
    """Return the names in the first column of the first table below `heading`."""
    text = (ROOT / page).read_text().partition(heading)[2]
    table = text.partition("\n|")[2].partition("\n\n")[0]
    first_cells = [line.split("|")[0 if line[0] != "|" else 1] for line in table.splitlines()]
    return [name for cell in first_cells[2:] for name in re.findall(r"`(\w+)`", cell)]


def test_every_column_of_the_results_is_described() -> None:
    assert set(rows("docs/spec.md", "## The results")) <= set(Outcome.__struct_fields__)
    assert set(Outcome.__struct_fields__) <= set(rows("docs/spec.md", "## The results"))


def test_every_reason_is_described() -> None:
    assert set(rows("docs/spec.md", "\nReasons.")) == set(Reason)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())

    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_make_targets_in_the_docs_exist(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text()
    named = re.findall(r"(?:\$ |`)make ([a-z0-9-]+)", page.read_text())

    assert [name for name in named if not re.search(rf"^{name}:", makefile, re.MULTILINE)] == []


def yaml_examples() -> list[str]:
    return re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/spec.md").read_text(), re.DOTALL)


@pytest.mark.parametrize("text", yaml_examples())
def test_examples_of_specs_are_specs(text: str) -> None:
    content: Any = yaml.safe_load(text)

    msgspec.convert(content, Spec)


@pytest.mark.parametrize(
    "limit",
    [
        f"{MAX_URL_BYTES:,} bytes",
        f"{MAX_LINE_BYTES:,} bytes",
        f"{MAX_SLOWDOWNS} answers of 429",
        f"{MAX_HOPS:,} times",
        f"{MAX_LINKS:,} | cut off",
        f"{MAX_LINK_BYTES // 1000} kB together",
        f"{MAX_TEXT:,} characters",
    ],
)
def test_limits_are_the_codes(limit: str) -> None:
    assert limit in (ROOT / "docs/limits.md").read_text()
