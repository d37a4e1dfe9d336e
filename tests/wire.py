"""
One of everything that a release writes for another to read, each as the object it stands for.

`python -m tests.wire RELEASE` writes what this code makes of them to `tests/golden/RELEASE/`, which
is done once, when a release is made.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from functions.dispatcher.specs import spec_in
from functions.worker.politeness.partition import PartitionState, decode_state, encode_state
from functions.worker.politeness.pause import HostState
from functions.worker.politeness.robots import CachedRobots
from shared.errors import Reason
from shared.extract_spec import ExtractSpec, FieldSpec, SourceSpec
from shared.manifest import Manifest, decode_manifest, encode_manifest
from shared.messages import (
    Batch,
    Defer,
    Place,
    Shard,
    Submit,
    Target,
    Tick,
    decode_batch,
    decode_dispatch,
    encode,
)
from shared.outcomes import Kind, Outcome, decode_lines, encode_line
from shared.proxy_spec import ProxySpec
from shared.secret_spec import SecretName
from shared.spec import FetchSpec, Spec
from shared.tally import Tally, decode_tally, encode_tally

GOLDEN = Path(__file__).parent / "golden"
NOW = 1_795_292_541.0


class Written(NamedTuple):
    """What is written, and how it is written and read."""

    value: Any
    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]


def _message(value: Any) -> Written:
    return Written(value, lambda v: encode(v).encode(), lambda body: decode_dispatch(body.decode()))


def _batch(value: Batch) -> Written:
    return Written(value, lambda v: encode(v).encode(), lambda body: decode_batch(body.decode()))


def _apart(submit: Any) -> tuple[Any, Spec]:
    """Return `submit` and its spec, which may be written with more or fewer defaults."""
    return msgspec.structs.replace(submit, spec=None), spec_in(submit.spec)


TARGETS = (
    Target("https://shop.example/1", 3),
    Target(
        "https://shop.example/2",
        4,
        attempt=2,
        redirects=("https://www.shop.example/2",),
        slowdowns=1,
        method="POST",
        headers={"Accept": "text/html"},
        body="a=1",
        input={"sku": 17},
        turned=True,
    ),
)
BATCH = Batch(job="books-9f86d081884c", batch="00000-000001", partition=7, targets=TARGETS)
SPEC = Spec(
    fetch=FetchSpec(
        pause=2.0,
        content_types=("text/html",),
        headers={"Accept": "text/html"},
        proxies=ProxySpec(secret=SecretName(ssm="/proxies"), strategy="sticky"),
    ),
    extract=ExtractSpec(
        rows="article",
        fields={
            "title": FieldSpec(css="h1", required=True),
            "price": FieldSpec(any=(SourceSpec(css=".price"),), type="number", locale="de"),
        },
        include=("meta",),
    ),
)
LIST = Place("input", "books/urls.txt", "v1")
OUTCOME = Outcome(
    url="https://shop.example/2",
    final_url="https://www.shop.example/2",
    line=4,
    outcome=Kind.DEFERRED,
    status=503,
    reason=Reason.HTTP_503,
    detail="Service Unavailable",
    attempt=2,
    slowdowns=1,
    not_before=NOW + 60,
    redirects=("https://www.shop.example/2",),
    fetched_at="2026-11-21T01:14:42.120Z",
    elapsed_ms=183,
    method="POST",
)

WRITTEN: dict[str, Written] = {
    "batch": _batch(BATCH),
    "submit-urls": _message(Submit(id="1", name="books", urls=("http://e.example/",))),
    "submit-list": _message(Submit(list=LIST, spec_place=Place("input", "books/spec.yaml"))),
    "submit-spec": Written(
        Submit(id="1", name="books", urls=("http://e.example/",), spec=msgspec.to_builtins(SPEC)),
        lambda submit: encode(submit).encode(),
        lambda body: [_apart(submit) for submit in decode_dispatch(body.decode())],
    ),
    "shard": _message(Shard(job=BATCH.job, shard=3, start=100, line=17, alone=True)),
    "defer": _message(Defer(batch=BATCH, not_before=NOW)),
    "letter": _message(
        Defer(
            batch=Batch(
                job=BATCH.job,
                batch="00000-000001-r1",
                partition=7,
                died=Reason.TIMEOUT,
                targets=TARGETS[:1],
            )
        )
    ),
    "tick": _message(Tick(job=BATCH.job, number=3, first=1, done=17, since=NOW, stalled=True)),
    "manifest": Written(
        Manifest(
            job=BATCH.job,
            source=LIST,
            etag='"9f86d081884c"',
            size=1234,
            shard_bytes=16 * 1024 * 1024,
            streamed=True,
            spec=SPEC,
            partitions=256,
            batch_size=200,
            created_at="2026-11-21T01:14:42.120+00:00",
        ),
        encode_manifest,
        decode_manifest,
    ),
    "manifest-plain": Written(
        Manifest(job="j-1", spec=Spec(), partitions=256, batch_size=200, created_at="now"),
        encode_manifest,
        decode_manifest,
    ),
    "state": Written(
        PartitionState(
            hosts={"shop.example": HostState(next_at=NOW + 1, cool_until=NOW + 60, updated_at=NOW)},
            robots={
                "https://shop.example": CachedRobots(
                    status=200, text="User-agent: *\nDisallow: /x\n", fetched_at=NOW
                )
            },
        ),
        lambda state: encode_state(state, NOW),
        decode_state,
    ),
    "outcome": Written(OUTCOME, encode_line, lambda line: next(iter(decode_lines([line])))),
    "tally": Written(
        Tally(receipts=1, counts={"scraped": 3}, hosts={"shop.example": {"scraped": 3}}),
        encode_tally,
        decode_tally,
    ),
}


def main() -> None:
    """Write the golden bytes of the release that the command line names."""
    folder = GOLDEN / sys.argv[1]
    folder.mkdir(parents=True)
    for name, (value, encoded, _) in WRITTEN.items():
        (folder / f"{name}.json").write_bytes(encoded(value))


if __name__ == "__main__":
    main()
