"""
The command as people call it: its output and its exit status.

In this process, but where it is the process that matters.
"""

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import msgspec
import pytest
from aiohttp import web

from functions.worker.worker import COMMIT_SECONDS
from scatterfetch import __version__
from scatterfetch.demo.show import demo_list
from scatterfetch.deployable import TEMPLATE
from scatterfetch.localcloud.cloud import LAST_SECONDS
from scatterfetch.localcloud.template import Template
from tests import ROOT
from tests.commandline import scatterfetch_here
from tests.results import final_outcomes
from tests.site import Site


def scatterfetch(*args: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "scatterfetch", *args],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100", **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def run_list(
    site: Site, folder: Path, body: bytes, *args: str, name: str = "urls.txt"
) -> subprocess.CompletedProcess[str]:
    (folder / name).write_bytes(body)
    (folder / "spec.yaml").write_text("fetch: {pause: 0, robots: ignore}")
    everywhere = f"ConnectTo=::127.0.0.1:{site.port}"
    return scatterfetch_here(
        "run",
        name,
        "--out",
        "out",
        "--workers",
        "1",  # has enough to do, unless `args` say otherwise
        "--parameter",
        everywhere,
        "--parameter",
        "AllowPrivateNetworks=true",
        *args,
        cwd=folder,
    )


def test_a_list_as_people_have_them(site: Site, tmp_path: Path) -> None:
    site.page("/a", "A")
    body = (
        b"\xef\xbb\xbfhttp://one.example/a\r\n# comment\r\n\r\nhttp://two.example/a\r\n"
        b"http://one.example/a\r\nnot a url\r\n\xff\xfe\r\n" + b"x" * 100_000 + b"\r\n"
    )

    done = run_list(site, tmp_path, body)

    assert done.returncode == 0, done.stderr
    assert set(final_outcomes(tmp_path / "out")) == {"http://one.example/a", "http://two.example/a"}
    assert "scraped             2" in done.stdout
    assert "1 duplicate line left out." in done.stdout
    assert "3 lines of urls.txt rejected" in done.stdout
    assert "line 6 is 'not a url': a URL must start with http:// or https://" in done.stdout
    assert "xxx': longer than 16,000 bytes" in done.stdout
    [results] = [word for word in done.stdout.split() if "results/job=" in word]
    [path, *_] = sorted((tmp_path / results).glob("*.jsonl.gz"))
    assert msgspec.json.decode(gzip.decompress(path.read_bytes()).splitlines()[0])["rows"]


def test_batches_are_as_large_as_somebody_says(site: Site, tmp_path: Path) -> None:
    site.page("/a", "A")
    for folder, parameter, workers in (
        ("one", "BatchSize=30", "2"),
        ("other", "Partitions=7", "10"),
    ):
        (tmp_path / folder).mkdir()
        run_list(
            site, tmp_path / folder, b"http://one.example/a\n", "--workers", workers,
            "--parameter", parameter,
        )  # fmt: skip

    manifests = [
        msgspec.json.decode(path.read_bytes())
        for folder in ("one", "other")
        for path in (tmp_path / folder).glob("out/jobs/*/manifest.json")
    ]
    found = [(manifest["partitions"], manifest["batch_size"]) for manifest in manifests]
    # The number of partitions is no parameter, and more workers do not change it: a host of two
    # jobs in one folder has one owner.
    default = int(Template(TEMPLATE, "http://127.0.0.1:1").parameters["BatchSize"])
    assert found == [(32, 30), (32, default)]


def test_failed_urls_are_the_exit_status(site: Site, tmp_path: Path) -> None:
    done = run_list(site, tmp_path, b"http://one.example/gone\n")

    assert done.returncode == 1
    assert "http_404" in done.stdout


