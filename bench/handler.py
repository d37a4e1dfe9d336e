"""The worker as Lambda runs it: its handler, message after message, in one process."""

import json
import os
import time
from pathlib import Path
from typing import Any, cast

from bench.spec import SPEC
from bench.subjects import BATCH_SIZE, arguments, say
from functions.worker.handler import handler
from scatterfetch.localcloud.bootstrap import LambdaContext
from shared.ids import batch_id
from shared.keys import manifest_key
from shared.manifest import Manifest, encode_manifest
from shared.messages import Batch, Target, encode
from shared.settings import WorkerSettings
from shared.store import Bucket

_SECONDS = 120


def work(job: str, urls: list[str]) -> list[str]:
    """Have `urls` scraped, batch after batch; return the batches."""
    batches = []
    for number in range(-(-len(urls) // BATCH_SIZE)):
        first = number * BATCH_SIZE
        batch = Batch(
            job=job,
            batch=batch_id(0, number),
            partition=0,
            targets=tuple(
                Target(url, line)
                for line, url in enumerate(urls[first : first + BATCH_SIZE], first + 1)
            ),
        )
        record = {
            "messageId": batch.batch,
            "receiptHandle": batch.batch,
            "body": encode(batch),
            "attributes": {"ApproximateReceiveCount": "1"},
        }
        context = LambdaContext(batch.batch, time.time() + _SECONDS)
        answer = handler({"Records": [record]}, cast("Any", context))
        if answer != {"batchItemFailures": []}:
            raise SystemExit(f"batch {batch.batch} failed")
        batches.append(batch.batch)
    return batches


def main() -> None:
    warm, work_urls, rows = arguments()
    data = Bucket(WorkerSettings.from_env(os.environ).data_bucket)
    # A job of its own for each run: what is committed is not fetched again.
    jobs = [f"{name}-{time.time_ns()}" for name in ("warm", "work")]
    for job in jobs:
        manifest = Manifest(
            job=job, spec=SPEC, partitions=1, batch_size=BATCH_SIZE, created_at="now"
        )
        data.put(manifest_key(job), encode_manifest(manifest))
    work(jobs[0], warm)
    say("ready")
    batches = work(jobs[1], work_urls)
    say("done")
    _keep(data, jobs[1], batches, rows)


def _keep(data: Bucket, job: str, batches: list[str], rows: Path) -> None:
    """Write the rows as the other subjects do."""
    import gzip  # noqa: PLC0415 -- after what is measured

    from shared.keys import results_key  # noqa: PLC0415

    with rows.open("w") as file:
        for batch in batches:
            body = data.get(results_key(job, batch))
            assert body is not None
            for line in gzip.decompress(body).splitlines():
                outcome = json.loads(line)
                file.writelines(
                    json.dumps({"url": outcome["url"], **row}) + "\n" for row in outcome["rows"]
                )


main()
