"""What `scatterfetch deploy` asks AWS before it deploys."""

import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import scatterfetch.build
from scatterfetch.cli import main

AGENT = "UserAgent=acme-bot/1.0 (+https://acme.example/bot)"
STACK = """\
<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/">
<DescribeStacksResult><Stacks><member><StackName>scatterfetch</StackName>
<CreationTime>2026-11-21T01:14:42Z</CreationTime><StackStatus>CREATE_COMPLETE</StackStatus>
<Parameters><member><ParameterKey>WorkerConcurrency</ParameterKey><ParameterValue>6</ParameterValue>
</member></Parameters></member></Stacks></DescribeStacksResult></DescribeStacksResponse>"""
NO_STACK = """\
<ErrorResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><Error><Type>Sender</Type>
<Code>ValidationError</Code><Message>Stack does not exist</Message></Error></ErrorResponse>"""


class Account:
    """An account, of which a test says what it allows. None: it says that it may not tell."""

    def __init__(self) -> None:
        self.concurrency: int | None = 10
        self.has_stack = False


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    account = Account()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.path.rstrip("/") == "/2016-08-19/account-settings"
            if account.concurrency is None:
                body = {"Message": "not authorized to perform lambda:GetAccountSettings"}
                self.answer(403, json.dumps(body))
            else:
                limit = {"UnreservedConcurrentExecutions": account.concurrency}
                self.answer(200, json.dumps({"AccountLimit": limit}))

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.answer(*((200, STACK) if account.has_stack else (400, NO_STACK)))

        def answer(self, status: int, body: str) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("AWS_REGION", "eu-central-1")
        yield account
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def sam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A SAM CLI that does nothing; nothing is installed into what it would deploy."""
    monkeypatch.setattr(scatterfetch.build, "_install", lambda *_: None)
    monkeypatch.setattr(scatterfetch.build, "_python", lambda: None)
    script = tmp_path / "sam"
    script.write_text(f"#!/bin/sh\ntouch {tmp_path}/deployed\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "deployed"


@pytest.mark.usefixtures("account")
def test_a_quota_that_is_too_low_is_said_before_the_deployment(
    sam: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["deploy", "--yes", AGENT]) == 0

    said = capsys.readouterr().err
    assert "at most 10 functions at once in eu-central-1" in said
    assert "WorkerConcurrency=20 and DispatcherConcurrency=5 are 25" in said
    assert "Deploy with WorkerConcurrency=5 DispatcherConcurrency=5, or ask" in said
    assert sam.exists(), "it is a warning"


@pytest.mark.parametrize(
    ("concurrency", "has_stack", "words"),
    [
        pytest.param(1_000, False, [], id="enough"),
        pytest.param(10, False, ["WorkerConcurrency=8", "DispatcherConcurrency=2"], id="just"),
        pytest.param(11, True, [], id="the stack keeps its own"),
        pytest.param(None, False, [], id="no permission"),
    ],
)
def test_otherwise_there_is_not_a_word(
    account: Account,
    sam: Path,
    concurrency: int | None,
    has_stack: bool,
    words: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    account.concurrency, account.has_stack = concurrency, has_stack

    assert main(["deploy", "--yes", AGENT, *words]) == 0

    assert "at once" not in capsys.readouterr().err
    assert sam.exists()
