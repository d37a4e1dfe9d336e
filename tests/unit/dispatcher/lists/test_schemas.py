import re

import pytest

from functions.dispatcher.lists.schemas import find_schema
from functions.dispatcher.lists.tables import NO_DELIMITER, TableSchema
from shared.errors import InvalidJobError


@pytest.mark.parametrize(
    ("head", "schema"),
    [
        ("url\nhttp://a.example/", TableSchema(NO_DELIMITER, ("url",), 0, 2)),
        ("url\nhttp://a.example/?n=1,2;3", TableSchema(NO_DELIMITER, ("url",), 0, 2)),
        (
            "Seiten\nhttp://a.example/?n=1,2\nhttp://b.example/",
            TableSchema(NO_DELIMITER, ("Seiten",), 0, 2),
        ),
        ("id,Link\n1,http://a.example/", TableSchema(",", ("id", "Link"), 1, 2)),
        ("\ufeffurl,x\nhttp://a.example/,1\n", TableSchema(",", ("url", "x"), 0, 2)),
        ("\n\nid,url\n1,http://a.example/\n", TableSchema(",", ("id", "url"), 1, 4)),
        ("id,\n7,http://a.example/\n", TableSchema(",", ("id", "column2"), 1, 2)),
        ("id,name\n1,A,http://a.example/\n", TableSchema(",", ("id", "name", "column3"), 2, 2)),
        ("http://a.example/\n", TableSchema(",", ("column1",), 0, 1)),
        ("1,http://a.example/,x\n", TableSchema(",", ("column1", "column2", "column3"), 1, 1)),
        (
            "1,,x\n2,http://a.example/,y\n",
            TableSchema(",", ("column1", "column2", "column3"), 1, 1),
        ),
        # Nothing but names, or no URL yet.
        ("id;Page URL;x\n", TableSchema(";", ("id", "Page URL", "x"), 1, 2)),
        ("a|href\n1|\n", TableSchema("|", ("a", "href"), 1, 2)),
        ('"a,b;c;d";url\n', TableSchema(";", ("a,b;c;d", "url"), 1, 2)),
    ],
)
def test_a_table_is_read_as_its_rows_with_urls_are(head: str, schema: TableSchema) -> None:
    assert find_schema("urls.csv", head.encode(), "csv") == schema


@pytest.mark.parametrize(
    ("head", "column"),
    [
        ("name,address,site\nA,12 Main St,http://a.example/\n", 2),
        ("page,links,where\n1,17,http://a.example/\n2,3,http://b.example/\n", 2),
        ("logo,website\nhttp://c.example/a.png,http://a.example/\nhttp://c.example/b.png,\n", 1),
        ("link,url\nhttp://a.example/,http://b.example/\n", 1),
        ("shop,where,when\nA,http://a.example/,http:\nB,http://b.example/,no\n", 1),
        ("url,where\n/a,http://a.example/\n/b,http://b.example/\n/c,http://c.example/\n", 1),
        ("Address,Source\nhttp://a.example/,http://b.example/\n", 0),
    ],
)
def test_a_name_chooses_only_among_columns_of_urls(head: str, column: int) -> None:
    assert find_schema("urls.csv", head.encode(), "csv").url == column


