import gzip
from pathlib import Path

import msgspec
import pytest

from scatterfetch.results.files import find_results
from scatterfetch.results.table import Table
from shared.errors import Reason
from shared.outcomes import Kind, Outcome
from tests.results import outcome, put_results


def test_a_redriven_target_has_its_last_outcome_alone(tmp_path: Path) -> None:
    def dead(path: str, line: int) -> Outcome:
        found = outcome(path, kind=Kind.DEAD, reason=Reason.TIMEOUT)
        return msgspec.structs.replace(found, line=line)

    def alive(path: str, line: int) -> Outcome:
        return msgspec.structs.replace(outcome(path, {"title": path}), line=line)

    put_results(
        tmp_path, "b", "00000-000000", alive("/1", 1), dead("/2", 2), dead("/3", 3), dead("/4", 4)
    )
    put_results(tmp_path, "b", "00000-000000-r1", alive("/2", 2), dead("/3", 3))
    put_results(tmp_path, "b", "00000-000000-r1-r1", alive("/3", 3))
    put_results(tmp_path, "a", "00000-000000", alive("/2", 2), dead("/3", 3))
    table = Table(find_results(tmp_path, "b"))

    assert [record["title"] for record in table.records()] == ["/1", "/2", "/3"]
    finals = list(Table(table.files, outcomes=True).records())
    assert [(found["line"], found["outcome"]) for found in finals] == [
        (1, "scraped"),
        (4, "dead"),
        (2, "scraped"),
        (3, "scraped"),
    ]
    assert len(list(Table(find_results(tmp_path), outcomes=True).records())) == 6


def test_outcomes_that_are_not_final_are_left_out(tmp_path: Path) -> None:
    later = outcome("/", {"title": "A"})
    put_results(
        tmp_path, "books", "00000-000000", outcome("/", kind=Kind.DEFERRED, reason=Reason.TIMEOUT)
    )
    put_results(tmp_path, "books", "00000-000000-1", later)

    [record] = Table(find_results(tmp_path), outcomes=True).records()

    assert record["outcome"] == "scraped"


def test_lines_keep_the_order_of_their_file(tmp_path: Path) -> None:
    put_results(tmp_path, "books", "00000-000000", *(outcome(f"/{n}", {"t": 1}) for n in (3, 1, 2)))

    records = Table(find_results(tmp_path)).records()

    assert [record["url"][-1] for record in records] == ["3", "1", "2"]


def test_what_a_broken_off_file_holds_is_kept(tmp_path: Path) -> None:
    reports: list[str] = []
    path = put_results(
        tmp_path, "books", "00000-000000", *(outcome(f"/{n}", {"n": n}) for n in range(100))
    )
    path.write_bytes(path.read_bytes()[:-200])
    put_results(tmp_path, "books", "00000-000001", outcome("/", {"n": 100}))

    records = list(Table(find_results(tmp_path)).records(reports.append))

    numbers = [record["n"] for record in records]
    assert numbers[-1] == 100
    assert 10 < len(numbers) < 101
    assert numbers[:-1] == list(range(len(numbers) - 1))
    [sentence] = reports
    assert sentence.startswith(f"{path} is damaged after line {len(numbers) - 1}: ")


def test_a_wrong_checksum_is_damage(tmp_path: Path) -> None:
    reports: list[str] = []
    path = put_results(tmp_path, "books", "00000-000000", outcome("/", {"n": 1}))
    body = bytearray(path.read_bytes())
    body[-6] ^= 1
    path.write_bytes(body)

    list(Table(find_results(tmp_path)).records(reports.append))

    assert [report.partition(":")[0] for report in reports] == [f"{path} is damaged after line 1"]


@pytest.mark.parametrize(
    "body", [b"", b"not gzip", gzip.compress(b"")[:5], b"\x1f\x8b" + b"\0" * 40]
)
def test_what_is_no_gzip_file_is_damage(tmp_path: Path, body: bytes) -> None:
    reports: list[str] = []
    put_results(tmp_path, "books", "00000-000000").write_bytes(body)

    assert list(Table(find_results(tmp_path)).records(reports.append)) == []
    assert len(reports) == 1
    assert "00000-000000.jsonl.gz is damaged after line 0" in reports[0]


@pytest.mark.parametrize("line", [b"{", b"{}", b"[]", b"\xff", b'{"url":"\xff"}', b""])
def test_lines_that_are_no_outcomes_are_left_out_and_counted(tmp_path: Path, line: bytes) -> None:
    reports: list[str] = []
    path = put_results(tmp_path, "books", "00000-000000", outcome("/", {"n": 1}))
    good = gzip.decompress(path.read_bytes())
    path.write_bytes(gzip.compress(line + b"\n" + good + line + b"\n" + good))

    records = list(Table(find_results(tmp_path)).records(reports.append))

    assert [record["n"] for record in records] == [1, 1]
    [sentence] = reports
    assert sentence.startswith(f"{path}: line 1 is no outcome: ")
    assert sentence.endswith(", nor are 1 more; the other lines are kept")
