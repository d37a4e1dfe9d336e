"""Starting and stopping the jobs of a stack: `scatterfetch submit`, `scatterfetch cancel`."""

import argparse
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from scatterfetch.commands.command import Commands, add_command
from scatterfetch.commands.place import add_stack, chosen_stack
from scatterfetch.jobs.manifests import read_manifest
from scatterfetch.jobs.progress import Finished, Job, Progress, progress_of
from scatterfetch.jobs.stack import Stack
from scatterfetch.jobs.standing import State, look_at
from scatterfetch.jobs.watch import Display, Interruptions, interruptions, watch
from scatterfetch.lists.url_list import UrlList
from scatterfetch.output.sentences import complain
from scatterfetch.releases import check_known
from shared.errors import InvalidJobError, StorageError
from shared.ids import job_id
from shared.keys import cancelled_key, job_prefix, submitted_key
from shared.ledger import ledger_of
from shared.manifest import SHARD_BYTES
from shared.messages import Place, Submit, encode
from shared.receipts import RECEIPT_END
from shared.spec import Spec

_MAX_MESSAGE_BYTES = 200_000  # of a submit.v1; a list that would not fit is uploaded
_OF_WORKERS = ("UserAgent", "AllowPrivateNetworks", "ConnectTo")  # parameters for sitemaps
_LOOK_INTERVAL = 1.0  # seconds between two looks at a job, at least
_LOOK_SHARE = 5  # times as long as a look takes, at least
_QUIET_SECONDS = 300.0  # without news, until there is a word about it
"""Longer than a message is hidden whose worker has died."""
_BLIND_SECONDS = 300.0  # for which AWS may refuse a look at the jobs

SUBMIT_EXAMPLE = """\
Starts a job in a deployed stack for each list, and prints its id. The list is uploaded to the
stack's input bucket; URLs on the command line go along in the message. A sitemap is read from here,
and its pages are the list. A list or spec that is wrong is refused before anything is sent, and so
is a spec with keys that the stack's release does not know.

examples:
  $ scatterfetch submit books/urls.txt --stack scatterfetch
  $ scatterfetch submit https://example.com/ --stack scatterfetch --wait
"""
CANCEL_EXAMPLE = """\
Stops a job of a deployed stack: what is done stays, and what was not fetched yet becomes
`skipped` for the reason `cancelled`. A local run is stopped by Ctrl-C.

example:
  $ scatterfetch cancel books-urls-9f86d081884c --stack scatterfetch
"""
CANCEL_EPILOG = """\
exit status:
  0    the workers will stop as soon as they look
  2    there is no such job, wrong usage, or AWS refused
  130  interrupted
"""
SUBMIT_EPILOG = """\
exit status:
  0    the jobs are submitted; with --wait: as for `scatterfetch run`
  1    a part of a sitemap could not be had; with --wait: as for `scatterfetch run`
  2    wrong usage or input, or AWS refused; jobs whose ids were printed go on
  130  interrupted; what was submitted goes on
"""


def add_commands(commands: Commands) -> None:
    submit = add_command(
        commands, "submit", "start jobs in a stack", SUBMIT_EXAMPLE, _submit, epilog=SUBMIT_EPILOG
    )
    submit.add_argument(
        "sources",
        nargs="+",
        metavar="URLFILE|URL",
        help="a list, a URL, or the URL of a sitemap, as for `scatterfetch run`",
    )
    add_stack(submit, required=True)
    submit.add_argument(
        "--spec",
        type=Path,
        metavar="FILE",
        help="how to fetch, and what to extract (default: spec.yaml beside the list, if any)",
    )
    submit.add_argument(
        "--name", help="what the job's id begins with (default: the folder and name of the list)"
    )
    submit.add_argument(
        "--wait", action="store_true", help="show the jobs while they go on, until they are done"
    )

    cancel = add_command(
        commands, "cancel", "stop a job of a stack", CANCEL_EXAMPLE, _cancel, epilog=CANCEL_EPILOG
    )
    cancel.add_argument("job", metavar="JOB", help="the id of a job")
    add_stack(cancel, required=True)