@pytest.mark.parametrize(
    ("head", "delimiter", "first"),
    [
        ("Export: shop; May; 2026\nurl,n,note\nhttp://a.example/,1,x\n", ",", 3),
        (
            "Export, May, 2026\nSeite;Klicks\nhttp://a.example/?x=1,2;5\nhttp://b.example/;6\n",
            ";",
            3,
        ),
        ("As of May\n\nid;url\n1;http://a.example/\n", ";", 4),
        ("As of May\n1,http://a.example/\n", ",", 2),
        ("sep=;\r\nid;url\r\n1;http://a.example/?x=1,2\r\n", ";", 3),
        ('"sep=^"\nSeite^Klicks\nhttp://a.example/?x=1,2^5\n', "^", 3),
        ("# of May, 2026\n# all shops\nSeite,Klicks\nhttp://a.example/,5\n", ",", 4),
        ("#,Title,URL\n1,Lamp,http://a.example/\n", ",", 2),
        ('Internal - HTML\n"Address","Type"\n"http://a.example/, b","text/html"\n', ",", 3),
        ("name\turl\nx, y; z\thttp://a.example/\n", "\t", 2),
        ("url;title;n\nhttp://a.example/;Lamps, blue;5\nhttp://b.example/;Lamps, red;5\n", ";", 2),
        ("http://a.example/,1\nhttp://b.example/x,y,2\nhttp://c.example/,3\n", ",", 1),
        ("id,Seite\n1,\n2,/about\n3,http://a.example/\n", ",", 2),
        ('n,url\n"broken,http://a.example/\n1,http://b.example/\n', ",", 2),
    ],
)
@pytest.mark.parametrize("form", ["csv", "tsv"])
def test_delimiter_and_header_are_those_of_the_rows_with_urls(
    head: str, delimiter: str, first: int, form: str
) -> None:
    schema = find_schema(f"urls.{form}", head.encode(), form)

    assert (schema.delimiter, schema.first) == (delimiter, first)


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ("name,price\nx,1\n", "has no column with URLs; a URL must start with http:// or"),
        ("1,lamps.example\n2,oak.example\n", "'lamps.example' is a domain"),
        ("lamps.example\noak.example\n", "write https://lamps.example, and so in every row"),
        ("name,address\nJoe,12 Main St\n", "in 'address' is '12 Main St'"),
        ("n;url\n1;www.oak.example/a\n", "in 'url' is 'www.oak.example/a'; a URL must start with"),
        ("<table><tr><td>http://a.example/</td></tr></table>\n", "has no column with URLs"),
        (
            "http://a.example/?x=1,2;5\nhttp://a.example/?x=3,4;6\n",
            "',' and ';' could both separate its cells; give it a first row with the names",
        ),
    ],
)
def test_a_table_that_cannot_be_read_is_refused_as_a_whole_with_what_to_do(
    table: str, problem: str
) -> None:
    with pytest.raises(InvalidJobError) as caught:
        find_schema("urls.csv", table.encode(), "csv")

    assert str(caught.value).startswith("urls.csv")
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    "rows",
    [
        "http://a.example/news/7,114,3150,title.html\nhttp://a.example/news/7,114,3151,title.html\n",
        "http://a.example/news/7,114,3150,title.html\n",
        "http://a.example/shop;jsessionid=1\nhttp://a.example/shop;jsessionid=2\n",
        "http://a.example/;jsessionid=1\n",
        "http://a.example/?c=1|2\nhttp://a.example/?c=3|4\n",
        "http://a.example/,1\nhttp://a.example/,2\n",
        "http://a.example/0,,3150,00.html\n",
        "http://a.example/wiki/Paris, Texas\n",
        "http://a.example/lamps,Blue\nhttp://a.example/tables,Red\n",
        "http://user,a:b@a.example/\n",
        "http://a.example,x/1\nhttp://b.example,y/2\n",
        "http://a.example/,http://b.example/\n",
        "1,http://a.example/news/7,title.html\n2,http://a.example/news/8,title.html\n",
        "id,name\n1,A,http://a.example/news/7,title.html\n",
        "#1\nhttp://a.example/news/7,title.html\nhttp://a.example/news/8,title.html\n",
    ],
)
@pytest.mark.parametrize("title", ["", "All shops of May\n"])
@pytest.mark.parametrize("form", ["csv", "tsv"])
def test_urls_that_a_delimiter_may_cut_are_refused_where_no_header_tells(
    rows: str, title: str, form: str
) -> None:
    with pytest.raises(
        InvalidJobError, match="behind a URL may be a part of it; give it a first row"
    ):
        find_schema("urls.csv", f"{title}{rows}".encode(), form)


@pytest.mark.parametrize(
    ("head", "schema"),
    [
        ("http://a.example/7,1\n", TableSchema(NO_DELIMITER, ("url",), 0, 2)),
        (
            "http://a.example/x;j=1\nhttp://a.example/x;j=2\n",
            TableSchema(NO_DELIMITER, ("url",), 0, 2),
        ),
    ],
)
def test_the_name_url_alone_says_that_a_line_is_one(head: str, schema: TableSchema) -> None:
    assert find_schema("urls.csv", f"url\n{head}".encode(), "csv") == schema


@pytest.mark.parametrize(
    ("head", "delimiter"),
    [
        ("http://a.example,Lamps\nhttp://b.example/,Oak & Co. (sons)\n", ","),
        ('"http://a.example/7",1.html\nhttp://a.example/8,"x"\n', ","),
        ("http://a.example/7\t1.html\n", "\t"),
        ("http://a.example/7,\nhttp://a.example/8,\n", ","),
        ("Lamps,http://a.example/7\nOak,http://a.example/8\n", ","),
        ("sep=,\nhttp://a.example/7,1.html\n", ","),
    ],
)
def test_urls_that_end_evidently_need_no_header(head: str, delimiter: str) -> None:
    schema = find_schema("urls.csv", head.encode(), "csv")

    assert (schema.delimiter, len(schema.names)) == (delimiter, 2)


