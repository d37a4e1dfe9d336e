import pytest

import functions.dispatcher.jobs as jobs_module
import shared.store
from functions.dispatcher.dispatch import Dispatcher
from shared.store import Bucket
from shared.wakes import Wakes
from tests.cloud import Deployment
from tests.dispatching import NOW
from tests.roles import restricted


@pytest.fixture
def dispatcher(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Dispatcher:
    """A dispatcher whose input bucket is the deployment's too."""
    client = restricted(deployment, "DispatcherRole")
    monkeypatch.setattr(shared.store, "s3_client", lambda: client)
    return Dispatcher(
        deployment.dispatcher_settings,
        data=Bucket(deployment.data_bucket, client),
        dispatch_queue=deployment.dispatch_queue,
        work_queue=deployment.work_queue,
        wakes=Wakes(deployment.wake_queue, workers=20),
        now=lambda: NOW,
    )


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs_module, "SHARD_BYTES", 150)
