from collections.abc import Iterator
from itertools import chain

import pytest

from functions.dispatcher.counts import Counts
from functions.dispatcher.lists.schemas import find_schema
from functions.dispatcher.lists.source import ListSource
from functions.dispatcher.lists.tables import TableReader, TableRows
from functions.dispatcher.plan import Plan


def cut(data: bytes, size: int) -> Iterator[bytes]:
    return (data[i : i + size] for i in range(0, len(data), size))


def read(
    text: str | bytes, form: str = "csv", size: int = 1_000
) -> tuple[dict[int, tuple[str, dict[str, object] | None]], Counts]:
    """Return URL and input by line."""
    data = text if isinstance(text, bytes) else text.encode()
    plan = Plan(job="j", shard=0, partitions=4, batch_size=200)
    source = ListSource(cut(data, size), text=True)
    TableReader(source, find_schema("urls.csv", source.peek(65_536), form)).fill(plan, 1 << 60)
    targets = [target for batch in plan.batches() for target in batch.targets]
    return {t.line: (t.url, t.input) for t in targets}, plan.counts


@pytest.mark.parametrize("size", [3, 10, 1_000])
def test_rows_keep_their_lines_and_their_other_columns(size: int) -> None:
    text = (
        'name,url,note\r\n"Ann ""A""\r\nof a",http://a.example/,\r\n\r\n'
        '"B, C" , http://b.example ,é\r\nD,http://d.example/,x,,\nE,http://e.example/'
    )

    found, counts = read(text, size=size)

    assert found == {
        2: ("http://a.example/", {"name": 'Ann "A"\r\nof a', "note": ""}),
        5: ("http://b.example/", {"name": "B, C", "note": "é"}),
        6: ("http://d.example/", {"name": "D", "note": "x"}),
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
    found, counts = read("url\nhttp://a.example/?n=1,2,3\nhttp://b.example/,Blue lamps\n")

    assert found == {2: ("http://a.example/?n=1,2,3", None)}
    assert [report.reason for report in counts.reports] == ["more than a URL in one cell"]


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
    reader = TableReader(ListSource([data]), find_schema("urls.csv", data, "csv"))
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


def test_the_encoding_of_other_columns_costs_no_row() -> None:
    table = (
        "name;url;city\r\nMöbel & Söhne;http://a.example/;Köln\r\nCafé „Ü“;http://b.example/;«\r\n"
    )

    western, counts = read(table.encode("cp1252"))
    cyrillic, _ = read(b"name;url\n\xc4\xee\xec;http://a.example/\n")

    assert counts.reports == []
    assert western == {
        2: ("http://a.example/", {"name": "Möbel & Söhne", "city": "Köln"}),
        3: ("http://b.example/", {"name": "Café „Ü“", "city": "«"}),
    }
    # Nobody can tell which script that is, so nothing is made up.
    assert cyrillic == {2: ("http://a.example/", {"name": "\N{REPLACEMENT CHARACTER}" * 3})}


def test_a_url_that_is_not_utf_8_is_rejected() -> None:
    found, counts = read(b"id,url\n1,http://a.example/\xfc\n2,http://b.example/\n")

    assert list(found) == [3]
    assert [(report.line, report.reason) for report in counts.reports] == [(2, "not UTF-8 text")]


def test_names_of_columns_cost_no_list() -> None:
    found, _ = read(b"id,id,url,,na\xefve\n1,2,http://a.example/,3,4\n")

    assert found == {
        2: ("http://a.example/", {"id": "1", "id_2": "2", "column4": "3", "naïve": "4"})
    }


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("7,http://a.example/topic,213.0.html,Topic", "4 cells where the table has 3"),
        ("7,http://a.example/?d=0,1,2,x,Chart", "put what holds a comma into quotes"),
        ("7,Lamps, blue,http://a.example/", "4 cells where the table has 3"),
        ('7,"http://a.example/,http://b.example/",x', "two URLs in one place"),
        ('7,"http://a.example/; http://b.example/",x', "two URLs in one place"),
        ('7,"http://a.example/\nhttp://b.example/",x', "two URLs in one place"),
        ('7,"http://a.example/\nb",x', "holds a line end (U+000A)"),
        ("7,http://a.example/\tb,x", "holds a tab (U+0009)"),
        ("7,http://a.example/\u200bb,x", "holds a zero width space (U+200B)"),
    ],
)
def test_a_url_that_may_be_cut_or_glued_is_rejected(row: str, reason: str) -> None:
    found, counts = read(f"id,url,title\n1,http://x.example/,X\n{row}\n2,http://y.example/,Y\n")

    assert {url for url, _ in found.values()} == {"http://x.example/", "http://y.example/"}
    [report] = counts.reports
    assert report.line == 3
    assert reason in report.reason


