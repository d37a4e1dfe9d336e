"""
Real pages, and the programs that serve them: Debian packages, unpacked and not installed. And the
environment of those that we are compared with.

Everything is kept in ``bench/.cache``, which may be deleted at any time.
"""

import gzip
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from random import Random
from typing import NamedTuple

CACHE = Path(__file__).parent / ".cache"
_PROGRAMS = ("nginx", "redis-server", "redis-tools", "libjemalloc2", "liblzf1")
_PAGES = ("python3.11-doc", "postgresql-doc-15", "python-django-doc", "python-pandas-doc")
_PER_PACKAGE = 350
_SIZES = range(10_000, 1_000_000)
# Each is a host: Linux's loopback is all of 127/8.
HOSTS = tuple(f"127.0.0.{n}" for n in range(2, 12))
_LOCK = Path(__file__).parents[1] / "requirements/peers.txt"
_ROBOTS = "User-agent: *\nDisallow: /private/\nDisallow: /*?print=\n"


class Corpus(NamedTuple):
    """`folder` is what is to be served: ``0000.html`` and so on, and each gzipped beside it."""

    folder: Path
    pages: tuple[str, ...]
    largest: str
    bytes: int
    """Of all pages together, not gzipped."""


def prepare() -> Corpus:
    """Download and unpack what is not there yet, and return the pages."""
    folder = CACHE / "site"
    marker = CACHE / "site.complete"
    if not marker.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for number, source in enumerate(_sources()):
            body = source.read_bytes()
            (folder / f"{number:04d}.html").write_bytes(body)
            (folder / f"{number:04d}.html.gz").write_bytes(gzip.compress(body, 6, mtime=0))
        (folder / "robots.txt").write_text(_ROBOTS)
        marker.touch()
    pages = sorted(folder.glob("*.html"))
    sizes = {page.name: page.stat().st_size for page in pages}
    return Corpus(folder, tuple(sizes), max(sizes, key=sizes.__getitem__), sum(sizes.values()))


def _sources() -> list[Path]:
    """Return as many pages of each package, spread over all that it has, shuffled."""
    chosen: list[Path] = []
    for package in _PAGES:
        root = unpacked(package)
        pages = sorted(
            page
            for page in root.rglob("*.html")
            if not page.is_symlink() and page.stat().st_size in _SIZES
        )
        chosen += [pages[n * len(pages) // _PER_PACKAGE] for n in range(_PER_PACKAGE)]
    Random(0).shuffle(chosen)  # noqa: S311 -- any order, as long as it stays
    return chosen


def unpacked(package: str) -> Path:
    """Return where the Debian package of that name is unpacked."""
    folder = CACHE / "packages" / package
    if not folder.exists():
        print(f"Downloading {package} ...", flush=True)
        downloads = CACHE / "downloads" / package
        downloads.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            ["apt-get", "download", "-qq", package],
            cwd=downloads,
            check=True,
            stderr=subprocess.DEVNULL,
        )
        [archive] = downloads.glob("*.deb")
        partial = folder.with_name(f"{package}.partial")
        partial.mkdir(parents=True, exist_ok=True)
        subprocess.run(["dpkg", "-x", str(archive), str(partial)], check=True)
        partial.rename(folder)
        archive.unlink()
    return folder


@contextmanager
def running(corpus: Corpus, port: int, *, core: int | None, folder: Path) -> Iterator[None]:
    """
    Serve the pages on `port` of all `HOSTS`, by nginx, whose files are in `folder`.

    `core` is the one that nginx has; None: any.
    """
    config = folder / "nginx.conf"
    config.write_text(
        f"""
        daemon off; master_process off; worker_processes 1;
        pid {folder}/nginx.pid; error_log {folder}/nginx.log warn;
        events {{ worker_connections 1024; }}
        http {{
            access_log off; sendfile on; tcp_nopush on;
            types {{ text/html html; text/plain txt; }}
            charset utf-8;
            keepalive_requests 1000000; open_file_cache max=5000;
            gzip_static on; gzip_vary on;
            client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
            fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
            scgi_temp_path {folder}/scgi;
            server {{ listen {port}; root {corpus.folder}; }}
        }}
        """
    )
    program = unpacked("nginx") / "usr/sbin/nginx"
    with _program(
        [str(program), "-e", str(folder / "nginx.log"), "-p", str(folder), "-c", str(config)], core
    ) as server:
        _wait_for(f"http://{HOSTS[0]}:{port}/robots.txt", server)
        yield


@contextmanager
def redis(folder: Path, *arguments: str, core: int) -> Iterator[None]:
    """Run Redis without persistence; what it leaves is in `folder`."""
    libraries = [
        unpacked(name) / "usr/lib" / f"{os.uname().machine}-linux-gnu" for name in _PROGRAMS[3:]
    ]
    # redis-server is a link to a program of the other package.
    program = unpacked("redis-tools") / "usr/bin/redis-check-rdb"
    server = folder / "redis-server"
    server.symlink_to(program)
    environment = os.environ | {"LD_LIBRARY_PATH": ":".join(map(str, libraries))}
    quiet = ["--save", "", "--appendonly", "no", "--logfile", str(folder / "redis.log")]
    with _program([str(server), *arguments, *quiet], core, environment):
        yield


def peers_python() -> Path:
    """Return the Python of the peers' environment, which is made where it is not up to date."""
    folder = CACHE / "peers"
    installed = folder / "installed.txt"
    if not installed.exists() or installed.read_bytes() != _LOCK.read_bytes():
        print("Installing the peers ...", flush=True)
        uv = [str(Path(sys.executable).with_name("uv"))]
        subprocess.run(
            [*uv, "venv", "-q", "--clear", "--python", sys.executable, folder], check=True
        )
        sync = ["pip", "sync", "-q", "--require-hashes", "--compile-bytecode"]
        subprocess.run([*uv, *sync, "--python", folder / "bin/python", _LOCK], check=True)
        installed.write_bytes(_LOCK.read_bytes())
    return folder / "bin/python"


def urls(pages: tuple[str, ...], port: int, *, passes: int, name: str) -> list[str]:
    """Return the URLs of `pages` on all hosts in turns, `passes` times with other queries."""
    hosts = cycle(HOSTS)
    return [
        f"http://{next(hosts)}:{port}/{page}?{name}={number}"
        for number in range(passes)
        for page in pages
    ]


@contextmanager
def _program(
    command: list[str], core: int | None, environment: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    pinned = [] if core is None else ["taskset", "-c", str(core)]
    with subprocess.Popen([*pinned, *command], env=environment) as process:
        try:
            yield process
        finally:
            process.terminate()


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        try:
            with urllib.request.urlopen(url, timeout=1):  # noqa: S310 -- http
                return
        except OSError:
            if server.poll() is not None:
                break
            time.sleep(0.05)
    raise SystemExit(f"no answer from {url}; see {server.args!r}")
