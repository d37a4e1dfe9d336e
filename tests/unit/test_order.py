import pytest

from tests.order import long_first


@pytest.mark.parametrize("processes", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("others", [0, 1, 30, 31])
def test_each_test_is_run_once(others: int, processes: int) -> None:
    long, short = [f"long {n}" for n in range(5)], [f"{n}" for n in range(others)]

    assert sorted(long_first(long, short, processes)) == sorted(long + short)


def test_half_of_the_processes_begin_with_the_long_ones() -> None:
    long, short = ["A", "B", "C"], [f"{n}" for n in range(17)]

    dealt = long_first(long, short, 4)

    parts = [dealt[start : start + 5] for start in range(0, 20, 5)]
    assert [part[:2] for part in parts] == [["A", "C"], ["B", "3"], ["7", "8"], ["12", "13"]]
