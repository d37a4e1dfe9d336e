"""A job of a stack, asked for: whether its dispatcher will take the list, and the message to it."""

import uuid
from pathlib import Path

import msgspec

from functions.dispatcher.counts import nothing_to_do
from functions.dispatcher.names import job_name
from functions.dispatcher.plan import Plan
from scatterfetch.jobs.progress import Job
from scatterfetch.jobs.stack import Stack
from scatterfetch.lists.specs import spec_of
from scatterfetch.lists.url_list import UrlList
from shared.errors import InvalidJobError
from shared.ids import job_id
from shared.keys import submitted_key
from shared.manifest import SHARD_BYTES
from shared.messages import Place, Submit, encode
from shared.queue import Message

_MAX_MESSAGE_BYTES = 200_000  # of a submit.v1; a list that would not fit is uploaded


def check_list(url_list: UrlList) -> None:
    """
    See whether the dispatcher will take the list.

    Raises:
        InvalidJobError: it will not, for this reason.
    """
    is_file = url_list.body == Path(url_list.name)  # and not what came of something else
    with url_list.reader(url_list.name if is_file else url_list.key) as reader:
        plan = Plan(job="-", shard=0, partitions=1, batch_size=1)
        reader.fill(plan, SHARD_BYTES)
    if reader.ended and next(plan.batches(), None) is None:
        raise InvalidJobError(nothing_to_do(url_list.name, plan.counts))


def submit(stack: Stack, url_list: UrlList, *, name: str | None = None) -> Job:
    """
    Start a job, whose id no other submission has.

    Raises:
        StorageError: AWS refused, and the job was most likely not started.
    """
    name = name or job_name(url_list.key)
    # Once for all copies of the message: the SDK may send it twice, and SQS deliver it twice.
    identity = uuid.uuid4().hex
    job = job_id(name, identity)
    spec = msgspec.to_builtins(spec_of(url_list))
    request = Submit(id=identity, name=name, spec=spec, urls=inline_urls(url_list))
    body = encode(request)
    if request.urls is None or len(body) > _MAX_MESSAGE_BYTES:
        key = submitted_key(job, url_list.key.rpartition("/")[2])
        with url_list.opened() as file:
            version = stack.input.put_versioned(key, file)
        place = Place(stack.input.name, key, version)
        body = encode(Submit(id=identity, name=name, spec=spec, list=place))
    stack.queue("DispatchQueueUrl").send([Message(body)])
    return Job(job, url_list)


def inline_urls(url_list: UrlList) -> tuple[str, ...] | None:
    """Return the URLs of a list that was given on the command line; None of any other list."""
    if not url_list.inline:
        return None
    with url_list.opened() as file:
        return tuple(file.read().decode().removesuffix("\n").split("\n"))
