"""What a worker of a deployment has to work with, wherever it runs."""

from collections.abc import Callable
from functools import lru_cache
from random import Random

from functions.worker.fence import Fence
from functions.worker.work import Resources
from shared.errors import InvalidJobError
from shared.keys import manifest_key
from shared.manifest import Manifest, decode_manifest
from shared.queue import Queue
from shared.settings import WorkerSettings
from shared.store import Bucket


def resources_of(settings: WorkerSettings, clock: Callable[[], float]) -> Resources:
    """
    Return it.

    Args:
        settings: Of the deployment.
        clock: Returns the seconds since the epoch.
    """
    data = Bucket(settings.data_bucket)
    return Resources(
        settings=settings,
        fence=Fence(data, settings, clock),
        manifest=lambda job: _manifest(settings.data_bucket, job),
        data=data,
        work_queue=Queue(settings.work_queue_url),
        wake_queue=Queue(settings.wake_queue_url),
        dispatch_queue=Queue(settings.dispatch_queue_url),
        dead_letter_queue=Queue(settings.dead_letter_queue_url),
        clock=clock,
        rng=Random(),  # noqa: S311 -- jitter
    )


@lru_cache(maxsize=64)
def _manifest(bucket: str, job: str) -> Manifest:
    body = Bucket(bucket).get(manifest_key(job))
    if body is None:
        raise InvalidJobError(f"job {job} has no manifest; was its folder deleted?")
    return decode_manifest(body)
