# ruff: noqa: PLR2004 -- the numbers are those of the Encoding Standard
"""
Encodings with several bytes for a character, as the Encoding Standard has them.

Pure. Python's decoders of the same names lack some hundred characters, have others for some bytes,
and begin anew in the middle of a character after an error. They are fast, so they do the work, and
what is different is here.
"""

import codecs
import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import NamedTuple

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_MAX_ERRORS = 10_000  # in a text; one with more of them is none, and each costs a microsecond


def decode(body: bytes, name: str) -> str:
    """Return the text of `body`, which is in the encoding that the standard calls `name`."""
    if name == "iso-2022-jp":
        return _iso_2022_jp(body)
    if name == "euc-jp":
        # Python reads this as a tilde of ASCII. No character of several bytes ends with 8F.
        body = body.replace(b"\x8f\xa2\xb7", b"\xa1\xc1")
    elif name == "big5" and (b"\xa2A" in body or b"\xa2B" in body):
        body = _BIG5_PAIR.sub(_marked, body)
    return _decoder(name)(body)


class _Pairs(NamedTuple):
    """An encoding of two bytes for a character: Python's, and what it has not."""

    codec: str
    leads: Callable[[int], bool]
    """Tells whether a byte begins a character of several."""
    more: Callable[[bytes, int], tuple[str, int] | None]
    """Returns the character at a position where Python finds none, and how long it is."""
    others: dict[int, int]
    """What Python's characters are instead; each of them has one sequence of bytes."""


class _StandardDecoder:
    """Decodes by a codec of Python's and, where it finds an error, by the standard."""

    def __init__(self, name: str, pairs: _Pairs) -> None:
        self._pairs = pairs
        self._errors_left = 0
        self._handler = f"functions.worker.extraction.documents.multibyte.{name}"
        codecs.register_error(self._handler, self._on_error)

    def __call__(self, body: bytes) -> str:
        self._errors_left = _MAX_ERRORS
        try:
            text = body.decode(self._pairs.codec, self._handler)
        except UnicodeDecodeError:
            text = body.decode(self._pairs.codec, "replace")
        return text.translate(self._pairs.others) if self._pairs.others else text

    def _on_error(self, error: UnicodeError) -> tuple[str, int]:
        assert isinstance(error, UnicodeDecodeError)
        body, start = error.object, error.start
        known = self._pairs.more(body, start)
        if known is not None:
            return known[0], start + known[1]
        self._errors_left -= 1
        if not self._errors_left:
            raise error
        return _REPLACEMENT, start + self._wrong(body, start)

    def _wrong(self, body: bytes, start: int) -> int:
        """Return how many bytes one U+FFFD stands for: what is ASCII is never lost."""
        lead = body[start]
        if not self._pairs.leads(lead) or start + 1 == len(body):
            return 1
        second = body[start + 1]
        if self._pairs.codec == "euc_jp" and lead == 0x8F and 0xA1 <= second <= 0xFE:
            return 3 if body[start + 2 : start + 3] > b"\x7f" else 2
        if self._pairs.codec == "gb18030" and 0x30 <= second <= 0x39:
            four = _FOUR.match(body, start)
            return len(four[0]) if four else 1
        return 1 if second < 0x80 else 2


_FOUR = re.compile(rb"[\x81-\xfe][0-9](?:[\x81-\xfe](?:[0-9]|\Z)|\Z)")  # or what there is of them
_GB18030 = _Pairs(
    "gb18030",
    lambda lead: 0x81 <= lead <= 0xFE,
    lambda body, start: ("€", 1) if body[start] == 0x80 else None,
    # The edition of 2022, where Python has that of 2000; and the ideographic space.
    str.maketrans(
        "\ue5e5\ue78d\ue78e\ue78f\ue790\ue791\ue792\ue793\ue794\ue795\ue796\ue7c7"
        "\ue81e\ue826\ue82b\ue82c\ue832\ue843\ue854\ue864",
        "\u3000\ufe10\ufe12\ufe11\ufe13\ufe14\ufe15\ufe16\ufe17\ufe18\ufe19\u1e3f"
        "\u9fb4\u9fb5\u9fb6\u9fb7\u9fb8\u9fb9\u9fba\u9fbb",
    ),
)
_EUC_KR = _Pairs(
    "cp949",
    lambda lead: 0x81 <= lead <= 0xFE,
    lambda _body, _start: None,
    {},
)
_SHIFT_JIS = _Pairs(
    "cp932",
    lambda lead: 0x81 <= lead <= 0x9F or 0xE0 <= lead <= 0xFC,
    lambda _body, _start: None,
    # What Python makes of bytes that stand for nothing.
    str.maketrans("\uf8f0\uf8f1\uf8f2\uf8f3", 4 * _REPLACEMENT),
)


