"""What is remembered of a scraper's URLs in one partition: its objects in S3."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import msgspec

from functions.worker.remembering.entries import Entry, Hash, Line
from functions.worker.remembering.lines import lines_at
from functions.worker.remembering.part import (
    DIGITS,
    DamagedMemoryError,
    Part,
    by_digit,
    decode_entry,
    encoded,
    is_too_large,
    split_note,
)
from shared.errors import StorageError
from shared.keys import memory_key, results_key
from shared.outcomes import RememberedLine
from shared.store import Bucket

_TRIES = 8
_SMALL = 250_000  # bytes: such an object is kept until the batch is concluded


class _Object(NamedTuple):
    part: Part
    etag: str | None


class Memory:
    """
    What is remembered in one partition, which one worker at a time has in hand.

    Args:
        data: The data bucket.
        scraper: Whose.
        partition: The number.
    """

    def __init__(self, data: Bucket, scraper: str, partition: int) -> None:
        self._data = data
        self._scraper = scraper
        self._partition = partition
        self._last: dict[str, _Object] = {}
        """The object that was read last, by its path, unless it is large."""
        self.damaged = 0
        """Objects that could not be read; they count as empty, and are written anew."""

    def read(self, numbers: Iterable[Hash]) -> dict[Hash, Entry]:
        """
        Return the entries of `numbers`, as far as there are any.

        Raises:
            StorageError: they cannot be read.
        """
        return dict(self._read("", list(numbers)))

    def _read(self, path: str, numbers: list[Hash]) -> Iterator[tuple[Hash, Entry]]:
        if not numbers:
            return
        part = self._object(path).part
        if part.is_split:
            for digit, below in by_digit(numbers, path).items():
                yield from self._read(path + digit, below)
            return
        try:
            found = [(number, entry) for number in numbers if (entry := part.get(number))]
        except DamagedMemoryError:
            self._give_up(path)
            return
        yield from found

    def entries(self) -> Iterator[tuple[Hash, Entry]]:
        """
        Yield all entries; one object at a time is in memory.

        Raises:
            StorageError: they cannot be read.
        """
        waiting = [""]
        while waiting:
            path = waiting.pop()
            part = self._object(path).part
            if part.is_split:
                waiting += [path + digit for digit in DIGITS]
                continue
            try:
                yield from part
            except DamagedMemoryError:
                self._give_up(path)

    def merge(self, entries: Mapping[Hash, Entry | None]) -> None:
        """
        Write `entries`, each unless a later one is there; None takes one away.

        Raises:
            StorageError: they cannot be written.
        """
        if entries:
            self._merge("", entries)

    def _merge(self, path: str, entries: Mapping[Hash, Entry | None]) -> None:
        for _ in range(_TRIES):
            part, etag = self._object(path)
            if part.is_split:
                for digit, numbers in by_digit(entries, path).items():
                    self._merge(path + digit, {number: entries[number] for number in numbers})
                return
            try:
                merged = part.merged(entries)
            except DamagedMemoryError:
                self._give_up(path)
                continue
            if is_too_large(merged):
                # Whoever writes the former object meanwhile makes the note fail, and this anew.
                # What a split that was not brought to its end has left there is merged, too.
                for digit, numbers in by_digit(merged, path).items():
                    below = {number: decode_entry(merged[number]) for number in numbers}
                    self._merge(path + digit, below)
                body = split_note()
            else:
                body = encoded(merged)
            new = self._data.put_over(self._key(path), body, etag=etag)
            self._last.clear()
            if new is not None:
                return
        raise StorageError(f"put {self._key(path)}: somebody else has written it, {_TRIES} times")

    def _object(self, path: str) -> _Object:
        known = self._last.get(path)
        if known is None:
            found = self._data.get_versioned(self._key(path))
            is_small = found is None or len(found[0]) < _SMALL
            try:
                known = _Object(Part(found[0]), found[1]) if found else _Object(Part(), None)
            except DamagedMemoryError:
                self.damaged += 1
                known = _Object(Part(), found[1] if found else None)
            self._last = {path: known} if is_small else {}
        return known

    def _give_up(self, path: str) -> None:
        """Take the object that was read last for empty: one of its entries is none."""
        self.damaged += 1
        self._last = {path: _Object(Part(), self._object(path).etag)}

    def _key(self, path: str) -> str:
        return memory_key(self._scraper, self._partition, path)

    def lines(self, places: Iterable[Line]) -> dict[Line, RememberedLine]:
        """
        Return the outcomes at `places`, as far as they are still there.

        Raises:
            StorageError: they cannot be read.
        """
        return {place: line for place, body in self.raw_lines(places) if (line := _line(body))}

    def raw_lines(self, places: Iterable[Line]) -> Iterator[tuple[Line, bytes]]:
        """Yield the outcomes at `places` as they are written, as far as they are still there."""
        wanted: dict[tuple[str, str], dict[int, Line]] = defaultdict(dict)
        for place in places:
            wanted[place.job, place.batch][place.number] = place
        for (job, batch), numbers in wanted.items():
            body = self._data.get(results_key(job, batch))
            if body is not None:
                for number, line in lines_at(body, numbers):
                    yield numbers[number], line


def _line(body: bytes) -> RememberedLine | None:
    try:
        return _decoder.decode(body)
    except msgspec.MsgspecError:
        return None  # somebody has written over it


_decoder = msgspec.json.Decoder(RememberedLine)
