"""Numbers of money, with what is said of their currency. Pure."""

from typing import Any, NamedTuple


class Amount(NamedTuple):
    """A price as a page's data has it: a value, and what it names as its currency."""

    value: Any
    currency: Any

    def __str__(self) -> str:
        return str(self.value)


class Price(float):
    """A number of money, and the sign or code of its currency."""

    __slots__ = ("sign",)
    sign: str | None
