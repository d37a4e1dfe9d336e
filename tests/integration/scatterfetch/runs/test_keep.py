"""A run on this machine that keeps pages: where they are, and what people are told of them."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from warcio.archiveiterator import ArchiveIterator

from tests.commandline import scatterfetch_here
from tests.site import Site, running_site

SPEC = """
fetch: {pause: 0, robots: ignore}
extract: {fields: {name: {css: h1}}}
keep: {pages: all}
"""


@pytest.fixture
def site() -> Iterator[Site]:
    with running_site() as site:
        yield site


def test_pages_are_kept_in_the_folder_and_tried_from_there(site: Site, tmp_path: Path) -> None:
    urls = [f"http://shop{number}.example/{number}" for number in range(6)]
    for number in range(6):
        site.page(f"/{number}", f"Page {number}")
    (tmp_path / "spec.yaml").write_text(SPEC)
    (tmp_path / "urls.txt").write_text("\n".join(urls))
    local = ["--parameter", "AllowPrivateNetworks=true"]

    def run() -> CompletedProcess[str]:
        connect = ["--parameter", f"ConnectTo=::127.0.0.1:{site.port}"]
        return scatterfetch_here("run", "urls.txt", *local, *connect, cwd=tmp_path)

    first = run()

    [summary] = tmp_path.glob("out/jobs/*/summary.json")
    job = summary.parent.name
    kept = json.loads(summary.read_text())["kept"]
    lines = [
        json.loads(line)
        for path in tmp_path.glob("out/results/*/*.gz")
        for line in gzip.decompress(path.read_bytes()).splitlines()
    ]
    size = sum(line["kept"]["length"] for line in lines)
    assert kept == {"pages": 6, "bytes": size}
    assert f"6 pages kept, 0.0 MB: out/pages/job={job}/" in first.stdout
    files = sorted(tmp_path.glob("out/pages/*/*.warc.gz"))
    found = []
    for path in files:
        with path.open("rb") as file:
            responses = [one for one in ArchiveIterator(file) if one.rec_type == "response"]
            found += [one.rec_headers.get_header("WARC-Target-URI") for one in responses]
    assert sorted(found) == urls
    assert len(site.visits) == 6

    run()
    tried = scatterfetch_here(
        *("try", "--page", f"{job}:{urls[3]}", "--field", "title=title", *local), cwd=tmp_path
    )

    assert sorted(tmp_path.glob("out/pages/*/*.warc.gz")) == files
    assert (tried.stdout, tried.returncode) == ('{"title": "Page 3"}\n', 0)
    assert len(site.visits) == 6
