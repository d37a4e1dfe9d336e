"""The short form of the chaos suite: every scenario once; `make chaos` has the long one."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.chaos.__main__ import SKIPPED, Ran, run_apart
from tests.chaos.scenarios import SCENARIOS

_AT_ONCE = 4  # they wait more than they work


@pytest.fixture(scope="module")
def under_way(request: pytest.FixtureRequest) -> Iterator[dict[str, Future[Ran]]]:
    """The scenarios that were asked for, all begun."""
    names = [
        str(item.callspec.params["scenario"])
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.path == request.path
    ]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        yield {name: pool.submit(run_apart, name, seed=1, short=True) for name in names}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_nothing_is_lost(scenario: str, under_way: dict[str, Future[Ran]]) -> None:
    ran = under_way[scenario].result()

    if ran.status == SKIPPED:
        pytest.skip(ran.output)
    assert ran.status == 0, ran.output
