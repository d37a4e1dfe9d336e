"""Projects in examples/ do what they say, against scripted websites."""

import gzip
import json
from pathlib import Path

import pytest
from aiohttp import web

from scatterfetch.cli import main
from tests import ROOT
from tests.site import Site, running_site

TOKEN = "t0k3n"


class Api(Site):
    """Lists seven items, three at a time, to whoever has the token."""

    async def _scripted(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return web.Response(status=404 if request.path == "/robots.txt" else 401)
        begin = int(request.query.get("cursor", "0"))
        data = [{"id": n, "name": f"item {n}"} for n in range(7)[begin : begin + 3]]
        after = begin + 3 if begin + 3 < 7 else None
        return web.json_response({"data": data, "meta": {"next": after}})


def test_an_api_is_read_to_its_last_page_with_a_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCATTERFETCH_SECRET_ACME_API_TOKEN", TOKEN)
    written = (ROOT / "examples/json-api/items/spec.yaml").read_text()
    spec = tmp_path / "spec.yaml"
    spec.write_text(written.replace("https://", "http://").replace("fetch:", "fetch:\n  pause: 0"))
    out = tmp_path / "out"

    with running_site(Api()) as site:
        there = f"ConnectTo=::127.0.0.1:{site.port}"
        status = main(["crawl", "--spec", str(spec), "--out", str(out), "--parameter", there,
                       "--parameter", "AllowPrivateNetworks=true"])  # fmt: skip

    lines = [
        json.loads(line)
        for path in out.glob("results/*/*.jsonl.gz")
        for line in gzip.decompress(path.read_bytes()).splitlines()
    ]
    assert status == 0
    assert sorted(row["id"] for line in lines for row in line["rows"]) == list(range(7))