def test_problems_are_said_at_the_end_and_are_the_exit_status(site: Site, tmp_path: Path) -> None:
    """A website that has changed its layout shows at once, and a script can tell."""
    for path, price in (("/a", "12.50"), ("/b", "sold out"), ("/c", None)):
        html = f"<b class=price>{price}</b>" if price else "<p>nothing of that kind</p>"
        site.reply(path, web.Response(text=html, content_type="text/html"))
    site.reply("/d", web.Response(body=b"%PDF-1.7", content_type="application/pdf"))
    fields = "price: {css: b.price, type: number, required: true}"
    (tmp_path / "s.yaml").write_text(
        f"fetch: {{pause: 0, robots: ignore}}\nextract: {{fields: {{{fields}}}}}\n"
    )
    urls = b"".join(b"http://h.example/%s\n" % name for name in (b"a", b"b", b"c", b"d"))

    done = run_list(site, tmp_path, urls, "--spec", "s.yaml")

    assert done.returncode == 1, done.stderr
    said = " ".join(done.stdout.split())
    assert "2 problems in rows: price missing on 1 page, price unreadable on 1 page." in said
    assert "The spec found nothing on 1 page" in said
    assert "1 URL skipped for the type of the file: 1 application/pdf." in said


def test_a_file_that_nothing_is_extracted_from_is_said(site: Site, tmp_path: Path) -> None:
    site.reply("/d", web.Response(body=b"%PDF-1.7", content_type="application/pdf"))
    (tmp_path / "s.yaml").write_text(
        "fetch: {pause: 0, robots: ignore, content_types: [application/pdf]}\n"
    )

    done = run_list(site, tmp_path, b"http://h.example/d\n", "--spec", "s.yaml")

    assert done.returncode == 1, done.stderr
    assert "1 problem in rows: nothing_extracted on 1 page." in done.stdout
    [outcome] = final_outcomes(tmp_path / "out").values()
    assert outcome.problems == [
        {"field": None, "problem": "nothing_extracted", "value": "application/pdf"}
    ]


def test_what_people_try_first_works(site: Site, tmp_path: Path) -> None:
    """URLs by a pipe, and commands without the words that can only mean one thing."""
    site.page("/a", "A")
    local = ["--parameter", f"ConnectTo=::127.0.0.1:{site.port}",
             "--parameter", "AllowPrivateNetworks=true"]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "scatterfetch", "run", "-", *local],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        input="http://one.example/a\n",
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "websites do not see who you are" in done.stderr
    assert site.user_agents == {f"scatterfetch/{__version__}"}
    for words in ((), ("out",)):
        status = scatterfetch_here("status", *words, cwd=tmp_path).stdout
        assert status.startswith("job standard-input-urls-")
    [job] = map(json.loads, scatterfetch_here("jobs", "--json", cwd=tmp_path).stdout.splitlines())
    assert (job["state"], job["outcomes"]["scraped"]) == ("complete", 1)
    assert json.loads(scatterfetch_here("results", cwd=tmp_path).stdout)["title"] == "A"
    alone = scatterfetch(cwd=tmp_path)
    assert (alone.returncode, alone.stderr.count("\n  scatterfetch ")) == (2, 4)


