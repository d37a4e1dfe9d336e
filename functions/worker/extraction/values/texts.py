"""
Texts that values are read from: their white space and their marks, and who has written them.

Pure. Knows no type of values.
"""

import re
from typing import Final

# What people in Japan, China, Iran or Switzerland type for what stands on the other side.
_FULL_WIDTH = {code + 0xFEE0: code for code in range(0x21, 0x7F)}
_LOOK_ALIKE = str.maketrans(
    "\uffe1\uffe5\u2212\ufe63\u00b4\u02b9\u02bc\u2032`\u060c\u066b\ufe50\ufe52\uff61",
    "£¥--'''''\u066c.,..",
    # Marks of direction and width, which nobody sees.
    "\u00ad\u061c\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060"
    "\u2066\u2067\u2068\u2069\ufeff",
)
FIXED_SPACES: Final = "\u00a0\u2007\u2009\u202f"
"""White space that no line breaks at, or that is too narrow to part words."""
_HELD = re.compile(rf"\d[{FIXED_SPACES}]\d")
_OTHER_SPACES = re.compile(rf"[^\S{FIXED_SPACES}]+")
_TIDY = _FULL_WIDTH | _LOOK_ALIKE


def fold(text: str) -> str:
    """Return `text` with each run of white space as one space, and none around it."""
    return " ".join(text.split())


def fold_numeral(text: str) -> str:
    """Return `text` as `fold` does, but with the spaces that hold a number's digits together."""
    if text.isascii() or _HELD.search(text) is None:
        return fold(text)
    return " ".join(filter(None, _OTHER_SPACES.split(text)))


def tidy(text: str) -> str:
    """Return `text` with white space folded, and marks and signs as ASCII has them."""
    return " ".join((text if text.isascii() else text.translate(_TIDY)).split())


class PartedText(str):
    """A text of several elements, which between digits says nothing of where one ends."""

    __slots__ = ("marked",)
    marked: str
    """The same with a mark there."""


class MachineText(str):
    """
    A text that a program wrote for programs, such as the `content` of microdata.

    No locale applies to it: 1.299 is less than two.
    """

    __slots__ = ()


class JsonText(MachineText):
    """A text of JSON: a value already, whatever it looks like."""

    __slots__ = ()
