"""The second day on this machine: `run --again` and `changes`."""

import gzip
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess

import msgspec
import pytest
from aiohttp import web

from tests.commandline import scatterfetch_here
from tests.site import Site, running_site

SPEC = """
fetch: {pause: 0, robots: ignore}
extract:
  key: sku
  fields: {sku: {css: .sku}, price: {css: .price, type: number}}
remember: true
"""
HOSTS = [f"shop{number}.example" for number in range(6)]


@pytest.fixture
def site() -> Iterator[Site]:
    with running_site() as site:
        yield site


def product(site: Site, sku: str, price: int) -> str:
    text = f"<p class=sku>{sku}</p><p class=price>{price}</p>"
    headers = {"ETag": f'"{price}"'}
    return site.reply(f"/{sku}", web.Response(text=text, content_type="text/html", headers=headers))


def run(site: Site, folder: Path, *args: str) -> CompletedProcess[str]:
    local = ["--parameter", f"ConnectTo=::127.0.0.1:{site.port}", "--workers", "2"]
    local += ["--parameter", "AllowPrivateNetworks=true"]
    return scatterfetch_here("run", *args, *local, cwd=folder)


def test_the_second_day_is_a_job_of_its_own_that_fetches_what_has_changed(
    site: Site, tmp_path: Path
) -> None:
    urls = [f"http://{host}/{number}" for number, host in enumerate(HOSTS)]
    for number in range(len(urls)):
        product(site, str(number), 10)
    shop = tmp_path / "shop"
    shop.mkdir()
    (shop / "spec.yaml").write_text(SPEC)
    (shop / "urls.txt").write_text("\n".join(urls))

    first = run(site, tmp_path, "shop/urls.txt")
    assert first.returncode == 0, first.stderr
    assert "rows against the job before: 6 new, 0 changed, 0 same, 0 gone." in first.stdout
    again = run(site, tmp_path, "shop/urls.txt")
    assert "Nothing was left to fetch; --again fetches anew." in again.stdout
    assert len(site.answers) == 6

    site.answers.clear()
    product(site, "2", 12)
    site.reply("/4", web.Response(status=404))
    second = run(site, tmp_path, "shop/urls.txt", "--again")

    assert "rows against the job before: 0 new, 1 changed, 4 same, 1 gone." in second.stdout
    statuses = dict(site.answers)
    assert statuses == {"/0": 304, "/1": 304, "/2": 200, "/3": 304, "/4": 404, "/5": 304}
    assert "left to fetch" in run(site, tmp_path, "shop/urls.txt").stdout  # of the second one

    told = scatterfetch_here("changes", cwd=tmp_path)
    assert told.returncode == 0
    job, changed, gone, total = told.stdout.splitlines()
    assert changed == "changed   2  price: 10.0 → 12.0  http://shop2.example/2"
    assert gone == "gone      4  http://shop4.example/4"
    assert total == "2 changes: 1 changed, 1 gone."
    table = scatterfetch_here("changes", "out", "-o", "changes.csv", cwd=tmp_path)
    assert table.stdout == "changes.csv: 2 changes\n"
    header, *lines = (tmp_path / "changes.csv").read_text().splitlines()
    assert header == "job,change,sku,url,field,old,new,at"
    assert [line.split(",")[1:7] for line in lines] == [
        ["changed", "2", "http://shop2.example/2", "price", "10.0", "12.0"],
        ["gone", "4", "http://shop4.example/4", "", "", ""],
    ]
    names = sorted(path.name for path in (tmp_path / "out/jobs").iterdir())
    assert job.removeprefix("job ") in names
    older = next(name for name in names if name not in job)
    since = scatterfetch_here("changes", "--since", older, "--format", "jsonl", cwd=tmp_path)
    kinds = [msgspec.json.decode(line)["change"] for line in since.stdout.splitlines()]
    assert kinds == ["new"] * 6 + ["changed", "gone"]
    results = (tmp_path / f"out/results/{job.replace('job ', 'job=')}").glob("*.gz")
    outcomes = [
        msgspec.json.decode(line)
        for path in results
        for line in gzip.decompress(path.read_bytes()).splitlines()
    ]
    assert sorted(row["price"] for one in outcomes for row in one["rows"]) == [10, 10, 10, 10, 12]


def test_changes_of_jobs_that_remember_nothing(site: Site, tmp_path: Path) -> None:
    (tmp_path / "urls.txt").write_text(product(site, "1", 1))
    run(site, tmp_path, "urls.txt")

    told = scatterfetch_here("changes", cwd=tmp_path)

    assert told.returncode == 2
    assert told.stderr == (
        "scatterfetch: no job in out remembers anything for the next one: write `remember: true` "
        "into the spec, and `key` into its extract\n"
    )
    wrong = scatterfetch_here("changes", "--since", "yesterday", cwd=tmp_path)
    assert wrong.returncode == 2
