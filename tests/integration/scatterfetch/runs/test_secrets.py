"""Secrets in a run on this machine: sent, and written nowhere."""

import gzip
from pathlib import Path

import pytest
from aiohttp import web

from scatterfetch.cli import main
from tests.site import Site

SECRET = "hunter2-0a1b2c3d"
SPEC = """\
fetch:
  pause: 0
  attempts: 1
  headers: {Authorization: {secret: {ssm: /acme/token}, for: shop.example, prefix: "Bearer "}}
  cookies: {sid: {secret: {secrets_manager: acme/shop}, key: sid, for: shop.example}}
pages:
  all: {match: "shop.example/*", follow: [{css: a}], extract: {include: [page]}}
"""


@pytest.fixture
def arguments(site: Site, tmp_path: Path) -> list[str]:
    (tmp_path / "spec.yaml").write_text(SPEC)
    (tmp_path / "scatterfetch.toml").write_text("")
    (tmp_path / "urls.txt").write_text("http://shop.example/\nhttp://other.example/\n")
    return [
        *("--parameter", "AllowPrivateNetworks=true"),
        *("--parameter", f"ConnectTo=::127.0.0.1:{site.port}"),
    ]


def written(folder: Path) -> str:
    paths = [path for path in folder.rglob("*") if path.is_file()]
    assert len(paths) > 5
    found = []
    for path in paths:
        body = path.read_bytes()
        found.append(gzip.decompress(body) if path.suffix == ".gz" else body)
    return b"\n".join(found).decode(errors="replace")


def test_secrets_are_sent_to_their_host_and_written_nowhere(
    site: Site,
    arguments: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SCATTERFETCH_SECRET_ACME_TOKEN", SECRET)
    (tmp_path / "secrets.toml").write_text(f'"acme/shop" = {{sid = "{SECRET}-sid"}}')
    home = "<title>x</title><a href=/broken>b</a><a href=/gone>g</a><a href=/away>a</a>"
    site.reply("/", web.Response(text=home, content_type="text/html"))
    site.reply("/broken", web.Response(status=500))
    site.reply("/away", web.Response(status=302, headers={"Location": "http://other.example/x"}))
    out = tmp_path / "out"

    status = main(["run", str(tmp_path / "urls.txt"), "--out", str(out), *arguments])

    assert main(["status", str(out)]) in {0, 1}
    assert main(["deadletters", str(out)]) in {0, 1}
    assert main(["try", "http://shop.example/broken", "--spec", str(tmp_path / "spec.yaml"),
                 *arguments]) == 1  # fmt: skip
    told = {head["Host"]: f"{head}" for head in site.headers if SECRET in f"{head}"}
    assert list(told) == ["shop.example"]
    assert f"Bearer {SECRET}'" in told["shop.example"]
    assert f"sid={SECRET}-sid'" in told["shop.example"]
    assert {head["Host"] for head in site.headers} >= {"shop.example", "other.example"}
    assert status == 1, "a page is broken"
    everything = written(out) + "".join(capfd.readouterr())
    assert "/acme/token" in everything, "the manifest has its name"
    assert "http_5xx" in everything
    assert SECRET not in everything


def test_a_run_does_not_begin_without_its_secrets(
    site: Site, arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"

    status = main(["run", str(tmp_path / "urls.txt"), "--out", str(out), *arguments])

    assert status == 2
    assert "set SCATTERFETCH_SECRET_ACME_TOKEN, or write it into secrets.toml" in (
        capsys.readouterr().err
    )
    assert site.visits == []
