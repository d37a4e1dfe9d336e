from collections.abc import Iterator
from itertools import chain

import pytest

from functions.dispatcher.lists import Source
from functions.dispatcher.plan import Counts, Plan
from functions.dispatcher.tables import Schema, TableReader, find_schema
from shared.errors import InvalidJobError


def cut(data: bytes, size: int) -> Iterator[bytes]:
    return (data[i : i + size] for i in range(0, len(data), size))


def read(
    text: str | bytes, form: str = "csv", size: int = 1_000
) -> tuple[dict[int, tuple[str, dict[str, object] | None]], Counts]:
    """Return URL and input by line."""
    data = text if isinstance(text, bytes) else text.encode()
    plan = Plan(job="j", shard=0, partitions=4, batch_size=200)
    TableReader(Source(cut(data, size)), find_schema("urls.csv", data[:65_536], form)).fill(
        plan, 1 << 60
    )
    targets = [target for batch in plan.batches() for target in batch.targets]
    return {t.line: (t.url, t.input) for t in targets}, plan.counts


@pytest.mark.parametrize(
    ("head", "schema"),
    [
        ("url\nhttp://a.example/", Schema("\x1f", ("url",), 0, header=1)),
        ("url\nhttp://a.example/?n=1,2;3", Schema("\x1f", ("url",), 0, header=1)),
        ("id,Link\n1,http://a.example/", Schema(",", ("id", "Link"), 1, header=1)),
        ("id;Page URL;x\n", Schema(";", ("id", "Page URL", "x"), 1, header=1)),
        ("link,url\n", Schema(",", ("link", "url"), 1, header=1)),
        ("a|href\n", Schema("|", ("a", "href"), 1, header=1)),
        ('"a,b;c;d";url\n', Schema(";", ("a,b;c;d", "url"), 1, header=1)),
        ("\ufeffurl,x\n", Schema(",", ("url", "x"), 0, header=1)),
        ("\n\nid,url\n", Schema(",", ("id", "url"), 1, header=1)),
        ("id,\n7,http://a.example/\n", Schema(",", ("id", "column2"), 1, header=1)),
        (
            "shop,where,when\nA,http://a.example/,http:\nB,http://b.example/,no\n",
            Schema(",", ("shop", "where", "when"), 1, header=1),
        ),
        ("1,http://a.example/,x\n", Schema(",", ("column1", "column2", "column3"), 1, 0)),
        ("http://a.example/\n", Schema(",", ("column1",), 0, header=0)),
        ("As of May\n\nid;url\n1;http://a.example/\n", Schema(";", ("id", "url"), 1, header=2)),
        ("sep=;\nid;url\n1;http://a.example/\n", Schema(";", ("id", "url"), 1, header=2)),
        (
            "As of May\n1,http://a.example/\n",
            Schema(",", ("As of May", "column2"), 1, header=1),
        ),
        ("id,name\n1,A,http://a.example/\n", Schema(",", ("id", "name", "column3"), 2, header=1)),
    ],
)
def test_the_column_with_urls_is_found_by_name_or_by_looking(head: str, schema: Schema) -> None:
    assert find_schema("urls.csv", head.encode(), "csv") == schema


def test_a_table_without_urls_is_refused() -> None:
    with pytest.raises(InvalidJobError, match=r"urls\.csv has no column with URLs; call it `url`"):
        find_schema("urls.csv", b"name,price\nx,1\n", "csv")


def test_two_columns_of_one_name_are_refused() -> None:
    with pytest.raises(InvalidJobError, match="two columns called 'id'; rename one"):
        find_schema("urls.csv", b"id,url,id\n", "csv")


@pytest.mark.parametrize("size", [3, 10, 1_000])
def test_rows_keep_their_lines_and_their_other_columns(size: int) -> None:
    text = (
        'name,url,note\r\n"Ann ""A""\r\nof a",http://a.example/,\r\n\r\n'
        '"B, C" , http://b.example ,é\r\nD,http://d.example/,x,more\nE,http://e.example/'
    )

    found, counts = read(text, size=size)

    assert found == {
        2: ("http://a.example/", {"name": 'Ann "A"\r\nof a', "note": ""}),
        5: ("http://b.example/", {"name": "B, C", "note": "é"}),
        6: ("http://d.example/", {"name": "D", "note": "x", "column4": "more"}),
        7: ("http://e.example/", {"name": "E"}),
    }
    assert counts.reports == []