@pytest.mark.parametrize("row", ["http://a.example/topic,213.html", "http://a.example/a,b"])
def test_a_url_in_a_row_that_lacks_a_cell_is_not_cut(row: str) -> None:
    found, counts = read(f"url,title,n\nhttp://x.example/x,X,1\n{row}\nhttp://y.example/y\n")

    assert set(found) == {2, 4}
    [report] = counts.reports
    assert (report.line, report.text) == (3, row)
    assert "2 cells where the table has 3: the URL may be cut off" in report.reason


def test_a_row_that_lacks_a_cell_is_read_where_its_url_ends_evidently() -> None:
    found, counts = read(
        'url,title,n\nhttp://x.example,X\n"http://x.example/a,b",X\nhttp://y.example/c,"y/z"\n'
    )

    assert counts.reports == []
    assert {line: url for line, (url, _) in found.items()} == {
        2: "http://x.example/",
        3: "http://x.example/a,b",
        4: "http://y.example/c",
    }


def test_rows_above_the_first_url_are_reported_where_they_were_meant_for_urls() -> None:
    found, counts = read("www.a.example,A\nwww.b.example,B\nhttp://c.example/,C\n")

    assert found == {3: ("http://c.example/", {"column2": "C"})}
    assert [(report.line, report.text) for report in counts.reports] == [
        (1, "www.a.example"),
        (2, "www.b.example"),
    ]
    assert "write https://www.a.example" in counts.reports[0].reason


def test_a_table_of_commas_alone_in_most_rows_is_refused_and_not_cut() -> None:
    found, counts = read("id,url\n1,http://a.example/x,1\n2,http://a.example/y,2\n")

    assert found == {}
    assert [report.line for report in counts.reports] == [2, 3]


def test_what_nobody_sees_around_a_url_is_not_of_it() -> None:
    found, _ = read("url;n\n\u200bhttp://a.example/\u00a0;1\n")

    assert found == {2: ("http://a.example/", {"n": "1"})}


def test_carriage_returns_alone_end_rows_at_any_size() -> None:
    rows = "".join(f"http://a.example/{n:05},{n}\r" for n in range(4_000))

    found, counts = read(f"url,n\r{rows}")

    assert counts.reports == []
    assert len(found) == 4_000
    assert found[4_001] == ("http://a.example/03999", {"n": "3999"})


def test_rows_of_nothing_are_nothing() -> None:
    found, counts = read("id,url\n,\n , \n1,http://a.example/\n")

    assert list(found) == [4]
    assert counts.reports == []


def test_a_line_without_an_end_is_rejected_and_the_next_one_is_read() -> None:
    long = b"x" * 300_000

    found, counts = read(b"id,url\n" + long + b",http://a.example/\n1,http://b.example/\n")

    assert list(found) == [3]
    assert [(report.line, report.reason) for report in counts.reports] == [
        (2, "longer than 65,536 bytes")
    ]


@pytest.mark.parametrize(
    "line", ['http://a.example/1,"b","c', 'http://a.example/1,"b\'" ""', 'http://a.example/1,"""b']
)
def test_no_table_takes_long_for_its_quotes(line: str) -> None:
    """If each line looked at 64 KB behind it, this would take minutes."""
    rows = TableRows(ListSource([f"{line}\n".encode() * 100_000]), ",")
    heard = Nobody()
    count = 0
    while rows.read(heard) is not None:
        count += 1

    assert count == 100_000


class Nobody:
    """Takes no notice."""

    def reject(self, line: int, text: bytes, reason: str) -> None:
        raise NotImplementedError(line, text, reason)
