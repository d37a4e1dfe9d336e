"""URL lists through the local cloud, from the upload to the last outcome."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from types import MappingProxyType

from functions.dispatcher.names import uploaded_job
from scatterfetch.deployable import TEMPLATE
from scatterfetch.jobs.progress import Finished, Job
from scatterfetch.jobs.watch import Display, interruptions, watch
from scatterfetch.lists.specs import parser_code
from scatterfetch.lists.url_list import UrlList
from scatterfetch.localcloud.cloud import LocalCloud
from scatterfetch.localcloud.secrets import put_secrets
from scatterfetch.output.sentences import counted
from scatterfetch.project import SPEC
from scatterfetch.runs.kept import closing_keys, follow_list, former_job, kept_keys
from scatterfetch.runs.kept_memory import memory_keys
from scatterfetch.runs.local_run import TICK, LocalRun
from scatterfetch.runs.redriven_letters import letters_left
from shared.errors import InvalidJobError
from shared.keys import manifest_key
from shared.messages import Defer, ListUploaded, decode_dispatch
from shared.secret_spec import SecretName

_FINISH_SECONDS = 3.0


def run(
    lists: Sequence[UrlList],
    folder: Path,
    display: Display,
    *,
    workers: int,
    parameters: Mapping[str, str],
    template: Path = TEMPLATE,
    parsers: Path | None = None,
    again: bool = False,
    secrets: Mapping[SecretName, str] = MappingProxyType({}),
) -> Finished:
    """
    Run `lists` through a local cloud whose data bucket is `folder`.

    What earlier runs of the same list and spec have committed there is not fetched again.

    Args:
        lists: The lists; each becomes a job.
        folder: Is made where it is not there.
        display: Shows the run.
        workers: Worker sandboxes at most.
        parameters: Of the template, in place of their defaults.
        template: The template.
        parsers: The folder of the user's Python parsers; None where there are none.
        again: Whether lists that were run before are new jobs, as on the next day of a schedule.
        secrets: What the secrets are that specs name.

    Raises:
        InvalidJobError: the parameters or the template are wrong.
        OSError: the folder cannot be written.
    """
    dead_letters = 0
    with interruptions() as received:
        local = LocalRun(folder, display, received)
        cloud = local.cloud = LocalCloud(
            folder,
            workers=workers,
            parameters=parameters,
            on_put=local.on_put,
            on_progress=local.on_progress,
            report=display.say,
            template=template,
            parsers=parsers,
        )
        try:
            cloud.start()
            put_secrets(cloud.endpoint, secrets)
            notifications = {}
            for one, number in zip(lists, _bucket_numbers(lists), strict=True):
                job, upload, notification = _upload(cloud, one, parameters, number, folder, again)
                if same := local.jobs.get(job.id):
                    same.equal = (*same.equal, one)
                    display.say(
                        f"{one.name}: its name, content and spec are those of {same.list.name}, so "
                        "both are one job"
                    )
                    continue
                local.jobs[job.id] = job
                notifications[job.id] = notification
                if not again:
                    _mention_former(folder, job, upload, display)
                follow_list(folder, job, upload.place)
            cloud.load(path.relative_to(folder).as_posix() for path in folder.glob("state/*.json"))
            cloud.load(memory_keys(folder, lists))
            letters = []
            for job in local.jobs.values():
                try:
                    letters += _load(cloud, local, job, folder)
                except InvalidJobError as error:
                    job.refused = str(error)
                if job.manifest is not None:
                    local.note(job)
                if job.done:
                    del notifications[job.id]
                elif job.refetched:
                    display.say(
                        f"{job.list.name}: results of an earlier run are gone or cut off, those of "
                        f"{counted(job.refetched, 'batch', 'batches')}; their URLs are fetched "
                        "again"
                    )
            cloud.take_lock()
            cloud.serve()
            for notification in notifications.values():
                cloud.notify(notification)
            for letter in letters:
                cloud.ask(letter)
            watch(local, display, received)
            dead_letters = cloud.dead_letters()
            if local.done():
                _finish(cloud)
        finally:
            cloud.stop()
    return Finished(
        list(local.jobs.values()),
        local.progress(),
        dead_letters,
        interrupted=bool(received.count),
        disk_problem=cloud.disk_problem,
    )


def _bucket_numbers(lists: Sequence[UrlList]) -> Iterator[int]:
    """Yield the number of the input bucket of each list: folders of one name have one each."""
    numbers: dict[tuple[str, Path | None, bytes | None], int] = {}
    counts: Counter[str] = Counter()
    for one in lists:
        name = one.key.rpartition("/")[0]
        folder = one.body.absolute().parent if isinstance(one.body, Path) else None
        which = (name, folder, one.spec)
        if which not in numbers:
            numbers[which] = counts[name]
            counts[name] += 1
        yield numbers[which]


def _upload(
    cloud: LocalCloud,
    url_list: UrlList,
    parameters: Mapping[str, str],
    number: int,
    folder: Path,
    again: bool,  # noqa: FBT001
) -> tuple[Job, ListUploaded, str]:
    """
    Return the job that the list is, and what starts it: read, and as its notification.

    It is the one that was begun last of those that are alike, or with `again` the one behind it.
    """
    if url_list.spec is not None:
        key = f"{url_list.key.rpartition('/')[0]}/{SPEC}"
        cloud.upload(key, url_list.spec, bucket_number=number)
    salt = (url_list.spec or b"") + parser_code(url_list)
    if parameters.get("AllowPrivateNetworks") == "true":
        salt += b"private"  # what was skipped without it is to be fetched with it
    notification_of = cloud.upload(url_list.key, url_list.body, bucket_number=number)

    def turn(number: int) -> tuple[Job, ListUploaded, str]:
        notification = notification_of(salt + (b"again %d" % number if number else b""))
        [uploaded] = decode_dispatch(notification)
        assert isinstance(uploaded, ListUploaded)
        return Job(uploaded_job(uploaded), url_list), uploaded, notification

    def is_begun(made: tuple[Job, ListUploaded, str]) -> bool:
        return (folder / manifest_key(made[0].id)).is_file()

    turns = map(turn, count())
    last = next(turns)
    for following in turns:
        if not is_begun(following):
            return following if again and is_begun(last) else last
        last = following
    raise AssertionError


def _mention_former(folder: Path, job: Job, upload: ListUploaded, display: Display) -> None:
    """Say that a run does not go on where the last one stopped, though the list is the same."""
    if former := former_job(folder, job, upload):
        display.say(
            f"{job.list.name}: this is a new job, and all its pages are fetched: the spec, a file "
            f"of the Python parsers, or AllowPrivateNetworks is not as it was in {former}"
        )


def _load(cloud: LocalCloud, local: LocalRun, job: Job, folder: Path) -> list[Defer]:
    """Load what earlier runs have left of a job; return its letters that are not at their end."""
    keys = kept_keys(folder, job)
    letters = letters_left(folder, job)
    closing = closing_keys(folder, job)
    cloud.load([*keys, *closing])
    if closing:
        local.closed.add(job.id)
    return letters


def _finish(cloud: LocalCloud) -> None:
    """Let the invocations end that have said all, and not yet that they are through."""
    cloud.drain()
    deadline = time.monotonic() + _FINISH_SECONDS
    while not cloud.settled() and time.monotonic() < deadline:
        time.sleep(TICK / 10)
