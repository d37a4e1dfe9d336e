"""Which test is run when, where several processes share them."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def long_first(long: Sequence[T], others: Sequence[T], processes: int) -> list[T]:
    """
    Return a list of which the first half of the processes begins with the long ones.

    Each process begins with an equal part of the list, and ends with what it steals from the ends
    of others: `--dist worksteal`. So no long one is left to the end, where one process works and
    the others have nothing to do. Long ones wait most of their time, and the other half of the
    processes computes meanwhile.
    """
    left = iter(others)
    share = max(1, processes // 2)
    total = len(long) + len(others)
    dealt: list[T] = []
    for number in range(processes):
        part = [*long[number::share]] if number < share else []
        size = (total - len(dealt)) // (processes - number)
        dealt += part
        dealt += [one for _, one in zip(range(size - len(part)), left, strict=False)]
    return [*dealt, *left]