def test_a_list_has_the_settings_and_parsers_of_its_project(site: Site, tmp_path: Path) -> None:
    site.page("/a", "A")
    for name, text in {
        "here/scatterfetch.toml": "user_agent = 'here (+https://here.example)'",
        "there/scatterfetch.toml": "user_agent = 'there (+https://there.example)'",
        "there/parsers/mine.py": "def parse(page): return [{'title': 'mine'}]\n",
        "there/shop/spec.yaml": "fetch: {robots: ignore}\nparser: parsers.mine:parse\n",
        "there/shop/urls.txt": "http://one.example/a\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)

    done = scatterfetch_here(
        *("run", str(tmp_path / "there/shop/urls.txt"), "--workers", "1"),
        *("--parameter", "AllowPrivateNetworks=true"),
        *("--parameter", f"ConnectTo=::127.0.0.1:{site.port}"),
        cwd=tmp_path / "here",
    )

    assert done.returncode == 0, done.stderr
    assert f"parsers are those of the project {tmp_path / 'there'}\n" in done.stderr
    assert site.user_agents == {"there (+https://there.example)"}
    rows = scatterfetch_here("results", cwd=tmp_path / "here").stdout
    assert json.loads(rows)["title"] == "mine"


def test_what_could_have_been_meant_otherwise_is_said(site: Site, tmp_path: Path) -> None:
    site.page("/a", "A")
    body = b"image,url\nhttp://two.example/b,http://one.example/a\n"

    (tmp_path / "urls.csv").write_bytes(body)
    (tmp_path / "spec.yaml").write_text("fetch: {pause: 0, robots: ignore}")
    local = ["--parameter", f"ConnectTo=::127.0.0.1:{site.port}",
             "--parameter", "AllowPrivateNetworks=true"]  # fmt: skip

    done = scatterfetch_here("run", "urls.csv", "http://one.example/a", *local, cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert "urls.csv: its URLs are those of the column 'url'; 'image' has URLs too" in done.stderr
    assert "the spec.yaml of this folder is for its lists" in done.stderr


def test_a_list_that_breaks_off_is_no_success(site: Site, tmp_path: Path) -> None:
    """What there was is scraped; whether there was more, only the exit status can tell a script."""
    site.page("/a", "A")
    urls = b"".join(b"http://h.example/a?%032d\n" % (n * n) for n in range(100))

    done = run_list(site, tmp_path, gzip.compress(urls)[:-40], name="cut.txt.gz")
    [job] = (tmp_path / "out/jobs").iterdir()
    status = scatterfetch_here("status", job.name, "out", cwd=tmp_path)
    jobs = scatterfetch_here("jobs", "out", cwd=tmp_path)

    assert (done.returncode, status.returncode) == (1, 1)
    assert jobs.stdout.endswith("scraped, of a damaged list\n")
    assert "cut.txt.gz could not be read to its end" in done.stderr
    assert "The list could not be read to its end." in status.stdout
    assert json.loads((job / "summary.json").read_text())["damaged"] is True


def test_what_was_given_up_on_is_said_and_can_be_looked_at(site: Site, tmp_path: Path) -> None:
    site.reply("/down", web.Response(status=500))
    (tmp_path / "hasty.yaml").write_text("fetch: {robots: ignore, attempts: 1}")

    done = run_list(site, tmp_path, b"http://one.example/down\n", "--spec", "hasty.yaml")

    assert done.returncode == 1
    assert "given up on: 1 URL; `scatterfetch deadletters out` shows" in done.stderr
    shown = scatterfetch_here("deadletters", "out", cwd=tmp_path).stdout
    assert ["http_5xx", "one.example", "1"] in [line.split()[2:] for line in shown.splitlines()]


def test_what_was_given_up_on_is_tried_again_by_the_same_command(
    site: Site, tmp_path: Path
) -> None:
    up = web.Response(text="<title>Up</title>", content_type="text/html")
    site.reply("/down", web.Response(status=500), up)
    (tmp_path / "hasty.yaml").write_text("fetch: {robots: ignore, attempts: 1}")
    command = (site, tmp_path, b"http://one.example/down\n", "--spec", "hasty.yaml")
    assert "after `scatterfetch redrive out` the same command" in run_list(*command).stderr

    shown = scatterfetch_here("redrive", "out", "--dry-run", cwd=tmp_path)
    unchanged = run_list(*command)
    redriven = scatterfetch_here("redrive", "out", cwd=tmp_path)
    listed = [states(tmp_path)]
    done = run_list(*command)
    listed.append(states(tmp_path))

    assert "1 URL in 1 dead letter" in shown.stdout
    assert "urls.txt and its spec into out would try 1 URL again" in shown.stdout
    assert unchanged.returncode == 1
    assert len(site.visits) == 2
    assert redriven.returncode == 0
    assert "/urls.txt and its spec into out tries 1 URL again" in redriven.stdout
    assert done.returncode == 0, done.stderr
    assert listed == [("stopped", None), ("complete", {"scraped": 1})]
    assert scatterfetch_here("redrive", "out", cwd=tmp_path).stdout == "nothing was given up on\n"
    [results] = tmp_path.glob("out/results/*")
    shutil.rmtree(results)
    assert states(tmp_path) == ("incomplete", {"scraped": 1})


def states(folder: Path) -> tuple[str, dict[str, int] | None]:
    """Return what `jobs` says of the only job, which `status` says too."""
    job = json.loads(scatterfetch_here("jobs", "--json", cwd=folder).stdout)
    status = json.loads(scatterfetch_here("status", "out", "--json", cwd=folder).stdout)
    assert status["state"] == job["state"]
    if job["outcomes"] is None:
        return job["state"], None
    outcomes = {kind: count for kind, count in job["outcomes"].items() if count}
    assert status["outcomes"] == outcomes
    return job["state"], outcomes


def test_hosts_on_whose_pages_nothing_matches_are_named(site: Site, tmp_path: Path) -> None:
    for number in range(3):
        site.page(f"/{number}", "T")
    (tmp_path / "shop.yaml").write_text(
        "fetch: {robots: ignore, pause: 0}\nextract: {fields: {price: {css: .price}}}"
    )
    urls = "http://one.example/0\nhttp://one.example/1\nhttp://two.example/2\n"

    done = run_list(site, tmp_path, urls.encode(), "--spec", "shop.yaml")

    assert "The spec found nothing on 3 pages: has the website changed?" in done.stdout
    assert "  one.example: 2 of 2 URLs\n  two.example: 1 of 1 URL\n" in done.stdout


def test_a_second_run_says_that_nothing_was_fetched(site: Site, tmp_path: Path) -> None:
    site.page("/a", "A")
    run_list(site, tmp_path, b"http://one.example/a\n")

    done = run_list(site, tmp_path, b"http://one.example/a\n")

    assert done.returncode == 0
    assert len(site.visits) == 1
    said = done.stdout.replace("\n", " ")
    assert (
        "1 outcome of an earlier run kept. Nothing was left to fetch; --again fetches anew."
    ) in said
    assert "0 URLs in" in said


def test_one_refused_list_of_several_does_not_hide_the_others(site: Site, tmp_path: Path) -> None:
    site.page("/a", "A")
    site.page("/b c", "B")
    (tmp_path / "domains.csv").write_text("1,one.example\n2,two.example\n")
    (tmp_path / "urls.csv").write_bytes(b"http://one.example/a\n")  # as urls.txt, and a job too

    (tmp_path / "urls.txt").write_bytes(b"http://one.example/a\n")
    (tmp_path / "spec.yaml").write_text("fetch: {pause: 0, robots: ignore}")

    done = scatterfetch_here(
        *("run", "domains.csv", "urls.txt", "urls.csv", "http://one.example/b c"),
        *("--spec", "spec.yaml", "--parameter", "AllowPrivateNetworks=true"),
        *("--parameter", f"ConnectTo=::127.0.0.1:{site.port}"),
        cwd=tmp_path,
    )

    assert done.returncode == 1
    assert "domains.csv has no column with URLs, and 'one.example' is a domain" in done.stderr
    assert "3 URLs in" in done.stdout
    [results] = tmp_path.glob("*/results")
    assert len(list(results.iterdir())) == 3
    assert sorted(path for _, path in site.visits) == ["/a", "/a", "/b c"]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "urls.txt is empty; put one URL on each line"),
        (b"# nothing\n", "urls.txt holds no URL, only blank lines and comments"),
        (b"/about\n", "urls.txt holds no URL: line 1 is '/about'"),
        (b"\0\0\0\0", "urls.txt is not text"),
    ],
)
def test_a_list_without_urls_is_wrong_input(
    site: Site, tmp_path: Path, body: bytes, problem: str
) -> None:
    done = run_list(site, tmp_path, body)
    jobs = scatterfetch_here("jobs", cwd=tmp_path)
    status = scatterfetch_here("status", jobs.stdout.split()[2], cwd=tmp_path)

    assert done.returncode == 2
    assert f"scatterfetch: {problem}" in done.stderr
    assert "Traceback" not in done.stderr
    key = f"{tmp_path.name}/urls.txt"
    assert f"refused: {problem.replace('urls.txt', key)}" in jobs.stdout
    assert f"refused: {problem.replace('urls.txt', key)}" in status.stdout
    assert f"list {key}" in status.stdout


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (["run", "nowhere.txt"], "cannot read the URL list nowhere.txt: No such file or directory"),
        (["run", "."], ". is a folder; name a list in it, as in urls.txt"),
        (["run"], "name a list or a URL"),
        (["run", "http://a.example/", "--workers", "0"], "'0' is not a number from 1"),
        (["run", "http://a.example/", "--parameter", "x"], "'x' is not NAME=VALUE"),
        (
            ["run", "http://a.example/", "--parameter", "X=1"],
            "has no parameter 'X'; it has UserAgent",
        ),
        (["run", "http://a.example/", "--parameter", "Partitions=0"], "it must be 1 to 65536"),
        (["run", "http://a.example/", "--spec", "no.yaml"], "cannot read the spec no.yaml"),
        (["run", "http://a.example/", "--out", "file/x"], "file/x is no folder; name another one"),
        (["walk"], "invalid choice: 'walk'"),
        ([], "scatterfetch run urls.txt"),
    ],
)
def test_wrong_usage_is_said_clearly(tmp_path: Path, args: list[str], problem: str) -> None:
    (tmp_path / "file").touch()

    done = scatterfetch_here(*args, cwd=tmp_path)

    assert done.returncode == 2
    assert problem in done.stderr.replace("\n", " ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["run"],
        ["demo"],
        ["results"],
        ["submit"],
        ["status"],
        ["jobs"],
        ["cancel"],
        ["deadletters"],
        ["redrive"],
    ],
    ids=" ".join,
)
def test_help_shows_an_example_and_the_exit_status(tmp_path: Path, command: list[str]) -> None:
    done = scatterfetch_here(*command, "--help", cwd=tmp_path)

    assert done.returncode == 0
    assert f"$ scatterfetch {(command or ['run'])[0]}" in done.stdout
    assert "130  interrupted" in done.stdout


