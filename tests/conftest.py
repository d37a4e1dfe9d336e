"""Fixtures shared by all suites. No test may reach a host but 127.0.0.1."""

import gc
import os
import socket
import sys
from collections.abc import Iterator
from inspect import ismodule
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, settings

from scatterfetch.localcloud.embedded import EmbeddedCloud
from tests.cloud import Deployment, new_deployment
from tests.order import long_first
from tests.site import Site, running_site

_PARSERS = "functions.worker.parsers"
_BUNDLED_PARSERS = Path(__file__).parent.parent / "functions/worker/parsers"
_UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
# The same examples on each machine and in each run; `search` looks for others (CONTRIBUTING.md).
settings.register_profile("fixed", _UNTIMED, derandomize=True, database=None)
settings.register_profile("search", _UNTIMED, max_examples=5_000)
settings.load_profile("fixed")


@pytest.fixture(scope="session", autouse=True)
def _fake_credentials() -> Iterator[None]:
    """Whatever is configured on this machine, no test has real credentials."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_CONFIG_FILE", "/dev/null")
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
            patch.delenv(name, raising=False)
        # Each of the many processes would read the authorities of all the world, and more than
        # once. The certificates of local servers are trusted by who tests with them.
        patch.setenv("SSL_CERT_FILE", os.devnull)
        yield


@pytest.fixture(autouse=True)
def _own_parsers() -> Iterator[None]:
    """The Python parsers of one test's project are in no other test's."""
    yield
    package = sys.modules.get(_PARSERS)
    if package is None:
        return
    package.__path__ = [os.fspath(_BUNDLED_PARSERS)]
    if all(_is_bundled(module) for module in vars(package).values() if ismodule(module)):
        return  # as after nearly every test, and there are thousands of modules to look through
    for name in [name for name in sys.modules if name.startswith(f"{_PARSERS}.")]:
        if not _is_bundled(sys.modules[name]):
            del sys.modules[name]
            vars(package).pop(name.removeprefix(f"{_PARSERS}."), None)


def _is_bundled(parser: ModuleType) -> bool:
    return Path(parser.__file__ or "").is_relative_to(_BUNDLED_PARSERS)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """
    Let the garbage collector leave alone what stays to the end: all modules and tests.

    It has nothing to find there, and would look through it time and again.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist
def pytest_xdist_auto_num_workers() -> int:
    """
    Return how many processes share the tests: two for each processor.

    Half of the time a test waits, for a pause that it tests or for a process that it has started.
    """
    return 2 * (os.cpu_count() or 1)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let the long ones begin first, each time in another order as all of them."""
    processes = getattr(config, "workerinput", {}).get("workercount", 1)
    if processes > 1:
        long = [item for item in items if item.get_closest_marker("long")]
        others = [item for item in items if not item.get_closest_marker("long")]
        items[:] = long_first(long, others, processes)


@pytest.fixture
def site() -> Iterator[Site]:
    """A real website; see `Site.reply`."""
    with running_site() as site:
        yield site


@pytest.fixture
def unreachable_url() -> Iterator[str]:
    """A URL on 127.0.0.1 whose port is bound and never listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}/"


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """The address of a real S3 and SQS API."""
    cloud = EmbeddedCloud()
    cloud.start()
    yield cloud.endpoint
    cloud.stop()


@pytest.fixture
def deployment(endpoint: str) -> Deployment:
    """Buckets and queues of this test alone."""
    return new_deployment(endpoint)


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Name bytes by their length: what gzip makes differs from second to second."""
    del config
    if isinstance(val, bytes) and not (val.isascii() and val.decode("ascii").isprintable()):
        return f"{argname}-of-{len(val)}-bytes"
    return None