def _cancel(args: argparse.Namespace) -> int:
    stack = chosen_stack(args)
    status = look_at(stack, args.job)
    if status.state in {State.COMPLETE, State.INCOMPLETE, State.REFUSED}:
        print(f"{args.job} is {status.state} already")
        return 0
    stack.data.put(cancelled_key(args.job), b"")
    stack.look_soon(args.job)
    print(
        f"{args.job}: {status.done:,} of {status.targets:,} URLs have their outcome; "
        "of the others no more are fetched"
    )
    return 0


def _submit(args: argparse.Namespace) -> int:
    with TemporaryDirectory() as folder:
        return _submit_all(args, Path(folder))


def _submit_all(args: argparse.Namespace, folder: Path) -> int:
    """Submit what `args` name; pages of sitemaps become lists in `folder`."""
    from scatterfetch.lists.sources import (  # noqa: PLC0415 -- boto3
        is_sitemap,
        read_sitemap_list,
        read_sources,
    )

    sitemaps = dict.fromkeys(filter(is_sitemap, args.sources))
    lists = read_sources([one for one in args.sources if one not in sitemaps], spec=args.spec)
    for url_list in lists:
        _check(url_list)
    stack = chosen_stack(args)
    # As the workers of the stack would introduce themselves.
    parameters = {name: stack.parameters[name] for name in _OF_WORKERS if name in stack.parameters}
    whole = True
    for sitemap in sitemaps:
        url_list, is_whole = read_sitemap_list(
            sitemap, folder, spec=args.spec, parameters=parameters, say=complain
        )
        _check(url_list)
        lists.append(url_list)
        whole = whole and is_whole
    for url_list in lists:
        check_known(_spec_of(url_list), stack.release, stack.name)
    jobs = []
    for url_list in lists:
        jobs.append(submit(stack, url_list, name=args.name))
        print(jobs[-1].id, flush=True)
    if not args.wait:
        return int(not whole)
    from scatterfetch.output.live import open_display  # noqa: PLC0415
    from scatterfetch.output.summary import print_summary  # noqa: PLC0415
    from scatterfetch.output.verdict import report  # noqa: PLC0415

    with open_display() as display:
        finished = wait_for(stack, jobs, display)
    print_summary(finished, stack)
    return report(finished, stack) or int(not whole)


def _check(url_list: UrlList) -> None:
    """
    See whether the dispatcher will take the list.

    Raises:
        InvalidJobError: it will not, for this reason.
    """
    from functions.dispatcher.dispatch import nothing_to_do  # noqa: PLC0415
    from functions.dispatcher.plan import Plan  # noqa: PLC0415

    is_file = url_list.body == Path(url_list.name)  # and not what came of something else
    with url_list.reader(url_list.name if is_file else url_list.key) as reader:
        plan = Plan(job="-", shard=0, partitions=1, batch_size=1)
        reader.fill(plan, SHARD_BYTES)
    if reader.ended and next(plan.batches(), None) is None:
        raise InvalidJobError(nothing_to_do(url_list.name, plan.counts))


def _spec_of(url_list: UrlList) -> Spec:
    from functions.dispatcher.specs import parse_spec  # noqa: PLC0415

    return Spec() if url_list.spec is None else parse_spec(url_list.name, url_list.spec)


def submit(stack: Stack, url_list: UrlList, *, name: str | None = None) -> Job:
    """
    Start a job, whose id no other submission has.

    Raises:
        StorageError: AWS refused, and the job was most likely not started.
    """
    from functions.dispatcher.dispatch import job_name  # noqa: PLC0415
    from shared.queue import Message  # noqa: PLC0415

    name = name or job_name(url_list.key)
    # Once for all copies of the message: the SDK may send it twice, and SQS deliver it twice.
    identity = uuid.uuid4().hex
    job = job_id(name, identity)
    spec = msgspec.to_builtins(_spec_of(url_list))
    request = Submit(id=identity, name=name, spec=spec, urls=_inline(url_list))
    body = encode(request)
    if request.urls is None or len(body) > _MAX_MESSAGE_BYTES:
        key = submitted_key(job, url_list.key.rpartition("/")[2])
        with url_list.opened() as file:
            version = stack.input.put_versioned(key, file)
        place = Place(stack.input.name, key, version)
        body = encode(Submit(id=identity, name=name, spec=spec, list=place))
    stack.queue("DispatchQueueUrl").send([Message(body)])
    return Job(job, url_list)


