"""`scatterfetch submit`, against a stack whose dispatcher and workers are at work."""

import functools
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scatterfetch.localcloud.cloud import LocalCloud
from scatterfetch.releases import RELEASE
from shared.ids import job_id
from shared.keys import SUBMITTED, manifest_key
from shared.manifest import decode_manifest
from shared.messages import Submit, decode_dispatch
from shared.outcomes import Kind
from tests import ROOT
from tests.cloud import Deployment
from tests.commandline import scatterfetch_here
from tests.integration.scatterfetch.commands.test_cli_stack import Command
from tests.integration.scatterfetch.test_cli import scatterfetch
from tests.integration.worker.test_sitemaps import sitemap, xml
from tests.results import final_outcomes
from tests.site import Site
from tests.stack import serving_stacks


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the data bucket can be looked into."""
    return tmp_path / "data"


@pytest.fixture
def cloud(site: Site, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalCloud]:
    """A stack called `fleet`, reached as any other: the local cloud, in the place of AWS."""
    parameters = {
        "AllowPrivateNetworks": "true",
        "ConnectTo": f"::127.0.0.1:{site.port}",
        "BatchSize": "2",
        "UserAgent": "fleet-bot/1.0 (+https://fleet.example/bot)",
    }
    cloud = LocalCloud(
        folder,
        workers=1,
        parameters=parameters,
        on_put=lambda _key: None,
        report=lambda _text: None,
    )
    outputs = {
        f"{logical}Name": bucket.name for logical, bucket in cloud.template.buckets.items()
    } | {f"{logical}Url": cloud.template.queue_url(logical) for logical in cloud.template.queues}
    outputs["Release"] = RELEASE
    with serving_stacks({"fleet": outputs}, parameters) as cloudformation:
        monkeypatch.setenv("AWS_ENDPOINT_URL", cloud.endpoint)
        monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDFORMATION", cloudformation)
        try:
            cloud.start()
            yield cloud
        finally:
            cloud.stop()


@pytest.fixture
def command(cloud: LocalCloud, tmp_path: Path) -> Command:
    cloud.serve()
    return functools.partial(scatterfetch, cwd=tmp_path)


@pytest.fixture
def unserved(
    deployment: Deployment, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Deployment]:
    """A stack called `fleet` in which nobody is at work."""
    outputs = {**deployment.outputs, "Release": RELEASE}
    with serving_stacks({"fleet": outputs}) as cloudformation:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDFORMATION", cloudformation)
        yield deployment


def write_list(folder: Path, *urls: str, spec: str = "fetch: {pause: 0, robots: ignore}") -> None:
    (folder / "urls.txt").write_text("".join(f"{url}\n" for url in urls))
    (folder / "spec.yaml").write_text(spec)


def test_a_list_goes_to_the_stack_and_its_job_is_watched(
    command: Command, site: Site, folder: Path, tmp_path: Path
) -> None:
    urls = [f"http://h{n % 3}.example/{n}" for n in range(6)]
    for number in range(6):
        site.page(f"/{number}", f"Page {number}")
    write_list(tmp_path, *urls, "http://h1.example/gone", "/about")

    done = command("submit", "urls.txt", "--stack", "fleet", "--wait")

    job = done.stdout.splitlines()[0]
    assert job.startswith(tmp_path.name.replace("_", "-")[:20])
    assert done.returncode == 1, done.stderr  # since one has failed, as with run
    assert ["failed", "http_404", "1"] in [line.split() for line in done.stdout.splitlines()]
    assert "1 line of urls.txt rejected; see s3://" in done.stdout
    assert "line 8 is '/about'" in done.stdout
    assert f"results: s3://local-databucket/results/job={job}/" in done.stdout
    assert "7/7 URLs" in done.stderr
    assert set(final_outcomes(folder)) == {*urls, "http://h1.example/gone"}
    manifest = decode_manifest((folder / manifest_key(job)).read_bytes())
    assert manifest.spec.fetch.robots == "ignore"  # the spec went along
    assert manifest.source is not None
    assert manifest.source.key == f"{SUBMITTED}{job}/urls.txt"


def test_urls_go_along_in_the_message(command: Command, site: Site, folder: Path) -> None:
    site.page("/a", "A")

    done = command("submit", "http://a.example/a", "--stack", "fleet", "--name", "Ad hoc", "--wait")

    assert done.returncode == 0, done.stderr
    job = done.stdout.splitlines()[0]
    assert job.startswith("ad-hoc-")
    assert decode_manifest((folder / manifest_key(job)).read_bytes()).source is None
    assert set(final_outcomes(folder)) == {"http://a.example/a"}


def test_the_pages_of_a_sitemap_are_a_list(
    command: Command, site: Site, folder: Path, tmp_path: Path
) -> None:
    """The workers read it, since the dispatcher fetches nothing."""
    site.reply("/sitemap.xml", xml(sitemap("http://a.example/a", "http://a.example/b")))
    site.page("/a", "A")
    site.page("/b", "B")
    (tmp_path / "index.xml").write_bytes(
        sitemap("http://a.example/sitemap.xml", "http://a.example/gone.xml", of="sitemap")
    )

    done = command("submit", "index.xml", "--stack", "fleet", "--wait")

    assert done.returncode == 1, done.stderr  # since something is missing
    scraped = [url for url, one in final_outcomes(folder).items() if one.outcome is Kind.SCRAPED]
    names = ("a", "b", "sitemap.xml")
    assert sorted(scraped) == [f"http://a.example/{name}" for name in names]
    assert final_outcomes(folder)["http://a.example/gone.xml"].status == 404
    assert site.user_agents == {"fleet-bot/1.0 (+https://fleet.example/bot)"}


def test_two_people_who_submit_the_same_list_get_two_jobs(
    command: Command, site: Site, tmp_path: Path
) -> None:
    write_list(tmp_path, site.page("/a", "A"))

    jobs = [command("submit", "urls.txt", "--stack", "fleet").stdout for _ in range(2)]

    assert jobs[0] != jobs[1]
    assert all(len(printed.splitlines()) == 1 for printed in jobs)


@pytest.mark.parametrize(
    ("urls", "spec", "problem"),
    [
        pytest.param("", "", "urls.txt is empty; put one URL on each line", id="empty"),
        pytest.param("\0\0", "", "urls.txt is not text", id="binary"),
        pytest.param("/about\n", "", "urls.txt holds no URL: line 1 is", id="no URL"),
        pytest.param(
            "http://a.example/",
            "fetch: {timout: 3}",
            "spec.yaml:1: fetch.timout: there is no",
            id="wrong spec",
        ),
    ],
)
def test_what_is_wrong_is_refused_before_anything_is_sent(
    unserved: Deployment, tmp_path: Path, urls: str, spec: str, problem: str
) -> None:
    (tmp_path / "urls.txt").write_text(urls)
    (tmp_path / "spec.yaml").write_text(spec)

    done = scatterfetch_here("submit", "urls.txt", "--stack", "fleet", cwd=tmp_path)

    assert done.returncode == 2
    assert problem in done.stderr
    assert done.stdout == ""
    assert unserved.received(unserved.dispatch_queue_url) == []
    assert "Contents" not in unserved.s3.list_objects_v2(Bucket=unserved.input_bucket)


def test_ctrl_c_leaves_the_job_alone_and_says_how_to_look_again(
    unserved: Deployment, tmp_path: Path
) -> None:
    write_list(tmp_path, *(f"http://a.example/{n}" for n in range(3)))
    process = subprocess.Popen(
        [sys.executable, "-m", "scatterfetch", "submit", "urls.txt", "--stack", "fleet", "--wait"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    job = process.stdout.readline().strip()
    process.stderr.readline()  # it is watching

    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=300)

    assert process.returncode == 130
    assert f"the job goes on: `scatterfetch status {job} --stack fleet` says how far" in stderr
    assert "Traceback" not in stderr
    [message] = unserved.received(unserved.dispatch_queue_url)
    [request] = decode_dispatch(message["body"])
    assert isinstance(request, Submit)
    assert job_id(request.name or "", request.id or "") == job
