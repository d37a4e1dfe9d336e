"""A spec that is wrong is refused with file, line, path and what to do."""

import pytest

from functions.dispatcher.specs import MAX_SPEC_BYTES, parse_spec
from shared.errors import InvalidJobError

FIELD = "extract:\n  fields:\n    x:\n      "
MULTIPLIED = f"a: &a [{'1,' * 3_000}]\nb: [{'*a,' * 18}]"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("fetch:\n  timout: 3", "2: fetch.timout: there is no timout here; did you mean timeout?"),
        ("fetch:\n  zzz: 3", "2: fetch.zzz: there is no zzz here"),
        ("fetch:\n  pause: 301", "2: fetch.pause: it must be at most 300"),
        ("fetch:\n  pause: [1]", "2: fetch.pause: it must be a number, and is a list"),
        ("fetch:\n  pause: 1\n  pause: 2", "3: not YAML: 'pause' is there twice"),
        ("fetch:\n  profiles: hots",
         ("2: fetch.profiles: it must be one of host, none, request, not 'hots'; "
          "did you mean host?")),
        ("fetch:\n  robots: off",
         ("2: fetch.robots: it must be one of ignore, obey, and is true or false, as YAML reads "
          "on, off, yes, no")),
        ("fetch:\n  proxies: {urls: ['http://p'], strategy: stickier}",
         ("2: fetch.proxies.strategy: it must be one of random, round_robin, sticky, not "
          "'stickier'; did you mean sticky?")),
        (f"{FIELD}any: [{{css: a, type: float}}]",
         "4: extract.fields.x.any[0].type: there is no type here"),
        ("fetch:\n  pause: soon", "2: fetch.pause: it must be a number, and is a text"),
        ("fetch:\n  attempts: 1.5",
         "2: fetch.attempts: it must be a whole number, and is a number with a fraction"),
        ("fetch:\n  content_types: []", "2: fetch.content_types: it must have at least 1 item"),
        ("fetch:\n  user_agent: ''", "2: fetch.user_agent: it must have at least 1 character"),
        ("fetch:", "1: fetch: it must be names with values, and is empty"),
        ("extract:\n  fields:\n    a: h1",
         "3: extract.fields.a: write where the value is: {css: h1} for a CSS selector"),
        ("extract:\n  fields:\n    a: [h1]",
         "3: extract.fields.a: it must be names with values, and is a list"),
        ("fetch:\n  content_types: [html]",
         "2: fetch.content_types[0]: it must be as in text/html, image/* or */* for all"),
        ("parser: books", "1: parser: it must be as in parsers.books:parse"),
        (f"{FIELD}css: a\n      locale: german",
         "5: extract.fields.x.locale: it must be as in de or en-US"),
        (f"{FIELD}css: 'div > )'", "4: extract.fields.x.css: unexpected ')' at 7"),
        (f"{FIELD}css: 'a >'", "4: extract.fields.x.css: the selector ends too early"),
        (f"{FIELD}css: a::text",
         "4: extract.fields.x.css: unexpected '::' at 2; text is the default, else use attr"),
        (f"{FIELD}css: a:contains(b)",
         "4: extract.fields.x.css: unknown :contains() at 2; use :lexbor-contains()"),
        (f"{FIELD}css: a:foo", "4: extract.fields.x.css: the CSS engine does not know :foo"),
        (f"{FIELD}xpath: '//a['", "4: extract.fields.x.xpath: no XPath 1.0: invalid expression"),
        (f"{FIELD}xpath: nope(a)",
         "4: extract.fields.x.xpath: no XPath 1.0: unregistered function"),
        (f"{FIELD}jmespath: a.", "4: extract.fields.x.jmespath: no JMESPath: it ends too early"),
        (f"{FIELD}jmespath: a..b",
         "4: extract.fields.x.jmespath: no JMESPath: unexpected '.' at 3"),
        (f"{FIELD}jmespath: nope(a)",
         "4: extract.fields.x.jmespath: JMESPath has no function nope()"),
        (f"{FIELD}jsonld: a..b",
         "4: extract.fields.x.jsonld: write a path as in Product.offers.price"),
        (f"{FIELD}css: a\n      regex: '(a'", "5: extract.fields.x.regex: missing ): '(a' at 1"),
        (f"{FIELD}regex: a(?=b)",
         "4: extract.fields.x.regex: invalid perl operator: '(?=' at 2; RE2 has no look-around"),
        (f"{FIELD}css: a\n      pattern: '*'",
         "5: extract.fields.x.pattern: no argument for repetition operator: '*' at 1"),
        (f"{FIELD}any:\n        - {{css: a}}\n        - {{css: 'b)'}}",
         "6: extract.fields.x.any[1].css: unexpected ')' at 2"),
        (f"{FIELD}css: a\n      xpath: b", "3: extract.fields.x: css and xpath: name one source"),
        (f"{FIELD}type: text",
         "3: extract.fields.x: there is no source; name one of css, xpath, jsonld, ..."),
        (f"{FIELD}css: a\n      tpye: text",
         "5: extract.fields.x.tpye: there is no tpye here; did you mean type?"),
        (f"{FIELD}css: a\n      type: nubmer",
         ("5: extract.fields.x.type: it must be one of boolean, date, html, integer, json, number, "
          "price, text, url, not 'nubmer'; did you mean number?")),
        (f"{FIELD}css: a\n      min: 3",
         "3: extract.fields.x: min and max are for the types number, integer, price, date"),
        (f"{FIELD}css: a\n      type: number\n      min: x",
         "6: extract.fields.x.min: 'x' is no number"),
        (f"{FIELD}css: a\n      type: date\n      max: soon",
         "6: extract.fields.x.max: 'soon' is no date; write YYYY-MM-DD"),
        (f"{FIELD}css: a\n      type: integer\n      enum: [1, b]",
         "6: extract.fields.x.enum[1]: 'b' is no integer"),
        ("extract:\n  fields:\n    1x: {css: a}",
         ("3: extract.fields.1x: a name is up to 64 letters, digits, _ and -, and begins with no "
          "digit")),
        (f"{FIELD}css: a\n      then: {{jmespath: 'a['}}",
         "5: extract.fields.x.then.jmespath: no JMESPath: it ends too early"),
        (f"{FIELD}css: a\n      then:\n        jmespath: a\n        then: {{css: 'b)'}}",
         "7: extract.fields.x.then.then.css: unexpected ')' at 2"),
        (f"{FIELD}css: a\n      then: {{jmespth: a}}",
         "5: extract.fields.x.then.jmespth: there is no jmespth here; did you mean jmespath?"),
        (f"{FIELD}css: a\n      then: {{jmespath: a, type: price}}",
         ("5: extract.fields.x.then.type: type is of the field, and stands beside its first "
          "source, not in then")),
        (f"{FIELD}css: a\n      then: {{}}",
         ("5: extract.fields.x.then: there is no source; name one of css, xpath, jsonld, ...")),
        (f"{FIELD}css: a\n      then: {{const: 1}}",
         "3: extract.fields.x: const reads nothing of a page, and cannot stand in then"),
        (f"{FIELD}css: a\n      then: {{input: b}}",
         "3: extract.fields.x: input reads nothing of a page, and cannot stand in then"),
        (f"{FIELD}url: '(a'", "4: extract.fields.x.url: missing ): '(a' at 1"),
        (f"{FIELD}url: a\n      regex: b", "3: extract.fields.x: url needs no regex"),
        (f"{FIELD}input: a\n      css: b", "3: extract.fields.x: css and input: name one source"),
        (f"{FIELD}input: a\n      attr: b",
         "3: extract.fields.x: attr belongs to css, not to input"),
        ("extract:\n  rows: {input: a, then: {css: b}}\n  fields: {x: {css: a}}",
         "2: extract.rows: input is nothing of the page, and makes no rows"),
        (f"{FIELD}const: a\n      then: {{css: a}}",
         "3: extract.fields.x: const is the value itself: leave out then"),
        (f"{FIELD}jmespath: a\n      then: {{attr: href}}",
         "3: extract.fields.x: attr without css, in then, is for the elements that css finds"),
        (f"{FIELD}any: [{{css: a}}]\n      then: {{css: b}}",
         "3: extract.fields.x: then goes into the alternatives of any"),
        (f"{FIELD}css: a" + "\n      then: {css: a" + ", then: {css: a" * 4 + "}" * 5,
         "3: extract.fields.x: then leads through more than 5 sources"),
        ("extract:\n  rows: {css: a, then: {xpath: b}}\n  fields: {x: {css: a}}",
         ("2: extract.rows: rows are what one of css, jsonld, microdata and jmespath finds; "
          "other sources need then")),
        ("extract:\n  rows: {css: a, attr: b}\n  fields: {x: {css: a}}",
         "2: extract.rows: a row is all that css finds: leave out attr"),
        ("extract:\n  rows: {const: a}\n  fields: {x: {css: a}}",
         "2: extract.rows: const is nothing of the page, and makes no rows"),
        ("extract:\n  rows: {css: a, then: {jmespath: b}}\n  fields: {x: {attr: a}}",
         "1: extract: attr without css is for rows that are elements"),
        ("extract:\n  rows: {css: a, then: {jmespath: '['}}\n  fields: {x: {css: a}}",
         "2: extract.rows.then.jmespath: no JMESPath: it ends too early"),
        ("extract:\n  include: [metta]",
         ("2: extract.include[0]: it must be one of feed, jsonld, links, markdown, meta, "
          "microdata, page, page_text, sitemap, tables, text, not 'metta'; did you mean meta?")),
        ("extract:\n  fields:\n    title: {css: a}\n  include: [page]",
         "1: extract: the column title is there twice"),
        ("extract: {}",
         "1: extract: there is nothing to extract; name fields, or something to include"),
        ("extract: [", "1: not YAML: expected the node content, but found '<stream end>'"),
        ("a: &a [*a]", "1: not YAML: nested too deeply"),
        ("a: [*c]", "1: not YAML: found undefined alias 'c'"),
        (MULTIPLIED, "2: not YAML: more than 50,000 values: aliases multiply"),
        ("[" * 30 + "]" * 30, "1: not YAML: nested too deeply"),
        ("fetch: {? [a] : 1}", "1: not YAML: a name must be a text"),
        ("- a", " it must be names with values, and is a list"),
        (f'{FIELD}css: a\n      attr: "\\ud83dx"',
         r"5: not YAML: '\ud83d' is half a character; write the character itself"),
        ('"\\ud83d": 1',
         r"1: not YAML: '\ud83d' is half a character; write the character itself"),
        ('extract: {on_problem: "\\udc00\\ud83d"}',
         r"1: not YAML: '\udc00' is half a character; write the character itself"),
        ('fetch: {pause: "\\ud83d"}',
         r"1: not YAML: '\ud83d' is half a character; write the character itself"),
        ("extract:\n  fields:\n    a: {const: .inf}",
         "3: not YAML: .inf is no number; leave it out"),
        ("fetch:\n  pause: 1.0e+999", "2: not YAML: 1.0e+999 is no number; leave it out"),
        ("a: \udcff",
         " not UTF-8 text: 'utf-8' codec can't decode byte 0xff in position 3: invalid start byte"),
        ("x" * (MAX_SPEC_BYTES + 1),
         " 65,537 bytes; a spec may have 65,536. Is this the URL list?"),
    ],
)  # fmt: skip
def test_a_wrong_spec_is_refused_with_its_place(text: str, problem: str) -> None:
    with pytest.raises(InvalidJobError) as caught:
        parse_spec("books/spec.yaml", text.encode(errors="surrogateescape"))

    assert str(caught.value) == f"books/spec.yaml:{problem}"


def test_a_spec_that_json_was_written_as_has_whole_characters() -> None:
    spec = parse_spec(
        "s", rb'{"extract": {"fields": {"a": {"css": "h1", "default": "\ud83d\ude00"}}}}'
    )

    assert spec.extract.fields["a"].default == "\N{GRINNING FACE}"