def _inline(url_list: UrlList) -> tuple[str, ...] | None:
    if not url_list.inline:
        return None
    with url_list.opened() as file:
        return tuple(file.read().decode().removesuffix("\n").split("\n"))


class _Deployed:
    """Jobs of a stack, looked at from time to time."""

    def __init__(
        self, stack: Stack, jobs: Sequence[Job], display: Display, received: Interruptions
    ) -> None:
        self._stack = stack
        self._jobs = jobs
        self._display = display
        self._received = received
        self._began = self._news_at = time.monotonic()
        self._interval = _LOOK_INTERVAL
        self._blind_since: float | None = None
        self._seen: list[int] = []
        self._empty: set[str] = set()

    def wait(self) -> None:
        self._received.wait(self._interval)
        if self._received.count:
            return
        began = time.monotonic()
        try:
            for job in self._jobs:
                if not self._is_done(job):
                    self._look_at(job)
            self._blind_since = None
        except StorageError as error:
            self._bear(error, began)
        self._interval = max(_LOOK_INTERVAL, _LOOK_SHARE * (time.monotonic() - began))
        self._watch_for_news()

    def _bear(self, error: StorageError, at: float) -> None:
        """Look again later, since the jobs do not need us; but not for ever."""
        if self._blind_since is None:
            self._blind_since = at
            self._display.say(f"{error}; the jobs go on, and are looked at again")
        elif at > self._blind_since + _BLIND_SECONDS:
            raise StorageError(
                f"{error}; the jobs go on, `scatterfetch status {self._jobs[0].id} --stack "
                f"{self._stack.name}` says how far they are"
            ) from error

    def _look_at(self, job: Job) -> None:
        data = self._stack.data
        if job.manifest is None or not job.ledger.targets:
            # Again while there are no targets: then an error may follow.
            job.manifest = read_manifest(data, job.id)
        if job.manifest is not None:
            keys = data.keys(job_prefix(job.id), end=RECEIPT_END)
            job.ledger = ledger_of(job.manifest, keys)

    def _watch_for_news(self) -> None:
        seen = [len(job.ledger.receipts) + len(job.ledger.dispatched) for job in self._jobs]
        now = time.monotonic()
        if seen != self._seen:
            self._seen, self._news_at = seen, now
        elif now > self._news_at + _QUIET_SECONDS and not self.progress().delayed:
            self._news_at = now
            self._display.say(
                f"nothing has happened for {_QUIET_SECONDS / 60:.0f} minutes; `scatterfetch "
                f"deadletters --stack {self._stack.name}` shows what was given up on"
            )

    def _is_done(self, job: Job) -> bool:
        if job.done and not job.problem and not job.ledger.targets and job.id not in self._empty:
            self._empty.add(job.id)  # why there are none is written right after
            return False
        return job.done

    def progress(self) -> Progress:
        return progress_of(self._jobs, elapsed=time.monotonic() - self._began)

    def done(self) -> bool:
        return all(self._is_done(job) for job in self._jobs)

    def stuck(self) -> bool:
        return False  # nobody can tell from here

    def leave(self, times: int) -> bool:
        return times > 0


def wait_for(stack: Stack, jobs: Sequence[Job], display: Display) -> Finished:
    """Watch `jobs` of `stack` to their end, or until there is a signal; they go on all the same."""
    with interruptions() as received:
        deployed = _Deployed(stack, jobs, display, received)
        watch(deployed, display, received)
    return Finished(jobs, deployed.progress(), 0, interrupted=bool(received.count))
