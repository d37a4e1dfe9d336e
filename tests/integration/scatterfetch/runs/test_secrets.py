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


LOGIN = """\
fetch: {pause: 0}
extract: {include: [page]}
keep: {pages: all}
login:
  - url: http://shop.example/login
    form: http://shop.example/login
    data: {user: me, password: {secret: {ssm: /acme/token}, for: shop.example}}
  - url: http://api.example/token
    json: {password: {secret: {ssm: /acme/token}, for: api.example}}
    token: {jmespath: token}
  - {url: http://no.example/no, data: {password: {secret: {ssm: /acme/token}, for: no.example}}}
"""


def test_what_a_login_gives_is_in_the_states_alone(
    site: Site,
    arguments: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SCATTERFETCH_SECRET_ACME_TOKEN", SECRET)
    (tmp_path / "spec.yaml").write_text(LOGIN)
    hosts = ("shop.example", "api.example", "no.example")
    urls = [f"http://{host}/{n}" for host in hosts for n in range(2)]
    (tmp_path / "urls.txt").write_text("\n".join(urls))
    form = "<form><input type=hidden name=csrf value=%s-csrf><input name=password></form>"
    cookie = {"Set-Cookie": f"sid={SECRET}-sid"}
    site.reply(
        "/login",
        web.Response(text=form % SECRET, content_type="text/html"),
        web.Response(status=302, headers={"Location": f"/{SECRET}-in", **cookie}),
    )
    site.reply("/token", web.json_response({"token": f"{SECRET}-token"}))
    site.reply("/no", web.Response(status=403, text=SECRET, headers=cookie))
    site.page("/0", "zero")
    out = tmp_path / "out"

    status = main(["run", str(tmp_path / "urls.txt"), "--out", str(out), *arguments])

    assert status == 1
    assert sorted(path for path in site.paths() if len(path) > 2) == [
        *("/login", "/login"),
        *("/no", "/no"),
        "/token",
    ]
    told = {(head["Host"], head.get("Cookie"), head.get("Authorization")) for head in site.headers}
    assert ("shop.example", f"sid={SECRET}-sid", None) in told
    assert ("api.example", None, f"Bearer {SECRET}-token") in told
    files = [path for path in out.rglob("*") if path.is_file()]
    leaks = {
        path.relative_to(out) for path in files
        if SECRET.encode() in (
            gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        )
    }  # fmt: skip
    assert {path.suffix for path in leaks} == {".json"}
    assert {path.parent.name for path in leaks} == {"state"}
    assert "login_failed" in written(out)
    assert SECRET not in "".join(capfd.readouterr())
