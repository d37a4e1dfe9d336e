from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from scatterfetch.jobs.folder import Folder
from scatterfetch.results.jobs import date_fields, unfinished
from shared.keys import dispatched_folder, receipts_folder
from shared.spec import Spec
from tests.unit.scatterfetch.jobs.test_same_list import manifest


@pytest.mark.parametrize(
    ("dispatched", "receipts", "words"),
    [
        ([], [], "none of its URLs is known yet"),
        (["00000.batches=2.targets=5"], [], "5 of 5 URLs have no final outcome yet"),
        (
            ["00000.batches=2.targets=5"],
            ["00000-000000.deferred-connect=1.scraped=2!"],
            "3 of 5 URLs have no final outcome yet",
        ),
        (
            ["00000.batches=2.targets=5"],
            ["00000-000000.scraped=2!", "00000-000001.failed-http_404=3!"],
            None,
        ),
    ],
)
def test_what_is_left_of_a_job_is_counted(
    tmp_path: Path, dispatched: list[str], receipts: list[str], words: str | None
) -> None:
    keys = [f"{dispatched_folder('a')}{name}" for name in dispatched]
    for key in [*keys, *(f"{receipts_folder('a')}{name}" for name in receipts)]:
        (tmp_path / key).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / key).touch()

    one_shard = replace(manifest("a", "shop/urls.txt", 1), size=1)

    assert unfinished(Folder(tmp_path), one_shard) == words


def test_of_a_list_that_is_still_read_nobody_knows_how_many_are_left(tmp_path: Path) -> None:
    path = tmp_path / dispatched_folder("a") / "00000.batches=2.targets=5"
    path.parent.mkdir(parents=True)
    path.touch()

    two_shards = replace(manifest("a", "shop/urls.txt", 1), size=2, shard_bytes=1)

    assert unfinished(Folder(tmp_path), two_shards) == (
        "5 of 5 URLs known so far have no final outcome yet"
    )


def test_the_spec_says_which_fields_are_dates() -> None:
    fields = {"since": {"css": "time", "type": "date"}, "title": {"css": "h1"}}
    spec = msgspec.convert({"extract": {"fields": fields}}, Spec)

    assert date_fields([manifest("a", None, 1, spec=spec), manifest("b", None, 1)]) == {"since"}


def test_fields_of_page_kinds_and_what_links_carry_may_be_dates() -> None:
    day = {"css": "time", "type": "date"}
    follow = [{"css": "a", "carry": {"listed": day, "by": {"css": "i"}}}]
    pages = {"a": {"match": "a.example", "extract": {"fields": {"sold": day}}, "follow": follow}}
    spec = msgspec.convert({"pages": pages}, Spec)

    assert date_fields([manifest("a", None, 1, spec=spec)]) == {"listed", "sold"}
