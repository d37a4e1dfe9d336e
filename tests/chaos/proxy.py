"""
An HTTP proxy in front of S3 and SQS that does to their calls what services and networks do.

Knows HTTP, and how S3 and SQS are told what to do; nothing of scatterfetch.
"""

import json
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from math import inf
from random import Random
from typing import Any, NamedTuple
from urllib.parse import unquote

_TARGET = "X-Amz-Target"
_CREDENTIAL = re.compile(r"Credential=((?:dispatcher|worker)-[^/]+)/")
_NOT_PASSED_ON = {"connection", "expect", "keep-alive", "transfer-encoding", "content-length"}


@dataclass(frozen=True)
class Call:
    """A request on its way. `client` is the function that asks, by its AWS_ACCESS_KEY_ID."""

    client: str
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def what(self) -> str:
        """`PUT bucket/key`, `DeleteMessage queue`; of three messages `SendMessageBatch queue 3`."""
        target = self.headers.get(_TARGET)
        if target is None:
            return f"{self.method} {unquote(self.path.partition('?')[0].lstrip('/'))}"
        queue = str(self.arguments.get("QueueUrl", "")).rpartition("/")[2]
        entries = self.arguments.get("Entries")
        return f"{target.partition('.')[2]} {queue}{f' {len(entries)}' if entries else ''}"

    @property
    def arguments(self) -> dict[str, Any]:
        """Of an SQS action."""
        found: dict[str, Any] = json.loads(self.body)
        return found

    def asking(self, action: str | None = None, **arguments: Any) -> "Call":
        """Return this call of SQS with another action or other arguments."""
        headers = (
            self.headers if action is None else {**self.headers, _TARGET: f"AmazonSQS.{action}"}
        )
        body = json.dumps({**self.arguments, **arguments}).encode()
        return replace(self, headers=headers, body=body)


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


Forward = Callable[[Call], Answer]
Effect = Callable[[Call, Forward], Answer | None]
"""What happens to a call; None is a connection that is closed without an answer."""


@dataclass
class Fault:
    """
    Something that happens to calls.

    Args:
        where: A regular expression; what it finds in ``CLIENT WHAT`` of a call is concerned.
        effect: What happens.
        chance: How often, of all calls that are concerned.
        times: How often at most.
    """

    where: str
    effect: Effect
    chance: float = 1.0
    times: float = inf
    fired: int = 0


# ---- effects


def lose_request(_call: Call, _forward: Forward) -> None:
    """Hang up before anything is done."""


def lose_answer(call: Call, forward: Forward) -> None:
    """Do as asked and hang up."""
    forward(call)


def time_out(call: Call, forward: Forward) -> None:
    """Do as asked and say so too late for anybody to wait for it."""
    forward(call)
    time.sleep(5)


def fail(call: Call, _forward: Forward) -> Answer:
    return _error(call, 500, "InternalError", "InternalFailure")


def throttle(call: Call, _forward: Forward) -> Answer:
    sqs = _TARGET in call.headers
    return _error(call, 400 if sqs else 503, "SlowDown", "RequestThrottled")


def refuse(call: Call, _forward: Forward) -> Answer:
    return _error(call, 400, "InvalidArgument", "InvalidParameterValue")


def lose_object(call: Call, _forward: Forward) -> Answer:
    """Say that there is no such object."""
    return _error(call, 404, "NoSuchKey", "")


def refuse_some(call: Call, forward: Forward) -> Answer:
    """Take the first of several messages, and have trouble with the others."""
    first, *others = call.arguments["Entries"]
    answer = forward(call.asking(Entries=[first]))
    trouble = {"SenderFault": False, "Code": "InternalError"}
    failed = [{"Id": entry["Id"], **trouble} for entry in others]
    body = {**json.loads(answer.body), "Failed": failed}
    return answer._replace(body=json.dumps(body).encode())


def refuse_entries(call: Call, forward: Forward, entries: Sequence[Mapping[str, Any]]) -> Answer:
    """Do as asked but for some `entries` of it, which are the caller's fault."""
    ids = {entry["Id"] for entry in entries}
    others = [entry for entry in call.arguments["Entries"] if entry["Id"] not in ids]
    answer = forward(call.asking(Entries=others)) if others else succeed(call, forward)
    trouble = {"SenderFault": True, "Code": "ReceiptHandleIsInvalid", "Message": "as scripted"}
    said = json.loads(answer.body)
    failed = said.get("Failed", []) + [{"Id": name, **trouble} for name in sorted(ids)]
    body = {**said, "Failed": failed} if ids else said
    return answer._replace(body=json.dumps(body).encode())