def test_two_runs_do_not_write_to_one_folder(site: Site, tmp_path: Path) -> None:
    """The second one is refused while the first is at work."""
    second: list[subprocess.CompletedProcess[str]] = []
    site.page("/a", "A")
    site.on_visit = lambda _: second.append(
        scatterfetch("run", "http://b.example/", "--out", "out", cwd=tmp_path)
    )

    first = run_list(site, tmp_path, b"http://one.example/a\n")

    assert first.returncode == 0
    assert second[0].returncode == 2
    assert "another run is writing to out; wait for it, or use another --out" in second[0].stderr


def running(site: Site, folder: Path, *args: str) -> "subprocess.Popen[str]":
    """Start a run of `urls.txt`."""
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "scatterfetch", "run", "urls.txt", "--out", "out"),
            *("--workers", "1", "--parameter", "AllowPrivateNetworks=true"),
            *("--parameter", f"ConnectTo=::127.0.0.1:{site.port}", *args),
        ],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("signals", [[signal.SIGINT], [signal.SIGINT, signal.SIGINT]])
def test_ctrl_c_stops_and_keeps_what_is_done(
    site: Site, tmp_path: Path, signals: list[signal.Signals]
) -> None:
    for number in range(40):
        site.page(f"/{number}", "T")
    site.reply("/slow", 0.5)
    urls = "".join(f"http://h{n % 8}.example/{n}\n" for n in range(40))
    (tmp_path / "urls.txt").write_text(urls + "http://slow.example/slow\n")
    (tmp_path / "spec.yaml").write_text("fetch: {pause: 0, robots: ignore}")
    process = running(site, tmp_path)

    def interrupt(_: str) -> None:
        if len(site.visits) == 8:
            for number in signals:
                process.send_signal(number)

    site.on_visit = interrupt
    _, stderr = process.communicate(timeout=300)

    assert process.returncode == 130
    assert "interrupted; the same command goes on" in stderr
    assert "Traceback" not in stderr
    site.on_visit = lambda _: None
    again = run_list(site, tmp_path, (tmp_path / "urls.txt").read_bytes())
    assert again.returncode == 0
    assert len(final_outcomes(tmp_path / "out")) == 41


