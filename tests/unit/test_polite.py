"""How `make bench-polite` sums up what it has measured."""

import gzip
from pathlib import Path

from bench.pauses import Conduct
from bench.polite import SCENARIOS, Run, Scenario, came, host_names, ratios, summary
from shared.lock import PARTITIONS
from shared.urls import partition_of

POLITE = Conduct(0.25, 0, 0, 0, 0)


def run(clock: float, cpu: float, pages: int = 100, conduct: Conduct = POLITE) -> Run:
    return Run(clock, cpu, 1.0, clock - 1, pages, conduct, 0, 0, 1.0)


def test_times_are_medians_and_faults_are_those_of_the_worst_run() -> None:
    runs = [
        run(12.0, 2.0),
        run(30.0, 9.0, pages=90, conduct=Conduct(0.125, 3, 1, 0, 2)),
        run(14.0, 1.0, conduct=Conduct(None, 1, 0, 4, 0)),
    ]

    found = summary(Scenario(10, 10), runs)

    assert (found["clock, s"], found["CPU, s"], found["last answer, s"]) == (14.0, 2.0, 13.0)
    assert found["of the least"] == 2.8
    assert (found["pages"], found["CPU per page, ms"]) == (90, 22.22)
    assert [found[name] for name in ("too soon", "too soon at robots.txt", "asked again")] == [
        3,
        1,
        2,
    ]
    assert found["beyond 2 open"] == 4


def test_a_tool_whose_pages_did_not_come_has_no_time_for_a_page() -> None:
    assert summary(Scenario(1, 1), [run(1.0, 1.0, pages=0)])["CPU per page, ms"] is None


def test_the_clock_waits_for_the_host_that_is_late_and_the_others_do_not() -> None:
    found = summary(SCENARIOS["C"], [run(231.0, 1.0)])

    assert found["of the least"] == 1.1
    assert found["last, of the least"] == 11.5


def test_runs_are_compared_within_their_round() -> None:
    ours = [run(20.0, 1.0), run(60.0, 2.0), run(10.0, 3.0)]
    theirs = [run(10.0, 2.0), run(30.0, 4.0), run(20.0, 6.0)]

    assert ratios(ours, theirs) == {"clock, of Scrapy's": 2.0, "CPU, of Scrapy's": 0.5}


def test_hosts_are_as_many_registrable_domains() -> None:
    names = host_names(300, by_address=False)

    assert len({partition_of(name, PARTITIONS) for name in names}) > 240
    assert len(set(host_names(300, by_address=True))) == 300


def test_pages_are_counted_in_all_that_tools_write(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"url":"a"}\n')
    (tmp_path / "job").mkdir()
    lines = b'{"url":"b","outcome":"scraped"}\n{"url":"c","outcome":"failed"}\n'
    (tmp_path / "job/1.jsonl.gz").write_bytes(gzip.compress(lines))

    assert came(tmp_path) == {"a", "b"}
