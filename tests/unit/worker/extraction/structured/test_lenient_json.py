"""JSON as people write it is read where its meaning is clear, and named where it is not."""

from typing import Any

import pytest

from functions.worker.extraction.structured.lenient_json import MAX_LENIENT, Lenient, read_lenient


def read(text: str) -> Lenient:
    return read_lenient(text, lambda: None)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        pytest.param('{"a": 1}', [{"a": 1}], id="strict"),
        pytest.param('{"a": "b\nc\td"}', [{"a": "b\nc\td"}], id="raw line ends"),
        pytest.param('\N{BOM}{"a": 1}', [{"a": 1}], id="a byte order mark"),
        pytest.param('//<![CDATA[\n{"a": "b"}\n//]]>', [{"a": "b"}], id="CDATA in comments"),
        pytest.param('//<![CDATA[ {"a": "b"} //]]>', [{"a": "b"}], id="CDATA on one line"),
        pytest.param('/*<![CDATA[*/{"a": "b"}/*]]>*/', [{"a": "b"}], id="CDATA in block comments"),
        pytest.param('<![CDATA[{"a": "b"}]]>', [{"a": "b"}], id="bare CDATA"),
        pytest.param(
            '<!--//--><![CDATA[//><!--\n{"a": 1}\n//--><!]]>', [{"a": 1}], id="all at once"
        ),
        pytest.param('<!-- {"a": 1} -->', [{"a": 1}], id="an HTML comment around it"),
        pytest.param('<!-- by us -->\n{"a": 1}', [{"a": 1}], id="an HTML comment before it"),
        pytest.param('/* by us */ {"a": 1}', [{"a": 1}], id="a comment before it"),
        pytest.param(
            '{"a": "http://e.com/*b", // first\n"c": /* second */ 2}',
            [{"a": "http://e.com/*b", "c": 2}],
            id="comments in it, and none in texts",
        ),
        pytest.param('{"a": [1, 2,], "b": {"c": 3, },}', [{"a": [1, 2], "b": {"c": 3}}],
                     id="commas before brackets"),
        pytest.param('{"a": 1,, "b": [,2]}', [{"a": 1, "b": [2]}], id="commas before nothing"),
        pytest.param('{"a": ",}", "b": "//x", }', [{"a": ",}", "b": "//x"}],
                     id="none of it in texts"),
        pytest.param(r'{"a": "it\'s"}', [{"a": "it's"}], id="an apostrophe with a backslash"),
        pytest.param(r'{"a": "1\,5 \& \x41 \u00e9 \"q\" \\n"}', [{"a": '1,5 & A é "q" \\n'}],
                     id="other backslashes"),
        pytest.param("{'a': 'it\\'s \"b\"'}", [{"a": 'it\'s "b"'}], id="single quotes"),
        pytest.param('{"a": 1};', [{"a": 1}], id="a semicolon"),
        pytest.param('{"a": 1}\n{"b": 2}', [{"a": 1}, {"b": 2}], id="two values"),
        pytest.param('{"a": 1}, {"b": 2},', [{"a": 1}, {"b": 2}], id="two values and commas"),
        pytest.param("{&quot;a&quot;: &quot;b &amp; c&quot;}", [{"a": "b & c"}], id="escaped"),
        pytest.param("", [], id="nothing"),
        pytest.param(" <!-- nothing --> // nothing", [], id="comments alone"),
    ],
)  # fmt: skip
def test_what_is_clear_is_read(text: str, values: list[Any]) -> None:
    found = read(text)

    assert (found.values, found.problem) == (values, None)


@pytest.mark.parametrize(
    ("text", "values", "where"),
    [
        ('{"a": "a "good" b"}', [], "line 1, column 11: "),
        ('{\n "a": 1,\n "b": ,\n}', [], "line 4, column 1: "),
        ('/* x */\n{"a": 1, "b": }', [], "line 2, column 15: "),
        ('{"a": "it\'s}', [], "line 1, column 7: a text that does not end"),
        ('{"a": "b\\"', [], "line 1, column 7: a text that does not end"),
        ('{"a": 1', [], "line 1, column 8: "),
        (r'{"a": "\'", "b": "c\u00"}', [], "line 1, column 21: "),
        (r'{"a": "\'", "b": "c\xg"}', [], "line 1, column 20: "),
        ("[1 2,]", [], "line 1, column 4: "),
        ("[1/* */2,]", [], "line 1, column 8: "),
        ('{"a": 1}</div>', [{"a": 1}], "line 1, column 9: "),
        ("<p>no JSON</p>", [], "line 1, column 1: "),
        ('{"a": "b\\', [], "line 1, column 7: a text that does not end"),
        ("{'a': 'b\\", [], "line 1, column 7: a text that does not end"),
        ("{&quot;a&quot;: &#" + "9" * 5_000 + ";}", [], "line 1, column 2: "),
        ("[" * 100_000, [], "nested too deeply"),
    ],
)
def test_what_is_not_is_a_problem_that_says_where(text: str, values: list[Any], where: str) -> None:
    found = read(text)

    assert found.values == values
    assert found.problem is not None
    assert found.problem.startswith(where)


def test_a_long_text_is_not_read_again() -> None:
    text = f'{{"a": "{"x" * MAX_LENIENT}",}}'

    assert read(text).values == []
    assert (read(text).problem or "").endswith(f"char {len(text) - 1})")
    assert not read(text).again


class _TooLongError(Exception):
    pass


# Any of these takes minutes, and no look at the clock in between, where it is looked at twice.
@pytest.mark.parametrize(
    "text",
    [
        '"\\' * 200_000,
        "'\\" * 200_000,
        '{"a": "' + '<b c=\\"d\\">e</b>' * 25_000 + "\\",
        "{'a': '" + "\\'" * 200_000 + "\\",
        '{"a": "' + "\\\\" * 200_000 + "\\",
    ],
)
def test_a_text_that_ends_within_an_escape_is_looked_at_once(text: str) -> None:
    assert "a text that does not end" in (read(text).problem or "")


@pytest.mark.parametrize("text", ["[1,]," * 1_000, "<!--{" * 1_000, "'\\'', " * 1_000])
def test_what_is_read_a_second_time_can_be_given_up(text: str) -> None:
    def hurry() -> None:
        raise _TooLongError

    with pytest.raises(_TooLongError):
        read_lenient(text, hurry)