def test_ctrl_c_does_not_wait_until_a_slow_host_is_through(site: Site, tmp_path: Path) -> None:
    """A batch of 200 pages with pauses between them takes minutes."""
    (tmp_path / "urls.txt").write_text("".join(f"http://h.example/{n}\n" for n in range(200)))
    (tmp_path / "spec.yaml").write_text("fetch: {pause: 0.5, robots: ignore}")
    for number in range(200):
        site.page(f"/{number}", "T")
    process = running(site, tmp_path, "--parameter", "BatchSize=200")
    site.on_visit = lambda _: process.send_signal(signal.SIGINT) if len(site.visits) == 3 else None

    with process:
        try:
            _, stderr = process.communicate(timeout=300)
        finally:
            process.kill()

    assert process.returncode == 130
    assert "stopping: what was asked for is waited for and kept" in stderr
    outcomes = final_outcomes(tmp_path / "out")
    assert 3 <= len(outcomes) < 200
    assert len(outcomes) == len(site.visits)
    assert LAST_SECONDS == COMMIT_SECONDS, "more, and requests go on beginning"


def test_the_demo_checks_itself(tmp_path: Path) -> None:
    done = scatterfetch("demo", cwd=tmp_path, COLUMNS="80")

    assert done.returncode == 0, done.stderr
    [header] = [line for line in done.stdout.splitlines() if line.startswith("title")]
    assert header.split() == ["title", "price", "rating", "link"]
    assert "398 final outcomes in the files for 398 URLs of the list." in done.stdout
    assert len(final_outcomes(tmp_path / "demo-out")) == 398
    readme = (ROOT / "README.md").read_text()
    shown = readme.partition("<!-- demo -->\n")[2].partition("<!-- end -->")[0]
    assert textwrap.dedent(shown) in done.stdout


