"""The short form of the chaos suite: every scenario once; `make chaos` has the long one."""

import pytest

from tests.chaos.__main__ import SKIPPED, run_apart
from tests.chaos.scenarios import SCENARIOS


@pytest.mark.long
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_nothing_is_lost(scenario: str) -> None:
    ran = run_apart(scenario, seed=1, short=True)

    if ran.status == SKIPPED:
        pytest.skip(ran.output)
    assert ran.status == 0, ran.output
