"""Bytes mean what the Encoding Standard says, where Python's codecs of the same name differ."""

import pytest

from functions.worker.extraction.documents.encodings import (
    byte_order_mark,
    decode,
    encoding_of,
    xml_encoding,
)


@pytest.mark.parametrize(
    ("label", "name"),
    [
        (" GB2312 ", "gbk"), ("x-sjis", "shift_jis"), ("ks_c_5601-1987", "euc-kr"),
        ("latin1", "windows-1252"), ("iso-8859-9", "windows-1254"), ("utf8", "utf-8"),
        ("big5-hkscs", "big5"), ("utf-16", "utf-16le"), ("rot13", None), ("hz-gb-2312", None),
        (None, None),
    ],
)  # fmt: skip
def test_labels_are_those_of_the_standard(label: str | None, name: str | None) -> None:
    assert encoding_of(label) == name


@pytest.mark.parametrize(
    ("name", "data", "text"),
    [
        pytest.param("gbk", "80 31 32", "€12", id="the euro sign of GBK"),
        pytest.param("gbk", "95 32 82 36", "𠀀", id="four bytes in GBK"),
        pytest.param("gb18030", "a6 d9 a8 bc fe 59 a3 a0", "\ufe10ḿ龴\u3000",
                     id="the edition of 2022"),
        pytest.param("gb18030", "81 30 81 30", "\x80", id="the first of four bytes"),
        pytest.param("gb18030", "84 31 a5 30", "\ufffd", id="four bytes for nothing"),
        pytest.param("euc-jp", "ad a1 ad ea", "①㈱", id="NEC's characters in EUC-JP"),
        pytest.param("euc-jp", "fc e3 fb b3", "髜甁", id="IBM's characters in EUC-JP"),
        pytest.param("euc-jp", "a1 c1 a1 dd 8f a2 b7", "\uff5e\uff0d\uff5e", id="wide signs"),
        pytest.param("euc-jp", "8e b1 8f b0 a1", "ｱ丂", id="katakana, and three bytes"),
        pytest.param("shift_jis", "87 40 87 8a ed 40", "①㈱纊", id="Windows' Shift_JIS"),
        pytest.param("shift_jis", "81 60 f0 40 5c 7e", "\uff5e\ue000\\~", id="and what is ASCII"),
        pytest.param("euc-kr", "8c 63 b6 e8", "똠띈", id="Windows' Korean"),
        pytest.param("big5", "a3 e1 a1 45 a2 41 a2 42", "€‧\u2215\ufe68", id="signs of Big5"),
        pytest.param("big5", "87 7a 88 62 fa 40", "㡵Ê̄𠕇", id="Hong Kong's characters"),
        pytest.param("iso-2022-jp", "1b 24 42 2d 6a 1b 28 4a 5c 1b 28 49 31 1b 28 42 78",
                     "㈱¥ｱx", id="ISO-2022-JP"),
        pytest.param("windows-1252", "80 81 e9", "€\x81é", id="a gap of windows-1252"),
        pytest.param("windows-1255", "ca d9", "\u05ba\ufffd", id="a gap of windows-1255"),
        pytest.param("koi8-u", "ae be d2", "ўЎр", id="letters of Belarus"),
        pytest.param("macintosh", "8e db", "é€", id="a Macintosh"),
        pytest.param("x-user-defined", "61 80 ff", "a\uf780\uf7ff", id="user-defined"),
        pytest.param("utf-16be", "00 61 d8 00", "a\ufffd", id="half a character"),
    ],
)  # fmt: skip
def test_characters_are_those_of_the_standard(name: str, data: str, text: str) -> None:
    assert decode(bytes.fromhex(data), name) == text


@pytest.mark.parametrize(
    ("name", "data", "text"),
    [
        ("gbk", b"\xb0<p>\xff\xb0\xa1", "\ufffd<p>\ufffd啊"),
        ("gb18030", b"\x81\x30\x81", "\ufffd"),
        ("shift_jis", b"\x81<b>\xa0\xfd", "\ufffd<b>\ufffd\ufffd"),
        ("shift_jis", b"\x85\xfd\x82\xa0", "\ufffdあ"),
        ("euc-jp", b"\xa4<\xff\xa4\xa2", "\ufffd<\ufffdあ"),
        ("euc-kr", b"\xb0\xff\xb0\xa1", "\ufffd가"),
        ("big5", b"\xa4\x80\xa4\x40\xff", "\ufffd一\ufffd"),
        ("iso-2022-jp", b"\x1b$B$\x1b(Ba\x1b(J\x1b(Bb\x0e", "\ufffda\ufffdb\ufffd"),
    ],
)
def test_what_stands_for_nothing_costs_no_character_that_follows(
    name: str, data: bytes, text: str
) -> None:
    assert decode(data, name) == text


@pytest.mark.parametrize("name", ["gbk", "big5", "euc-jp", "shift_jis", "euc-kr", "iso-2022-jp"])
@pytest.mark.parametrize("piece", [b"\xff", b"\xa0", b"\x81", b"\x1b$B", b"\x1b"])
def test_bytes_that_are_no_text_do_not_take_long(name: str, piece: bytes) -> None:
    assert decode(piece * 300_000, name)


@pytest.mark.parametrize(
    ("head", "declared", "name"),
    [
        (b'<?xml version="1.0" encoding="koi8-r"?>', "windows-1251", "windows-1251"),
        (b'<?xml version="1.0" encoding="koi8-r"?>', "no-such", "koi8-r"),
        (b"\n<?xml version='1.0' encoding = 'Big5' ?>", None, "big5"),
        (b'<?xml version="1.0" encoding="UTF-16"?>', None, "utf-8"),
        ('<?xml version="1.0"?>'.encode("utf-16-le"), None, "utf-16le"),
        ('<?xml version="1.0"?>'.encode("utf-16-be"), None, "utf-16be"),
        (b"<rss encoding='big5'>", None, None),
    ],
)
def test_xml_is_what_the_header_says_and_then_what_it_says_itself(
    head: bytes, declared: str | None, name: str | None
) -> None:
    assert xml_encoding(head, declared) == name


def test_a_byte_order_mark_is_known() -> None:
    assert byte_order_mark(b"\xfe\xff\0a") == ("utf-16be", 2)
    assert byte_order_mark(b"a") is None