def do_twice(call: Call, forward: Forward) -> Answer:
    forward(call)
    return forward(call)


def succeed(_call: Call, _forward: Forward) -> Answer:
    """Say that a call of SQS has worked."""
    return Answer(200, {"Content-Type": "application/x-amz-json-1.0"}, b"{}")


def _error(call: Call, status: int, s3: str, sqs: str) -> Answer:
    if _TARGET in call.headers:
        body = json.dumps({"__type": f"com.amazonaws.sqs#{sqs}", "message": "as scripted"})
        return Answer(status, {"Content-Type": "application/x-amz-json-1.0"}, body.encode())
    body = f"<Error><Code>{s3}</Code><Message>as scripted</Message></Error>"
    return Answer(status, {"Content-Type": "application/xml"}, body.encode())


# ---- the proxy


class _Handler(BaseHTTPRequestHandler):
    server: "FaultProxy"
    protocol_version = "HTTP/1.1"  # keeps connections open
    disable_nagle_algorithm = True
    wbufsize = -1  # an answer is one packet

    def handle_call(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        if len(body) < length:  # who called was killed
            self.close_connection = True
            return
        credential = _CREDENTIAL.search(self.headers.get("Authorization", ""))
        client = credential[1] if credential else ""
        call = Call(client, self.command, self.path, dict(self.headers), body)
        answer = self.server.answer(call)
        if answer is None:
            self.close_connection = True
            return
        with suppress(ConnectionError):  # of who has been killed meanwhile
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if self.command != "HEAD":
                self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_call  # noqa: N815

    def handle_expect_100(self) -> bool:
        proceed = super().handle_expect_100()
        self.wfile.flush()
        return proceed

    def handle(self) -> None:
        with suppress(ConnectionError):
            super().handle()

    def finish(self) -> None:
        with suppress(ConnectionError):
            super().finish()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class FaultProxy(ThreadingHTTPServer):
    """
    Passes calls on to `upstream`, unless one of `faults` is due; the first that is happens.

    `endpoint` is its address and `log` what was passed on, with the status of the answer. `correct`
    is asked whenever a call is passed on: a place to mend what upstream does otherwise than AWS.
    """

    daemon_threads = True

    def __init__(self, upstream: str, rng: Random, correct: Effect) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.endpoint = f"http://127.0.0.1:{self.server_port}"
        self._upstream = upstream.removeprefix("http://")
        self.faults: list[Fault] = []
        self.log: list[tuple[str, int]] = []
        self._correct = correct
        self._rng = rng
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    def answer(self, call: Call) -> Answer | None:
        fault = self._due(f"{call.client} {call.what}")
        return fault.effect(call, self._corrected) if fault else self._corrected(call)

    def _due(self, call: str) -> Fault | None:
        with self._lock:
            for fault in self.faults:
                if (
                    fault.fired < fault.times
                    and re.search(fault.where, call)
                    and self._rng.random() < fault.chance
                ):
                    fault.fired += 1
                    return fault
        return None

    def _corrected(self, call: Call) -> Answer:
        answer = self._correct(call, self._forward)
        assert answer is not None
        return answer

    def _forward(self, call: Call) -> Answer:
        headers = {k: v for k, v in call.headers.items() if k.lower() not in _NOT_PASSED_ON}
        connection = HTTPConnection(self._upstream)
        try:
            connection.request(call.method, call.path, call.body, headers)
            response = connection.getresponse()
            body = response.read()
        finally:
            connection.close()
        self.log.append((f"{call.client} {call.what}", response.status))
        passed_on = {k: v for k, v in response.getheaders() if self._passed_on(call, k.lower())}
        return Answer(response.status, passed_on, body)

    @staticmethod
    def _passed_on(call: Call, header: str) -> bool:
        # The answer to HEAD tells the length of what it does not hold.
        ours = {"date", "server"} | _NOT_PASSED_ON
        return header not in ours or (header == "content-length" and call.method == "HEAD")
