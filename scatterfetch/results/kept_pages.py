"""Pages that jobs have kept, by their URLs."""

import gzip
import io
from typing import TYPE_CHECKING

import msgspec

from functions.worker.keeping.reading import pages_in
from functions.worker.transport.page import FetchedPage
from shared.errors import InvalidJobError
from shared.keys import job_prefix, manifest_key, results_prefix
from shared.outcomes import Outcome

if TYPE_CHECKING:
    from scatterfetch.jobs.place import Data

_decoder = msgspec.json.Decoder(Outcome)


def kept_page(data: "Data", job: str, url: str) -> tuple[Outcome, FetchedPage]:
    """
    Return the outcome of a URL that a job has kept the page of, and the page.

    Args:
        data: Where the job is.
        job: Its id.
        url: Of the list, or of the page itself.

    Raises:
        InvalidJobError: there is no such job, or it has not kept the page.
        StorageError: the page is damaged.
    """
    if data.get(manifest_key(job)) is None:
        raise InvalidJobError(f"there is no job {job!r}; there is no {job_prefix(job)} where it is")
    found: Outcome | None = None
    quoted = msgspec.json.encode(url)
    for key in data.keys(results_prefix(job)):
        for line in gzip.decompress(data.get(key) or b"").splitlines():
            if quoted in line and b'"kept":{' in line:
                outcome = _decoder.decode(line)
                found = outcome if url in {outcome.url, outcome.final_url} else found
    if found is None or found.kept is None:
        raise InvalidJobError(f"the job {job} has kept no page of {url}; see `keep` in its spec")
    body = data.get(found.kept.file)
    if body is None:
        raise InvalidJobError(f"{found.kept.file}, which has the page of {url}, is gone")
    record = body[found.kept.offset : found.kept.offset + found.kept.length]
    page = next(pages_in(io.BytesIO(record)))
    return found, page
