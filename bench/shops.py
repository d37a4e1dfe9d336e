"""
A website of many hosts on loopback that keeps a log: `python -m bench.shops LOG`.

As bench/website.py: ``/N`` is a page of about N bytes whatever the host, and it prints its port.
LOG gets a line for each request with its host: see `bench.pauses.read_log`. Addresses of 127/8 may
be given to listen on besides 127.0.0.1, and ``HOST=SECONDS`` for a host that answers that late.
"""

import asyncio
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TextIO, cast

from bench.website import answer

_BACKLOG = 1_024


class _Connection(asyncio.Protocol):
    def __init__(self, log: TextIO, late: dict[str, float]) -> None:
        self._log = log
        self._late = late
        self._received = b""
        self._waiting: list[asyncio.TimerHandle] = []
        self._open: list[tuple[float, str, str]] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        began = time.monotonic()
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, _, self._received = self._received.partition(b"\r\n\r\n")
            target = head.split(b" ", 2)[1]
            request = began, _host(head), target.decode()
            self._open.append(request)
            wait = self._late.get(request[1], 0.0)
            if wait:
                loop = asyncio.get_running_loop()
                self._waiting.append(loop.call_later(wait, self._answer, target))
            else:
                self._answer(target)

    def connection_lost(self, error: Exception | None) -> None:
        del error
        for handle in self._waiting:
            handle.cancel()
        while self._open:
            self._end(answered=False)

    def _answer(self, target: bytes) -> None:
        self._transport.write(answer(target.partition(b"?")[0]))
        self._end(answered=True)

    def _end(self, *, answered: bool) -> None:
        began, host, target = self._open.pop(0)
        ended = time.monotonic()
        print(f"{began:.6f} {ended:.6f} {answered:d} {host} {target}", file=self._log)


def _host(head: bytes) -> str:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"host":
            return value.strip().partition(b":")[0].decode()
    return ""


async def _serve(log: TextIO, addresses: list[str], late: dict[str, float]) -> None:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    port = 0
    for address in ("127.0.0.1", *addresses):
        server = await loop.create_server(
            lambda: _Connection(log, late), address, port, backlog=_BACKLOG
        )
        port = server.sockets[0].getsockname()[1]
    print(port, flush=True)
    await ended.wait()


def _main(path: Path, others: list[str]) -> None:
    with suppress(PermissionError):  # only root may: on a busy machine the log is truer
        os.nice(-10)
    late = dict(text.split("=") for text in others if "=" in text)
    addresses = [text for text in others if "=" not in text]
    with path.open("w") as log:
        asyncio.run(_serve(log, addresses, {host: float(wait) for host, wait in late.items()}))


if __name__ == "__main__":
    _main(Path(sys.argv[1]), sys.argv[2:])