def _nec_and_ibm(body: bytes, start: int) -> tuple[str, int] | None:
    """Return a character of EUC-JP that vendors added: Shift_JIS has the same table."""
    pair = body[start : start + 2]
    if len(pair) < 2 or not (0xA1 <= pair[0] <= 0xFE and 0xA1 <= pair[1] <= 0xFE):
        return None
    row, cell = divmod((pair[0] - 0xA1) * 94 + pair[1] - 0xA1, 188)
    lead = row + (0x81 if row < 0x1F else 0xC1)
    trail = cell + (0x40 if cell < 0x3F else 0x41)
    try:
        return bytes([lead, trail]).decode("cp932"), 2
    except (UnicodeDecodeError, ValueError):
        return None


_EUC_JP = _Pairs(
    "euc_jp",
    lambda lead: lead in {0x8E, 0x8F} or 0xA1 <= lead <= 0xFE,
    _nec_and_ibm,
    str.maketrans("〜‖−¢£¬", "～∥－￠￡￢"),  # noqa: RUF001 -- this is the difference
)
# Runs of characters that Python's Big5 of Hong Kong has not, each behind its first two bytes.
_BIG5_RUNS = """
    877a㡵𡵓𣚞𦀡㻬𥣞㫵竼龗𤅡𨤍𣇪𠪊𣉞䌊蒄龖鐯䤰蘓墖靊鈘秐稲晠権袝瑌篅枂稬剏遆㓦珄
    87c0𥶹瓆鿇垳䤯呌䄱𣚎堘穲𧭥讏䚮𦺈䆁𥶙箮𢒼鿈𢓁𢓉𢓌鿉蔄𣖻䂴鿊䓡𪷿拁灮鿋
    8e69箸
    8e6f簆 8e7e糎 8eab緒 8eb4縝 8ecd者 8ed0耨 8f57菁 8f69蒨 8f6e萏 8fcb覦覩 8ffe起 906d都 907a銹
    90dc靜 90f1響 91bf鼖 9244蔃 92af兙兛兝兞 92c8鍮 92d1瑹 9447浧 94ca禛 95d9邗 9644靝 96ed瀞 96fc嬨
    9b76爁 9b78矗 9b7b纇 9bc6駖 9bde釔 9bec惞 9bf6澶 9c42輶 9c53侻 9c62營 9c68鄄 9c6b鷰 9c77菏
    9cbc尐秣 9cd0婧 9d57輋 9d5a筑 9dc4拐 9ea9恢 9eef痹 9efd汊 9f60鬮 9f66鼗 9fcb僭 9fd8弌 a063蠏
    a077拎 a0d5瑨 a0df煢 a0e4牐 a3c0␀␁␂␃␄␅␆␇␈␉␊␋␌␍␎␏␐␑␒␓␔␕␖␗␘␙␚␛␜␝␞␟␡€ c6cf廴 c6d3无 c6d5癶
    c6d7隶 c6de〃仝 fa5f倩 fa66偽 fabd包 fac5卄 fad5卿 fb48嘅 fbb8婷 fbf3幵 fbf9廐 fc4f彘 fc6c悤
    fcb9撐 fce2晴 fcf1杞 fdb7沜渝 fdbb港 fdf1煮 fe52猪 fe6f瑜 feaa瓩 fedd砉
"""


