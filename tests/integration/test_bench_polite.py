"""`make bench-polite` measures what it says: whole commands, and what a website has seen."""

import socket
import sys
import textwrap
from pathlib import Path

from bench.pauses import read_log
from bench.polite import TOOLS, Scenario, run
from bench.serving import serving
from bench.timed import timed


def test_what_a_command_leaves_behind_is_counted_and_ended(tmp_path: Path) -> None:
    """A sandbox's own children outlive it, and whoever waits for the sandbox does not see them."""
    burnt = tmp_path / "burnt"
    orphan = f"""
        import pathlib, time
        while time.process_time() < 0.5: pass
        pathlib.Path({str(burnt)!r}).touch()
        time.sleep(600)
    """
    parent = f"""
        import pathlib, subprocess, sys, time
        subprocess.Popen([sys.executable, "-c", {textwrap.dedent(orphan)!r}])
        while not pathlib.Path({str(burnt)!r}).exists(): time.sleep(0.01)
        print("so be it")
        sys.exit(3)
    """

    found = timed([sys.executable, "-c", textwrap.dedent(parent)], tmp_path / "said.txt", limit=300)

    assert (found.status, found.left) == (3, 1)
    assert found.cpu > 0.5
    assert (tmp_path / "said.txt").read_text() == "so be it\n"


def test_a_command_that_does_not_end_is_interrupted(tmp_path: Path) -> None:
    sleeping = [sys.executable, "-c", "import time; print(1, flush=True); time.sleep(600)"]

    found = timed(sleeping, tmp_path / "said.txt", limit=1)

    assert found.status != 0
    assert found.wall < 300


def test_the_website_writes_down_when_requests_came_and_went(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    with serving("bench.shops", str(log), "late.example=0.3") as port:
        for host in ("late.example", f"quick.example:{port}"):
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.sendall(f"GET /9?n=1 HTTP/1.1\r\nHOST: {host}\r\n\r\n".encode())
                assert client.recv(100).startswith(b"HTTP/1.1 200 OK\r\n")
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"GET /9 HTTP/1.1\r\nHost: late.example\r\n\r\n")
            client.shutdown(socket.SHUT_WR)
            assert not client.recv(1)

    late, quick, gone = read_log(log.read_text().splitlines())
    assert (late.host, late.target, late.answered) == ("late.example", "/9?n=1", True)
    assert late.ended - late.began >= 0.3
    assert (quick.host, quick.answered) == ("quick.example", True)
    assert (gone.host, gone.answered) == ("late.example", False)


def test_the_measured_run_scrapes(tmp_path: Path) -> None:
    """Of the tools, ours; the others are in an environment of their own."""
    found = run(Scenario(2, 2, late=0.5), TOOLS["scatterfetch"], 1_000, tmp_path)

    assert (found.pages, found.status, found.left) == (4, 0, 0)
    assert (found.conduct.hasty, found.conduct.crowded, found.conduct.repeated) == (0, 0, 0)
    assert found.conduct.shortest is not None
    assert 0 < found.first < found.last < found.clock