@pytest.mark.parametrize(
    "row",
    [
        "www.b.example,B",
        "b.example,B",
        "b.example/shop?x=1,B",
        "/p/1,B",
        "./p/1,B",
        "//b.example/x,B",
        "ftp://b.example/,B",
        "http//b.example/a,B",
        "http:/b.example/a,B",
        "https:b.example,B",
        "htp://b.example/,B",
        "http://exa mple.example/,B",
        "http://,B",
        "10.0.0.1,B",
        "10.0.0.1:80/x,B",
        "localhost/x//y,B",
        "mailto:joe@b.example,B",
        "joe@b.example,B",
        "shop.page,B",
        "N/A,B",
        "-,B",
    ],
)
@pytest.mark.parametrize("more", ["", "www.d.example,D\n"])
@pytest.mark.parametrize("header", ["", "Seite,Name\n"])
def test_what_was_meant_for_a_url_is_no_header(row: str, more: str, header: str) -> None:
    table = f"{header}{row}\n{more}http://c.example/,C\n"

    schema = find_schema("urls.csv", table.encode(), "csv")

    names = ("Seite", "Name") if header else ("column1", "column2")
    assert schema == TableSchema(",", names, 0, 2 if header else 1)


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("product.link,name", "http://c.example/x,Lamp"),
        ("item.permalink,name", "http://c.example/x,Lamp"),
        ("-,name", "http://c.example/x,Lamp"),
        ("N/A,Status Code", "http://c.example/x,Lamp"),
        ("id,url.en-US,url.de", "7,http://c.example/x,http://d.example/x"),
        ("id,images.src", "1,http://c.example/x"),
        ("node.path,id", "http://c.example/x,7"),
        ("product.link,product.maker", "http://c.example/x,Oak & Sons"),
        ("Unnamed: 0,profile.page,profile.site", "0,http://c.example/x,Lamp"),
        ("_id,author.link", "5f,http://c.example/x"),
    ],
)
def test_a_name_with_points_is_a_name_where_others_beside_it_prove_it(
    header: str, row: str
) -> None:
    schema = find_schema("urls.csv", f"{header}\n{row}\n".encode(), "csv")

    assert (schema.names, schema.first) == (tuple(header.split(",")), 2)
    assert row.split(",")[schema.url].startswith("http://c.example/x")


@pytest.mark.parametrize(
    "row",
    ["lamps.de,lamps.com", "www.shop.lamp,name", "index.html,name", "shop.link,Lamps", "-,N/A",
     "lamps.co.uk,Lamp", "b.local,Lamp",
     "\u043f\u0440\u0438\u043c\u0435\u0440.\u0440\u0444,x", "shop.link,7"],
)  # fmt: skip
def test_a_domain_is_no_name_unless_others_are_beside_it(row: str) -> None:
    table = f'{row}\nhttp://c.example/,"Lamp"\n'

    schema = find_schema("urls.csv", table.encode(), "csv")

    assert schema == TableSchema(",", ("column1", "column2"), 0, 1)


@pytest.mark.parametrize(
    ("table", "cell"),
    [
        ("product.link,Werk\nhttp://c.example/x,Lamp\n", "product.link"),
        ("shop.com,sold out\nhttp://c.example/1.html,12.50\n", "shop.com"),
        ("shop.com\tfree\nhttp://c.example/1\t12.50\n", "shop.com"),
        ("sep=,\nshop.com,free\nhttp://c.example/1,12.50\n", "shop.com"),
        ("As of May\nproduct.link,Klicks\nhttp://c.example/x,17\n", "product.link"),
        ("shop.com,free\nSeite,Klicks\nhttp://c.example/x,17\n", "shop.com"),
        ("product.link;Klicks, total\nhttp://c.example/?x=1,2;5\n", "product.link"),
        ("b.example,unranked,DE\nhttp://c.example/,7,FR\n", "b.example"),
        ("shop.com;image\nhttp://c.example/1;foto\n", "shop.com"),
        ("shop.site;image\nhttp://c.example/1;foto\n", "shop.site"),
        ("shop.site;price\nhttp://c.example/1;title\n", "shop.site"),
        ("shop.com,id\nhttp://c.example/1,de\n", "shop.com"),
        ("server.localdomain,Lamp\nhttp://c.example/1,Oak\n", "server.localdomain"),
        ("wiki.intra,wiki.corp\nhttp://c.example/1,\n", "wiki.intra"),
        ("Lamp;wiki.loc\nOak;http://c.example/1\n", "wiki.loc"),
        ("Firma,company.homepage_de\nA GmbH,http://c.example/x\n", "company.homepage_de"),
        (
            "\u0442\u043e\u0432\u0430\u0440.\u0441\u0441\u044b\u043b\u043a\u0430,x\nhttp://c.example/x,A\n",
            "\u0442\u043e\u0432\u0430\u0440.\u0441\u0441\u044b\u043b\u043a\u0430",
        ),
    ],
)
def test_what_may_be_a_name_or_a_domain_is_refused_with_what_to_do(table: str, cell: str) -> None:
    reason = (
        f"urls.csv: '{cell}' above the first URL may be a domain or the name of its column; "
        f"call the column url, or write https://{cell}"
    )
    with pytest.raises(InvalidJobError, match=re.escape(reason)):
        find_schema("urls.csv", table.encode(), "csv")


