"""
The form of what is remembered: entries by hash, of which few are decoded. Pure.

An object that has become too large is split into four, by the bits of the hash; a note that it was
is left in its place.
"""

import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping

import msgspec
from isal import igzip
from msgspec import Struct

from functions.worker.remembering.entries import Entry, Hash

MAX_PART_BYTES = 4_000_000
"""Of the entries of one object, before compression."""
_BITS = 2
_DIGITS = 1 << _BITS
_WIDTH = 64


class DamagedMemoryError(Exception):
    """The object is no part of a memory."""


class _Part(Struct, tag="memory.v1"):
    """`hashes` is sorted, 8 bytes each; entry n ends at `ends[n]`, 4 bytes each; little-endian."""

    hashes: bytes = b""
    ends: bytes = b""
    entries: bytes = b""
    is_split: bool = False


class Part:
    """
    Entries by hash.

    Args:
        body: The object, or None where there is none yet.

    Raises:
        DamagedMemoryError: it is no such object.
    """

    def __init__(self, body: bytes | None = None) -> None:
        try:
            found = _Part() if body is None else _decoder.decode(igzip.decompress(body))
        except Exception as error:  # of the compression, too
            raise DamagedMemoryError(f"{error}") from error
        self.is_split = found.is_split
        """Whether its entries are in four others."""
        self._hashes = _numbers("Q", found.hashes)
        self._ends = _numbers("I", found.ends)
        self._entries = found.entries
        if len(self._hashes) != len(self._ends) or (self._ends or [0])[-1] != len(found.entries):
            raise DamagedMemoryError("it is not as long as it says")

    def __len__(self) -> int:
        return len(self._hashes)

    def get(self, number: Hash) -> Entry | None:
        at = bisect_left(self._hashes, number)
        if at == len(self._hashes) or self._hashes[at] != number:
            return None
        return self._entry(at)

    def __iter__(self) -> Iterator[tuple[Hash, Entry]]:
        for at, number in enumerate(self._hashes):
            yield number, self._entry(at)

    def _entry(self, at: int) -> Entry:
        return decode_entry(self._raw(at))

    def _raw(self, at: int) -> bytes:
        return self._entries[self._ends[at - 1] if at else 0 : self._ends[at]]

    def merged(self, entries: Mapping[Hash, Entry | None]) -> dict[Hash, bytes]:
        """
        Return all entries, encoded, with `entries` among them; None takes one away.

        One yields only to a later one, so that it does not matter in which order they come.
        """
        found = {number: self._raw(at) for at, number in enumerate(self._hashes)}
        for number, entry in entries.items():
            if entry is None:
                found.pop(number, None)
                continue
            former = self.get(number)
            if former is None or former.at <= entry.at:
                found[number] = _encoder.encode(entry)
        return found


def encoded(entries: Mapping[Hash, bytes]) -> bytes:
    """Return the object of entries that `Part.merged` has returned."""
    numbers = sorted(entries)
    ends = array("I")
    end = 0
    for number in numbers:
        end += len(entries[number])
        ends.append(end)
    part = _Part(
        _bytes(array("Q", numbers)), _bytes(ends), b"".join(entries[number] for number in numbers)
    )
    return igzip.compress(_encoder.encode(part), 1)


def split_note() -> bytes:
    """Return the object that says that its entries are in four others."""
    return igzip.compress(_encoder.encode(_Part(is_split=True)), 1)


def decode_entry(body: bytes) -> Entry:
    """
    Return one of the entries that `Part.merged` has returned.

    Raises:
        DamagedMemoryError: it is none.
    """
    try:
        entry: Entry = _entry_decoder.decode(body)
    except msgspec.MsgspecError as error:
        raise DamagedMemoryError(f"{error}") from error
    return entry


def is_too_large(entries: Mapping[Hash, bytes]) -> bool:
    return sum(map(len, entries.values())) > MAX_PART_BYTES


def digit(number: Hash, path: str) -> str:
    """Return in which of the four objects below `path` the entry of a hash is."""
    return str((number >> (_WIDTH - _BITS * (len(path) + 1))) & (_DIGITS - 1))


def by_digit(numbers: Iterable[Hash], path: str) -> dict[str, list[Hash]]:
    """Return hashes by the object below `path` that each is in."""
    found: dict[str, list[Hash]] = {}
    for number in numbers:
        found.setdefault(digit(number, path), []).append(number)
    return found


DIGITS = tuple(map(str, range(_DIGITS)))


def _numbers(kind: str, data: bytes) -> "array[int]":
    numbers = array(kind)
    try:
        numbers.frombytes(data)
    except ValueError as error:
        raise DamagedMemoryError(f"{error}") from error
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def _bytes(numbers: "array[int]") -> bytes:
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Part)
_entry_decoder = msgspec.msgpack.Decoder(Entry)
