import msgspec
import pytest

from shared.ids import (
    MAX_ID,
    child_id,
    dead_letter_id,
    descendants,
    generation,
    job_id,
    last_generations,
)
from shared.messages import BatchId, JobId


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("books/2026-11-21", "books-2026-11-21-"),
        ("Büro & Co", "b-ro-co-"),
        ("...", "job-"),
        ("x" * 300, "x" * 48 + "-"),
    ],
)
def test_job_ids_are_readable_and_valid(name: str, start: str) -> None:
    job = job_id(name, "event")

    assert job.startswith(start)
    msgspec.convert(job, JobId)


def test_a_job_is_its_name_and_event() -> None:
    assert job_id("a", "1") == job_id("a", "1")
    assert len({job_id("a", "1"), job_id("a", "2"), job_id("A", "1")}) == 3


def test_ids_of_children_stay_short_and_different_however_often_targets_are_deferred() -> None:
    ids = set()
    families = ["00000-000001", "00000-000001-r1", "00000-000002"]
    for depth in range(1_000):
        families = [child_id(batch, 1 + depth % 7) for batch in families]
        ids |= set(families)
        assert [generation(batch) for batch in families] == [0, 1, 0]
        assert {batch[:12] for batch in families} == {"00000-000001", "00000-000002"}

    assert len(ids) == 3_000
    assert max(map(len, ids)) <= MAX_ID
    for batch in ids:
        msgspec.convert(batch, BatchId)


def test_a_childs_id_is_the_same_every_time() -> None:
    long = "00000-000000" + "-1" * 26
    assert len(long) == MAX_ID
    assert child_id(long, 1) == child_id(long, 1) != child_id(long, 2)


def test_what_is_redriven_is_of_the_next_generation() -> None:
    batch, generations = "00000-000000", []
    for _ in range(3):
        batch = dead_letter_id(child_id(batch, 1), 12)
        generations.append(generation(batch))

    assert generations == [1, 2, 3]
    assert batch == "00000-000000-1-r12-1-r12-1-r12"


def test_the_last_outcome_of_each_line_is_known_by_its_generation() -> None:
    finals = [("00000-000000-r1", 1), ("00000-000000-r1-1-r1", 2), ("00000-000000-r1", 2)]

    assert last_generations(finals) == {1: 1, 2: 2}


def test_what_a_batch_has_led_to_is_found_however_deep() -> None:
    family = ["00000-000001"]
    for number in range(40):
        family.append(child_id(family[-1], 1 + number % 12))
    letter = dead_letter_id(family[30], 2)
    others = ["00000-000010", "00000-000002", "00001-000001", "00000-000010-1"]
    batches = [*family, letter, child_id(letter, 1), *others]

    assert descendants(family[:1], batches) == {*family[1:], letter, child_id(letter, 1)}
    assert descendants(family[31:32], batches) == {*family[32:]}
    assert descendants(["00000-000002"], batches) == set()
    # Of any number of batches, all that there are is gone through once.
    both = descendants([family[31], "00000-000010"], iter(batches))
    assert both == {*family[32:], "00000-000010-1"}
