"""What people write as XML becomes what a parser reads as XML."""

from random import Random
from xml.etree import ElementTree as ET

import pytest

from shared.lenient_xml import XmlMender, needs_mending


def mended(text: str) -> tuple[str, list[str]]:
    mender = XmlMender()
    return mender.feed(text, last=True), mender.losses


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("\ufeff\n <?xml version='1.0'?><r>a</r>", "<r>a</r>", id="a blank first line"),
        pytest.param("<?xml version='1.1'?>\n<r>a</r>\n\n", "<r>a</r>", id="a newer version"),
        pytest.param("<r>R&D, ?a=1&b=2&copy=3&amp;lt;</r>",
                     "<r>R&amp;D, ?a=1&amp;b=2&amp;copy=3&amp;lt;</r>", id="a bare ampersand"),
        pytest.param('<r u="?a=1&b=2"/>', '<r u="?a=1&amp;b=2"/>', id="and one in an attribute"),
        pytest.param("<r>caf&eacute;&nbsp;&hellip;&LT;</r>", "<r>café\xa0…&lt;</r>",
                     id="names of HTML"),
        pytest.param("<r>&#146;&#8230;&#xD83D;&#0;&#60;</r>",
                     "<r>\u2019…\ufffd\ufffd&lt;</r>", id="numbers of characters that are none"),
        pytest.param("<r>a\x00b\x0bc\x1bd\ufffee</r>", "<r>abcde</r>", id="control characters"),
        pytest.param("<r>1 < 2, a <3</r>", "<r>1 &lt; 2, a &lt;3</r>", id="a bare <"),
        pytest.param("<r><![CDATA[a & b <p> &nbsp;]]></r>", "<r><![CDATA[a & b <p> &nbsp;]]></r>",
                     id="CDATA stays as it is"),
        pytest.param("<r>a]]>b</r>", "<r>a]]&gt;b</r>", id="an end of CDATA without a beginning"),
        pytest.param("<r><!-- a -- <b> & -->c<?php echo 1 ?></r>", "<r>c</r>",
                     id="comments and instructions are left out"),
        pytest.param("<r><m:a m:b='c'>d</m:a></r>",
                     '<r><m:a m:b="c" xmlns:m="urn:undeclared:m">d</m:a></r>',
                     id="a prefix that nobody declares"),
        pytest.param('<r xmlns:m="u"><m:a>d</m:a></r>', '<r xmlns:m="u"><m:a>d</m:a></r>',
                     id="a prefix of the root's"),
        pytest.param('<r><a xmlns:m="u"><m:b/></a></r>',
                     '<r><a xmlns:m="u"><m:b xmlns:m="u"/></a></r>', id="a prefix from between"),
        pytest.param("<r a=b c d='x > y' a='2'>e</r>", '<r a="b" c="" d="x &gt; y">e</r>',
                     id="attributes of HTML"),
        pytest.param('<!DOCTYPE r [<!ENTITY co "A&#38;B">]><r>&co;&no;</r>',
                     "<r>A&amp;B&amp;no;</r>", id="an entity that the document declares"),
    ],
)  # fmt: skip
def test_nothing_that_has_one_meaning_is_lost(text: str, expected: str) -> None:
    assert mended(text) == (expected, [])


@pytest.mark.parametrize(
    ("text", "expected", "loss"),
    [
        ("<r><d>a<br>b</d><l>c</l></r>", "<r><d>a<br>b</br></d><l>c</l></r>", "<br> has no end"),
        ("<r><a>b", "<r><a>b</a></r>", "<a> has no end"),
        ("<r>a</b>c</r>", "<r>ac</r>", "</b> ends nothing"),
        ("<r><A>b</a></r>", "<r><A>b</A></r>", None),
        ("<r><![CDATA[a", "<r><![CDATA[a]]></r>", "a CDATA section has no end"),
        ("<r>a<!-- b</r>", "<r>a</r>", "a comment has no end"),
        ("Warning: no<br />\n<?xml?><r/>", "<r/>", "text in front of the first tag"),
        ("<r>a</r><r>b</r>", "<r>a</r>", "<r> behind the end of the root"),
        ("<r>a <b and <i>c</i></r>", "<r>a &lt;b and <i>c</i></r>",
         "a < that begins no tag: '<b and '"),
        ("no XML at all", "", "text in front of the first tag"),
    ],
)  # fmt: skip
def test_what_is_guessed_is_said(text: str, expected: str, loss: str | None) -> None:
    found, losses = mended(text)

    assert found == expected
    assert losses[:1] == ([loss] if loss else [])


def test_pieces_give_what_the_whole_gives_and_it_is_well_formed() -> None:
    parts = [
        "<", ">", "&", "a", "b:", '"', "'", "/", "=", "!", "--", "[CDATA[", "]]", "?", " ",
        'xmlns:b="u"', "&amp;", "&nbsp;", "<a>", "</a>", "<b:c>", "<!DOCTYPE", "[", "]", "1", "#",
        ";", "é", "<br/>", "</r>",
    ]  # fmt: skip
    random = Random(7)
    for _ in range(3_000):
        text = "<r>" + "".join(random.choices(parts, k=random.randint(1, 25)))
        whole, losses = mended(text)
        mender = XmlMender()
        found, start = "", 0
        while start < len(text):
            size = random.choice([1, 2, 3, 7, 2_000])
            found += mender.feed(text[start : start + size])
            start += size

        assert (found + mender.feed("", last=True), mender.losses) == (whole, losses), text
        ET.fromstring(whole)


@pytest.mark.parametrize(
    "piece",
    ["<", '<a "', "<!--", "&", "<![CDATA[", "<a x='", "<a>", "</a>", "<!DOCTYPE [", "]   ", "<?",
     "<a b=", "a b ", "<a:"],
)  # fmt: skip
def test_no_text_takes_long(piece: str) -> None:
    """Quadratic time would take minutes for this."""
    mended("<r>" + piece * (200_000 // len(piece)))


class Counted(str):
    """A name that counts how often somebody asks what it is in lower case."""

    times = 0
    __slots__ = ()

    def lower(self) -> str:
        Counted.times += 1
        return super().lower()


def test_an_end_tag_of_nothing_looks_at_no_open_element() -> None:
    mender = XmlMender()
    mender.feed("<r>" + "<a>" * 900 + " " * 1_024)
    mender._open = [Counted(name) for name in mender._open]

    mender.feed("</b>" * 1_000 + "</A>" * 2)

    assert Counted.times <= 4
    assert mender.feed("", last=True).count("</") == 900  # one has ended before


@pytest.mark.parametrize(
    "text", ["a\x00b", "a&#1;b", "a&#x1F;b", "<![CDATA[a\x0bb]]>", "a\uffffb", "a&#xFFFE;b"]
)
def test_a_stand_in_shows_where_a_character_is_missing(text: str) -> None:
    shown = XmlMender("?").feed(f"<r>{text}</r>", last=True)

    assert ET.fromstring(shown).text == "a?b"
    assert ET.fromstring(mended(f"<r>{text}</r>")[0]).text == "ab"


@pytest.mark.parametrize(
    ("data", "needed"),
    [
        (b"<r>&amp;&#233;&#xe9;&lt;</r>", False),
        (b"<r>&nbsp;</r>", True),
        (b"<r>&#150;</r>", True),
        (b"<r>a & b</r>", True),
        (b"<!DOCTYPE r [<!ENTITY a 'b'>]><r>&a;</r>", True),
    ],
)
def test_what_a_parser_would_lose_in_silence_is_noticed(data: bytes, needed: bool) -> None:
    assert needs_mending(data) is needed
