"""How often a small job waits for a large one: what the number of partitions was chosen by."""

from random import Random

import pytest

from shared.lock import PARTITIONS
from shared.urls import partition_of


def share_that_waits(large: int, partitions: int) -> float:
    """Return the share of hosts that have one of `large` ones in their partition."""
    rng = Random(7)
    names = [f"{rng.randrange(10**12):x}.example" for _ in range(large * 20 + 4_000)]
    taken, waiting = [], 0
    for start in range(0, len(names) - large - 1, large + 200):
        busy = {partition_of(name, partitions) for name in names[start : start + large]}
        others = names[start + large : start + large + 200]
        waiting += sum(partition_of(name, partitions) in busy for name in others)
        taken.append(len(others))
    return waiting / sum(taken)


@pytest.mark.parametrize(
    ("large", "partitions", "share"),
    [(30, 256, 0.11), (30, 1024, 0.03), (30, 4096, 0.007), (680, 1024, 0.48), (10, 1024, 0.01)],
)
def test_a_host_waits_as_often_as_docs_say(large: int, partitions: int, share: float) -> None:
    assert share_that_waits(large, partitions) == pytest.approx(share, rel=0.35, abs=0.004)


def test_beside_thirty_shops_waiting_is_rare() -> None:
    assert share_that_waits(30, PARTITIONS) < 0.04
