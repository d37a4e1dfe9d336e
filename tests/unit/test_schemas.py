import pytest

from functions.dispatcher.schemas import find_schema
from functions.dispatcher.tables import NO_DELIMITER, Schema
from shared.errors import InvalidJobError


@pytest.mark.parametrize(
    ("head", "schema"),
    [
        ("url\nhttp://a.example/", Schema(NO_DELIMITER, ("url",), 0, 2)),
        ("url\nhttp://a.example/?n=1,2;3", Schema(NO_DELIMITER, ("url",), 0, 2)),
        (
            "Seiten\nhttp://a.example/?n=1,2\nhttp://b.example/",
            Schema(NO_DELIMITER, ("Seiten",), 0, 2),
        ),
        ("id,Link\n1,http://a.example/", Schema(",", ("id", "Link"), 1, 2)),
        ("\ufeffurl,x\nhttp://a.example/,1\n", Schema(",", ("url", "x"), 0, 2)),
        ("\n\nid,url\n1,http://a.example/\n", Schema(",", ("id", "url"), 1, 4)),
        ("id,\n7,http://a.example/\n", Schema(",", ("id", "column2"), 1, 2)),
        ("id,name\n1,A,http://a.example/\n", Schema(",", ("id", "name", "column3"), 2, 2)),
        ("http://a.example/\n", Schema(",", ("column1",), 0, 1)),
        ("1,http://a.example/,x\n", Schema(",", ("column1", "column2", "column3"), 1, 1)),
        ("1,,x\n2,http://a.example/,y\n", Schema(",", ("column1", "column2", "column3"), 1, 1)),
        # Nothing but names, or no URL yet.
        ("id;Page URL;x\n", Schema(";", ("id", "Page URL", "x"), 1, 2)),
        ("a|href\n1|\n", Schema("|", ("a", "href"), 1, 2)),
        ('"a,b;c;d";url\n', Schema(";", ("a,b;c;d", "url"), 1, 2)),
    ],
)
def test_a_table_is_read_as_its_rows_with_urls_are(head: str, schema: Schema) -> None:
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
