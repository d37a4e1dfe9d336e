"""How many workers a machine, or a container, has room for."""

from pathlib import Path

import pytest

from scatterfetch.machine.resources import usable_cores, usable_memory, workers_for


@pytest.mark.parametrize(
    ("cores", "available", "workers"), [(8, 16_000, 8), (8, 4_096, 4), (1, 64_000, 1), (4, 500, 1)]
)
def test_a_worker_for_each_core_as_far_as_there_is_memory(
    cores: int, available: int, workers: int
) -> None:
    assert workers_for(1024, cores=cores, available=available) == workers


@pytest.mark.parametrize(
    ("quota", "cores"), [("100000 100000", 1), ("50000 100000", 1), ("max 100000", None)]
)
def test_the_limits_of_a_container_count(tmp_path: Path, quota: str, cores: int | None) -> None:
    (tmp_path / "cpu.max").write_text(f"{quota}\n")
    (tmp_path / "memory.max").write_text("2147483648\n" if cores else "max\n")
    nowhere = tmp_path / "nowhere"

    assert usable_cores(tmp_path) == (cores or usable_cores(nowhere))
    assert usable_memory(tmp_path) == (
        min(2048, usable_memory(nowhere)) if cores else usable_memory(nowhere)
    )