def _big5_pair(pointer: int) -> bytes:
    lead, trail = divmod(pointer, 157)
    return bytes([lead + 0x81, trail + (0x40 if trail < 0x3F else 0x62)])


def _big5_pointer(lead: int, trail: int) -> int:
    return (lead - 0x81) * 157 + trail - (0x40 if trail < 0x7F else 0x62)


@cache
def _big5_table() -> dict[bytes, str]:
    table = {}
    for run in _BIG5_RUNS.split():
        first = _big5_pointer(*bytes.fromhex(run[:4]))
        for number, character in enumerate(run[4:]):
            table[_big5_pair(first + number)] = character
    return table


# Python has one character for two pairs of bytes here. The rarer pair is marked, by a byte that
# begins none, so that it is an error.
_BIG5_SLASHES = {b"\xff\xa2A": "\N{DIVISION SLASH}", b"\xff\xa2B": "\N{SMALL REVERSE SOLIDUS}"}
_BIG5_PAIR = re.compile(rb"[\x81-\xfe][\x40-\x7e\x80-\xff]")


def _marked(pair: re.Match[bytes]) -> bytes:
    return b"\xff" + pair[0] if pair[0] in {b"\xa2A", b"\xa2B"} else pair[0]


def _hong_kong(body: bytes, start: int) -> tuple[str, int] | None:
    slash = _BIG5_SLASHES.get(body[start : start + 3])
    if slash is not None:
        return slash, 3
    found = _big5_table().get(body[start : start + 2])
    return None if found is None else (found, 2)


_BIG5 = _Pairs(
    "big5hkscs",
    lambda lead: 0x81 <= lead <= 0xFE,
    _hong_kong,
    str.maketrans("•､‾∼♁☉¥¢£", "‧﹑¯～⊕⊙￥￠￡"),  # noqa: RUF001 -- this is the difference
)


_ESCAPE = re.compile(rb"(\x1b(?:\([BJI]|\$[@B]))")


def _iso_2022_jp(body: bytes) -> str:
    pieces: list[str] = []
    mode = b"\x1b(B"
    parts = _ESCAPE.split(body)
    for number, part in enumerate(parts):
        if number % 2:
            # Two escapes in a row could hide what others read there.
            if number > 1 and not parts[number - 1]:
                pieces.append(_REPLACEMENT)
            mode = part
        elif mode == b"\x1b(I":
            pieces.append(decode(part.translate(_TO_KATAKANA), "shift_jis"))
        elif mode.startswith(b"\x1b$"):
            pieces += _jis_pairs(part)
        else:
            text = part.translate(_TO_ASCII).decode("ascii", "replace")
            pieces.append(text.translate(_ROMAN) if mode == b"\x1b(J" else text)
    return "".join(pieces)


# What stands for nothing becomes a byte that is none either.
_TO_ASCII = bytes(
    byte if byte < 0x80 and byte not in b"\x0e\x0f\x1b" else 0xFF for byte in range(256)
)
_TO_KATAKANA = bytes(byte + 0x80 if 0x21 <= byte <= 0x5F else 0xFF for byte in range(256))
_ROMAN = str.maketrans("\\~", "¥‾")


def _jis_pairs(part: bytes) -> Iterator[str]:
    start, end = 0, len(part)
    while start < end:
        pair = part[start : start + 2]
        if 0x21 <= pair[0] <= 0x7E and len(pair) == 2:
            start += 1 if pair[1] == 0x1B else 2
            if 0x21 <= pair[1] <= 0x7E:
                yield decode(bytes([pair[0] | 0x80, pair[1] | 0x80]), "euc-jp")
                continue
        else:
            start += 1
        yield _REPLACEMENT


_PAIRS = {
    "gbk": _GB18030,
    "gb18030": _GB18030,
    "euc-kr": _EUC_KR,
    "shift_jis": _SHIFT_JIS,
    "euc-jp": _EUC_JP,
    "big5": _BIG5,
}


@cache
def _decoder(name: str) -> _StandardDecoder:
    return _StandardDecoder(name, _PAIRS[name])
