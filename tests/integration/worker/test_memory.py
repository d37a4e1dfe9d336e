"""The engine's memory, measured in a process of its own: docs/limits.md holds for any pages."""

import asyncio
import gzip
import json
import os
import sys
from typing import NamedTuple

import pytest

from tests import ROOT
from tests.faults import Peer, Script, answer, faulty_server

BOUND = 900  # MB, as in docs/limits.md
LARGE = (b"<li><a href=/x/1>text</a></li>" + b"text " * 200) * 9_600  # 9.9 MB
DENSE = b"<p>x" * 2_400_000
BOMB = gzip.compress(bytes(1_000_000_000), 1)
# 25 million elements: an unclosed <b> is opened anew in every paragraph that follows.
TREE = b"<p>" + b"".join(b"<b a%x>" % n for n in range(5_000)) + b"<p>x" * 5_000


class Run(NamedTuple):
    ends: dict[str, int]
    before: int
    peak: int


async def run(script: Script, targets: int) -> Run:
    async with faulty_server(script) as server:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.memory", str(server.port), str(targets)),
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
async def test_memory_stays_below_the_limit(script: Script, targets: int, end: str) -> None:
    found = await run(script, targets)

    assert found.ends[end] == targets
    assert found.peak < BOUND, found