def test_what_may_be_a_name_or_say_nothing_is_refused_with_what_to_do() -> None:
    with pytest.raises(InvalidJobError, match=r"'n/a' above .* call the column url, or take the"):
        find_schema("urls.csv", b"n/a,unknown\nhttp://c.example/,7\n", "csv")


def test_below_a_header_is_no_doubt() -> None:
    table = b"Seite,Klicks\nshop.com,sold out\nhttp://c.example/,17\n"

    schema = find_schema("urls.csv", table, "csv")

    assert schema == TableSchema(",", ("Seite", "Klicks"), 0, 2)


def test_a_row_with_a_number_is_no_header_and_no_doubt() -> None:
    schema = find_schema("urls.csv", b"7,wiki.intra\n8,http://c.example/\n", "csv")

    assert schema == TableSchema(",", ("column1", "column2"), 1, 1)


def test_a_row_that_is_too_wide_is_no_header() -> None:
    table = b"Lamp, blue,http://a.example/\nDesk,http://b.example/\nBed,http://c.example/\n"

    assert find_schema("urls.csv", table, "csv") == TableSchema(",", ("column1", "column2"), 1, 1)


@pytest.mark.parametrize(
    "row",
    ["www.b.example", "/about", "ftp://b.example/", "http://", "server.localdomain", "wiki.intra",
     "wiki.loc", "node.path"],
)  # fmt: skip
def test_the_first_line_of_one_column_is_not_lost(row: str) -> None:
    schema = find_schema("urls.csv", f"{row}\nhttp://c.example/\n".encode(), "csv")

    assert schema == TableSchema(",", ("column1",), 0, 1)


@pytest.mark.parametrize(
    ("table", "names", "first"),
    [
        ("item.url,item.name\nhttp://c.example/,C\n", ("item.url", "item.name"), 2),
        ("xlink:href,n\nhttp://c.example/,C\n", ("xlink:href", "n"), 2),
        ("www.c.example\nSeite,n\nhttp://c.example/x,C\n", ("Seite", "n"), 3),
        ("www.c.example,\nSeite,n\nhttp://c.example/x,C\n", ("Seite", "n"), 3),
        ("Report of,http://c.example/\nurl,n\nhttp://c.example/x,C\n", ("url", "n"), 3),
        ("HTTP status,n\nhttp://c.example/,C\n", ("HTTP status", "n"), 2),
        ("www.a.example,A\nSeite,B\nhttp://c.example/,C\n", ("column1", "column2"), 1),
        ("Page/Path,n\nhttp://c.example/x,C\n", ("Page/Path", "n"), 2),
    ],
)
def test_names_and_titles_are_told_from_rows(
    table: str, names: tuple[str, ...], first: int
) -> None:
    assert find_schema("urls.csv", table.encode(), "csv") == TableSchema(",", names, 0, first)


def test_columns_of_one_name_are_told_apart_and_a_wide_table_takes_no_longer() -> None:
    """Quadratic time would take minutes for this."""
    header = ",".join(["url", *["a"] * 20_000, "a_3", "", "a_2"])

    names = find_schema("urls.csv", f"{header}\nhttp://a.example/\n".encode(), "csv").names

    assert names[:4] == ("url", "a", "a_4", "a_5")
    assert names[-4:] == ("a_20002", "a_3", "column20003", "a_2")