def test_the_demo_does_not_write_over_somebody_elses_files(tmp_path: Path) -> None:
    mine = tmp_path / "demo-out/spec.yaml"
    mine.parent.mkdir()
    mine.write_text("fetch: {pause: 2}\n")

    done = scatterfetch_here("demo", cwd=tmp_path)

    assert done.returncode == 2
    assert "spec.yaml is there already and not the demo's" in done.stderr
    assert mine.read_text() == "fetch: {pause: 2}\n"


def test_the_demo_of_another_release_is_followed_by_this_one(tmp_path: Path) -> None:
    urls = tmp_path / "urls.txt"
    urls.write_text("http://www.alder-books.example/old\n")
    (tmp_path / "jobs/demo-urls-0123456789ab").mkdir(parents=True)

    url_list = demo_list(tmp_path)

    assert urls.read_bytes() == url_list.body
    assert list(tmp_path.glob("jobs/*")) == []


@pytest.mark.long
def test_a_second_demo_fetches_again_and_leaves_other_files_alone(tmp_path: Path) -> None:
    kept = tmp_path / "demo-out/results/job=mine/x.jsonl.gz"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(gzip.compress(b""))
    for _ in range(2):
        done = scatterfetch_here("demo", cwd=tmp_path)

    assert done.returncode == 0
    assert "398 URLs in" in done.stdout
    assert kept.exists()
    assert len(final_outcomes(tmp_path / "demo-out")) == 398
