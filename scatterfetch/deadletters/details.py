"""Why the targets of a letter are dead, in words: the results say it, and the letter does not."""

import gzip
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from scatterfetch.deadletters.letters import Letter
from scatterfetch.jobs.place import READERS, Data
from shared.keys import results_key


class _Line(Struct):
    url: str
    line: int | None
    detail: str | None = None


_decoder = msgspec.json.Decoder(_Line)


def with_details(data: Data, letters: Iterable[Letter]) -> Iterator[Letter]:
    """Yield `letters` with the details of those targets whose outcome is in the results."""

    def look(letter: Letter) -> Letter:
        details = _details(data, letter)
        targets = [replace(one, detail=details.get(one.line or one.url)) for one in letter.targets]
        return replace(letter, targets=tuple(targets))

    waiting = iter(letters)
    with ThreadPoolExecutor(READERS) as pool:
        while together := list(islice(waiting, READERS)):
            yield from pool.map(look, together)


def _details(data: Data, letter: Letter) -> dict[int | str, str | None]:
    if letter.queue != "DispatchDLQ" or letter.job is None or letter.batch is None:
        return {}  # its targets have no outcome
    # The id of a letter is that of the batch that its targets died in, and a number.
    body = data.get(results_key(letter.job, letter.batch.rpartition("-")[0]))
    try:
        lines = map(_decoder.decode, gzip.decompress(body or b"").splitlines())
        return {one.line or one.url: one.detail for one in lines}
    except (OSError, EOFError, zlib.error, msgspec.MsgspecError):
        return {}  # gone or damaged, as `status` tells
