"""The day a website changes its layout: a job that is not what its spec expects."""

from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess

import msgspec
import pytest
import yaml
from aiohttp import web

from tests.commandline import scatterfetch_here
from tests.site import Site, running_site

SPEC = """
fetch: {pause: 0, robots: ignore}
extract:
  key: sku
  fields: {sku: {css: .sku}, price: {css: .price, type: number}}
"""
EXPECT = """
expect: {filled: {price: 0.9}, failed: 0.2, against_last: {filled: 0.1}}
"""
PAGES = 10


@pytest.fixture
def site() -> Iterator[Site]:
    with running_site() as site:
        yield site


def day(site: Site, html: str) -> None:
    for number in range(PAGES):
        text = html.format(number)
        site.reply(f"/{number}", web.Response(text=text, content_type="text/html"))


def run(site: Site, folder: Path, spec: str, *args: str) -> CompletedProcess[str]:
    shop = folder / "shop"
    shop.mkdir(exist_ok=True)
    (shop / "spec.yaml").write_text(spec)
    (shop / "urls.txt").write_text("\n".join(site.url(f"/{n}") for n in range(PAGES)))
    local = ["--parameter", "AllowPrivateNetworks=true", "--workers", "1"]
    return scatterfetch_here("run", "shop/urls.txt", *args, *local, cwd=folder)


GOOD = "<p class=sku>{0}</p><p class=price>{0}</p>"


def test_a_changed_layout_is_unhealthy_and_says_which_column_lost_its_values(
    site: Site, tmp_path: Path
) -> None:
    day(site, GOOD)
    site.reply("/0", web.Response(status=404))  # one of ten may fail
    good = run(site, tmp_path, SPEC + EXPECT)
    assert good.returncode == 0, good.stderr
    assert "healthy: 2 checks." in good.stdout

    day(site, "<p class=sku>{0}</p><b class=cost>{0}</b>")
    bad = run(site, tmp_path, SPEC + EXPECT, "--again")

    assert bad.returncode == 3
    assert "unhealthy: 2 of 3 checks not met." in bad.stdout
    job = bad.stdout.splitlines()[0].removeprefix("job ")
    urls = ", ".join(site.url(f"/{number}") for number in range(3))
    assert (
        f"{job} is unhealthy: filled.price: in 0 %; expected: a value in 90 % of the rows at "
        f"least; {urls}" in bad.stderr
    )
    assert f"{job} is unhealthy: against_last.filled.price: in 0 %" in bad.stderr
    status = scatterfetch_here("status", job, "out", cwd=tmp_path)
    assert status.returncode == 3
    assert "unhealthy\n  filled.price: in 0 %" in status.stdout
    listed = scatterfetch_here("jobs", "out", cwd=tmp_path).stdout.splitlines()
    assert [", unhealthy, " in line for line in listed] == [False, True]
    as_json = scatterfetch_here("status", job, "out", "--json", cwd=tmp_path)
    assert msgspec.json.decode(as_json.stdout)["health"]["healthy"] is False

    day(site, "<p class=sku>{0}</p><b class=cost>{0}</b>")
    still = run(site, tmp_path, SPEC + EXPECT, "--again")
    assert "against_last.filled.price" in still.stderr  # it is compared with the last healthy one


def test_what_to_expect_is_proposed_by_a_good_job(site: Site, tmp_path: Path) -> None:
    day(site, GOOD)
    run(site, tmp_path, SPEC)
    [job] = [path.name for path in (tmp_path / "out/jobs").iterdir()]

    proposed = scatterfetch_here("spec", "suggest", job, "out", cwd=tmp_path)

    assert proposed.returncode == 0, proposed.stderr
    assert yaml.safe_load(proposed.stdout) == {
        "expect": {
            "rows_per_page": [1, 1],
            "filled": {"sku": 0.95, "price": 0.95},
            "unique": ["sku"],
            "failed": 0.05,
            "no_match": 0.05,
            "against_last": {"rows": 0.2, "filled": 0.1},
        }
    }
    again = run(site, tmp_path, SPEC + proposed.stdout)
    assert again.returncode == 0, again.stderr
