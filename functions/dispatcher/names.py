"""What a job is called: after its list, and after the upload that starts it. Pure."""

from functions.dispatcher.lists import PACKED
from shared.ids import job_id
from shared.messages import ListUploaded, Submit


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


def job_name(key: str) -> str:
    """Return `books/2026-11-21` for the list `books/2026-11-21.txt.gz`."""
    name = key
    for packed in PACKED:
        name = name.removesuffix(packed)
    return name.rpartition(".")[0] or name
