"""What a job is called: after its list, and after the upload that starts it. Pure."""

import re

from functions.dispatcher.lists import PACKED
from shared.ids import job_id
from shared.messages import ListUploaded, Submit

_MONTH, _DAY = "(?:0[1-9]|1[0-2])", "(?:0[1-9]|[12][0-9]|3[01])"
_YEAR = "(?:19|20)[0-9]{2}"
_TIME = "(?:[-_tT ]?[0-2][0-9][-_:h]?[0-5][0-9](?:[-_:]?[0-5][0-9])?[zZ]?)?"
_DATE = re.compile(
    rf"(?<![0-9])(?:{_YEAR}([-_.]){_MONTH}(?:\1{_DAY}{_TIME})?|{_YEAR}{_MONTH}{_DAY}{_TIME}"
    rf"|{_DAY}([-_.]){_MONTH}\2{_YEAR}|{_YEAR}-?[wW][0-5][0-9])(?![0-9])"
)
_IN_NO_FILE = {"command-line", "standard-input"}
"""Folders of lists that a command line makes of what it was given."""


def uploaded_job(upload: ListUploaded) -> str:
    """Return the id of the job that an upload starts."""
    name = job_name(upload.place.key)
    # `list.txt` and `list.csv` may have the same bytes. Ids of .txt are as they always were, so
    # that a local run goes on after an upgrade.
    form = upload.place.key.removeprefix(name).removeprefix(".txt")
    return job_id(name, f"{upload.id}{form}")


def submitted_name(request: Submit) -> str:
    """Return what jobs of a `submit.v1` message are called, the same each time."""
    return request.name or (job_name(request.list.key) if request.list else "submit")


def submitted_job(request: Submit, message_id: str) -> str:
    """Return the id of the job that a `submit.v1` message starts."""
    name = submitted_name(request)
    if request.at:
        name = f"{name}-{request.at[:10]}"
    return job_id(name, request.id or message_id)


def scraper_name(name: str) -> str:
    """Return whose job it is that has this name: the folder of its list, or else the name."""
    return name.rpartition("/")[0] or name


def list_id(name: str, etag: str) -> str:
    """
    Return what the jobs of one list have in common, by the name of one.

    Names that differ in nothing but dates are those of one list: `books/2026-11-30`. URLs that are
    in no file are one list if they are the same: what tells it is the `etag`.
    """
    if scraper_name(name) in _IN_NO_FILE:
        return f"{name}/{etag}"
    return _DATE.sub("0", name)


def job_name(key: str) -> str:
    """Return `books/2026-11-21` for the list `books/2026-11-21.txt.gz`."""
    name = key
    for packed in PACKED:
        name = name.removesuffix(packed)
    return name.rpartition(".")[0] or name
