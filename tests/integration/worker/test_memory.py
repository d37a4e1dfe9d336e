"""The engine's memory, measured in a process of its own: docs/limits.md holds for any pages."""

import asyncio
import gzip
import json
import os
import ssl
import sys
from typing import NamedTuple

import pytest
import trustme

from functions.worker.bounds import USABLE
from tests import ROOT
from tests.faults import Peer, Script, answer, faulty_server

LARGE = (b"<li><a href=/x/1>text</a></li>" + b"text " * 200) * 9_600  # 9.9 MB
DENSE = b"<p>x" * 2_400_000
BOMB = gzip.compress(bytes(1_000_000_000), 1)
# 25 million elements: an unclosed <b> is opened anew in every paragraph that follows.
TREE = b"<p>" + b"".join(b"<b a%x>" % n for n in range(5_000)) + b"<p>x" * 5_000


class Run(NamedTuple):
    ends: dict[str, int]
    before: int
    peak: int


async def run(script: Script, targets: int, memory: int, tls: ssl.SSLContext | None = None) -> Run:
    async with faulty_server(script, tls=tls) as server:
        arguments = (str(memory), server.scheme, str(server.port), str(targets))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.memory", *arguments),
            cwd=ROOT,
            env={**os.environ, "MALLOC_ARENA_MAX": "1"},  # as in template.yaml
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await process.communicate()
    assert process.returncode == 0
    return Run(**json.loads(out))


def serves(data: bytes) -> Script:
    async def script(peer: Peer) -> None:
        while await peer.request():
            await peer.send(data)

    return script


def breaks_off(data: bytes) -> Script:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(data)

    return script


@pytest.mark.parametrize("memory", [512, 1024])
@pytest.mark.parametrize(
    ("script", "targets", "end"),
    [
        pytest.param(serves(answer(LARGE)), 64, "scraped", id="large"),
        pytest.param(
            serves(answer(gzip.compress(LARGE, 1), "Content-Encoding: gzip")),
            64,
            "scraped",
            id="compressed",
        ),
        pytest.param(breaks_off(answer(LARGE)[:-1]), 64, "dead-truncated", id="truncated"),
        pytest.param(
            serves(answer(BOMB, "Content-Encoding: gzip")), 64, "failed-too_large", id="bombs"
        ),
        pytest.param(serves(answer(DENSE)), 20, "failed-too_complex", id="dense"),
        pytest.param(serves(answer(TREE)), 5, "failed-too_complex", id="trees"),
    ],
)
async def test_memory_stays_below_the_limit(
    script: Script, targets: int, end: str, memory: int
) -> None:
    found = await run(script, targets, memory)

    assert found.ends[end] == targets
    assert found.peak < USABLE * memory, found


@pytest.mark.parametrize("memory", [512, 1024])
async def test_memory_of_connections_is_small(memory: int) -> None:
    """Those of TLS have buffers of their own, idle ones, too."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("any.example").configure_cert(context)

    found = await run(serves(answer(b"<title>x</title>" * 1_000)), 900, memory, context)

    assert found.ends["scraped"] == 900
    assert found.peak < 170, found
