"""Numbers of money, with what is said of their currency. Pure."""

from typing import Any, NamedTuple


class Amount(NamedTuple):
    """A price as a page's data has it: a value, and what it names as its currency."""

    value: Any
    currency: Any

    def __str__(self) -> str:
        return str(self.value)


class Letters(str):
    """What beside an amount may be a currency, and nobody here knows which."""

    __slots__ = ()


class Region(NamedTuple):
    """A region beside an amount of money."""

    currency: str
    """What people pay with there."""
    is_certain: bool
    """Whether it cannot be something else, as in San Diego, CA $9."""


class Price(float):
    """A number of money, the sign or code of its currency, and a region beside that."""

    __slots__ = ("region", "sign")
    sign: str | None
    region: Region | None