def test_tabs_separate_a_tsv_and_nothing_else() -> None:
    found, _ = read("a,b\turl\nx;y\thttp://a.example/\n", "tsv")

    assert found == {2: ("http://a.example/", {"a,b": "x;y"})}


def test_rows_without_a_url_are_rejected() -> None:
    found, counts = read("id,url\n1,\n2\n3,/about\n4,http://a.example/\n")

    assert list(found) == [5]
    assert [(report.line, report.text, report.reason[:26]) for report in counts.reports] == [
        (2, "1,", "nothing in the column 'url'"[:26]),
        (3, "2", "nothing in the column 'url'"[:26]),
        (4, "/about", "a URL must start with http"),
    ]


def test_titles_and_the_header_are_no_rows() -> None:
    found, counts = read("Export of May\n\nid,url\n1,http://a.example/\n")

    assert found == {4: ("http://a.example/", {"id": "1"})}
    assert counts.reports == []


def test_a_table_of_one_column_is_not_cut() -> None:
    found, _ = read("url\nhttp://a.example/?n=1,2,3\n")

    assert found == {2: ("http://a.example/?n=1,2,3", None)}


@pytest.mark.parametrize(("form", "mark"), [("csv", ","), ("tsv", "\t")])
def test_a_quote_that_finds_another_swallows_no_row(form: str, mark: str) -> None:
    rows = [
        ["name", "url"],
        ['"broken', "http://2.example/"],
        ['"ok"', '"http://3.example/"'],
        ['"two', "http://4.example/"],
        ["x", "http://5.example/"],
        ['five "inches"', "http://6.example/"],
    ]

    found, counts = read("".join(f"{mark.join(row)}\n" for row in rows), form)

    assert {line: url for line, (url, _) in found.items()} == {
        3: "http://3.example/",
        5: "http://5.example/",
        6: "http://6.example/",
    }
    assert [report.line for report in counts.reports] == [2, 4]
    assert "quote" in counts.reports[0].reason


def test_a_wide_table_is_dispatched_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each target carries the names of all columns, which a row has not."""
    monkeypatch.setattr("functions.dispatcher.plan._FULL_BYTES", 50_000)
    names = ",".join(f"a column with a long name {n}" for n in range(200))
    data = f"url,{names}\n".encode()
    data += b"".join(b"http://a.example/%d%s\n" % (n, b"," * 200) for n in range(100))
    reader = TableReader(Source([data]), find_schema("urls.csv", data, "csv"))
    lines: list[list[int]] = []

    while not reader.ended:
        plan = Plan(job="j", shard=len(lines), partitions=1, batch_size=200)
        reader.fill(plan, 1 << 60)
        lines.append([target.line for batch in plan.batches() for target in batch.targets])

    assert list(chain(*lines)) == list(range(2, 102))
    assert max(map(len, lines)) < 20


@pytest.mark.parametrize("behind", [3, 3_000])
def test_a_quote_too_many_costs_its_line_only(behind: int) -> None:
    """It would swallow all rows up to the next one, or up to the end."""
    rows = "".join(f"{n},http://a.example/{n}\n" for n in range(behind))

    found, counts = read(f'id,url\n"x,http://x.example/\n{rows}')

    assert len(found) == behind
    assert found[3] == ("http://a.example/0", {"id": "0"})
    assert found[behind + 2][0] == f"http://a.example/{behind - 1}"
    [report] = counts.reports
    assert (report.line, report.text) == (2, '"x,http://x.example/')
    assert "quote" in report.reason


def test_a_row_that_is_not_utf_8_is_rejected() -> None:
    found, counts = read(b"id,url\n\xff,http://a.example/\n\xc3\xa9,http://b.example/\n")

    assert found == {3: ("http://b.example/", {"id": "é"})}
    assert [(report.line, report.reason) for report in counts.reports] == [(2, "not UTF-8 text")]


def test_a_line_without_an_end_is_rejected_and_the_next_one_is_read() -> None:
    long = b"x" * 300_000

    found, counts = read(b"id,url\n" + long + b",http://a.example/\n1,http://b.example/\n")

    assert list(found) == [3]
    assert [(report.line, report.reason) for report in counts.reports] == [
        (2, "longer than 65,536 bytes")
    ]
