"""`scatterfetch run`: URL lists through the local cloud, from the upload to the last outcome."""

import inspect
import math
import re
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from functions.dispatcher.dispatch import uploaded_job
from functions.dispatcher.lists.formats import kind_of
from functions.dispatcher.lists.urltext import cell_url
from functions.dispatcher.specs import parse_spec
from functions.worker.extraction.parsing import load_parser
from scatterfetch.commands.command import counted
from scatterfetch.deployable import TEMPLATE
from scatterfetch.localcloud.cloud import WORKER, LocalCloud
from scatterfetch.localcloud.template import Template
from scatterfetch.runs.kept import closing_keys, kept_keys
from scatterfetch.runs.remade_letters import letters_left
from scatterfetch.runs.remote_sitemaps import read_sitemap
from scatterfetch.runs.sitemap_content import is_index
from scatterfetch.runs.watch import (
    Display,
    Finished,
    Job,
    Progress,
    UrlList,
    interruptions,
    progress_of,
    watch,
)
from shared.errors import InvalidJobError, InvalidUrlError
from shared.ids import job_id
from shared.keys import manifest_key, summary_key
from shared.manifest import decode_manifest
from shared.messages import Defer, ListUploaded, decode_batch, decode_dispatch
from shared.settings import WorkerSettings
from shared.spec import Spec
from shared.urls import parse_url

STDIN = "-"
_HOST = re.compile(
    r"(?!.*\.(?:txt|csv|tsv|jsonl|xml|gz|zst)$)[\w-]+(\.[\w-]+)+(:\d+)?(/.*)?", re.IGNORECASE
)
_TICK = 0.2  # seconds between two looks at the state
_QUEUE_TICK = 1.0
_FINISH_SECONDS = 3.0
_CLOSE_SECONDS = 30.0
_SHORT_BYTES = 1_000_000  # of lists, some 20,000 URLs
_PACKED_TO = 10  # one byte for so many of URLs
_SMALLEST_BATCH, _LARGEST_BATCH = 20, 200  # of these; a longer list has the template's


class _LocalRun:
    """Knows the jobs' state from the keys that are put; threads tell it, one waits."""

    def __init__(self, folder: Path, display: Display) -> None:
        self._folder = folder
        self._display = display
        self._changed = threading.Condition()
        self._began = time.monotonic()
        self._next_look = self._began + _QUEUE_TICK
        self._draining = False
        self._idle = 0
        self._closing: dict[str, float] = {}
        """Until when the summary of a job is waited for whose outcomes are all there."""
        self.jobs: dict[str, Job] = {}
        self.closed: set[str] = set()
        """Jobs whose summary is there."""
        self.cloud: LocalCloud

    def on_put(self, key: str) -> None:
        area, _, rest = key.partition("/")
        if area != "jobs":
            return
        with self._changed:
            job = self.jobs.get(rest.partition("/")[0])
            if job is None:
                return
            if key == manifest_key(job.id):
                job.manifest = decode_manifest((self._folder / key).read_bytes())
                job.ledger.shards = job.manifest.shards
            elif key == summary_key(job.id):
                self.closed.add(job.id)
            else:
                job.ledger.add(key)
            self._changed.notify_all()

    def wait(self) -> None:
        for job in self._to_close() - self._closing.keys():
            self._closing[job] = time.monotonic() + _CLOSE_SECONDS
            self.cloud.look_at(job)
        with self._changed:
            if not self.done():
                self._changed.wait(_TICK)

    def done(self) -> bool:
        return all(
            job.problem or (job.done and job.id in self.closed) for job in self.jobs.values()
        )

    def _to_close(self) -> set[str]:
        with self._changed:
            complete = {job.id for job in self.jobs.values() if job.done and not job.problem}
        return complete - self.closed

    def progress(self) -> Progress:
        records = (
            list(self.cloud.mappings[WORKER].in_flight.values()) if self.cloud.mappings else []
        )
        hosts = set()
        targets = 0
        for record in records:
            batch = decode_batch(record["body"])
            hosts |= {parse_url(target.location).host for target in batch.targets}
            targets += len(batch.targets)
        with self._changed:
            return progress_of(
                list(self.jobs.values()),
                elapsed=time.monotonic() - self._began,
                hosts=len(hosts),
                under_way=targets,
                busy=bool(records),
            )

    def leave(self, times: int) -> bool:
        if times > 1:
            return True
        if not self._draining:
            self._draining = True
            self.cloud.drain()
            self.cloud.cut_short()
            self._display.say(
                "stopping: what was asked for is waited for and kept; Ctrl-C again stops at once"
            )
        return self.cloud.drained()

    def stuck(self) -> bool:
        if time.monotonic() < self._next_look:
            return False
        self._next_look = time.monotonic() + _QUEUE_TICK
        closing = any(
            self._closing.get(job, math.inf) > time.monotonic() for job in self._to_close()
        )
        # Twice: between two queues a message is in neither.
        self._idle = self._idle + 1 if self.cloud.idle() and not closing else 0
        return self._idle > 1


def read_lists(files: Sequence[Path], urls: Sequence[str], *, spec: Path | None) -> list[UrlList]:
    """
    Read the lists of a run, each with its spec: `spec`, or a `spec.yaml` beside the list.

    Raises:
        InvalidJobError: a file cannot be read, or a spec is wrong.
    """
    shared_spec = None if spec is None else read_spec(spec)
    folders: dict[Path, str] = {}
    lists = []
    for path in dict.fromkeys(files):
        folder = path.resolve().parent
        if folder not in folders:
            taken = set(folders.values())
            names = (folder.name or "root", *(f"{folder.name}-{n}" for n in range(2, 10_000)))
            folders[folder] = next(name for name in names if name not in taken)
        own_spec = path.parent / "spec.yaml"
        found = read_spec(own_spec) if spec is None and own_spec.is_file() else shared_spec
        _check_readable(path)
        kind_of(str(path))
        lists.append(UrlList(str(path), f"{folders[folder]}/{path.name}", path, found))
    if urls:
        body = "".join(f"{_as_line(url)}\n" for url in urls).encode(errors="replace")
        lists.append(
            UrlList("the command line", "command-line/urls.txt", body, shared_spec, inline=True)
        )
    return lists


def _as_line(url: str) -> str:
    """Return a URL as a line of a list has it, where a space would end it."""
    if " " not in url:
        return url
    try:
        return cell_url(url).href
    except InvalidUrlError:
        return url  # whoever reads the list says what is wrong


def read_sources(sources: Sequence[str], *, spec: Path | None) -> list[UrlList]:
    """Read `sources` as the command line has them: files of lists, and URLs themselves."""
    urls = [source for source in sources if _is_url(source)]
    files = [Path(source) for source in sources if not _is_url(source) and source != STDIN]
    for file in files:
        if _HOST.fullmatch(str(file)) and not file.exists():
            raise InvalidJobError(
                f"there is no file {file}; if you mean the website, write https://{file}"
            )
    lists = read_lists(files, urls, spec=spec)
    if STDIN in sources:
        text = None if spec is None else read_spec(spec)
        body = sys.stdin.buffer.read()
        lists.append(UrlList("standard input", "standard-input/urls.txt", body, text))
    return lists


def names_user_agent(url_list: UrlList) -> bool:
    """Tell whether the spec of the list says how workers introduce themselves."""
    fetch = parse_spec(url_list.name, url_list.spec or b"").fetch
    return fetch.user_agent is not None or fetch.profiles != "none"


def is_sitemap(source: str) -> bool:
    """
    Tell whether this is to be followed before there is a list.

    The URL of a sitemap, whose pages are meant and not itself, or a file that names sitemaps.
    """
    if not _is_url(source):
        name = source.lower().removesuffix(".gz").removesuffix(".zst")
        return name.endswith(".xml") and is_index(Path(source))
    name = source.lower().partition("?")[0].rpartition("/")[2].removesuffix(".gz")
    return "sitemap" in name and name.endswith((".xml", ".txt"))


def _is_url(source: str) -> bool:
    return source.lower().startswith(("http://", "https://"))


def local_parameters(lists: Sequence[UrlList]) -> dict[str, str]:
    """
    Return the parameters that suit one machine, in place of the template's defaults.

    Batches of a short list are small, since somebody watches: what became of a batch is seen at its
    end, and 200 pages of one host take minutes.
    """
    parameters = {}
    size = sum(map(_length, lists))
    if size < _SHORT_BYTES:
        parameters["BatchSize"] = f"{max(_SMALLEST_BATCH, _LARGEST_BATCH * size // _SHORT_BYTES)}"
    return parameters


def _length(url_list: UrlList) -> int:
    """Return the bytes of a list; of a packed one about those that it holds."""
    body = url_list.body
    size = len(body) if isinstance(body, bytes) else body.stat().st_size
    return size * _PACKED_TO if kind_of(url_list.key).packed else size


def read_sitemap_list(
    source: str,
    folder: Path,
    *,
    spec: Path | None,
    parameters: Mapping[str, str],
    say: Callable[[str], None],
    template: Path = TEMPLATE,
) -> tuple[UrlList, bool]:
    """
    Read the sitemap `source`, and those it names; return its pages as a list in `folder`.

    Also returns whether that is all of it; if not, `say` is told what is missing.

    Raises:
        InvalidJobError: it cannot be had, the spec is wrong, or the parameters are.
    """
    start = parse_url(source) if _is_url(source) else Path(source)
    beside = start.parent / "spec.yaml" if isinstance(start, Path) else None
    if spec is None and beside is not None and beside.is_file():
        spec = beside
    text = None if spec is None else read_spec(spec)
    fetch = parse_spec(str(spec), text or b"").fetch
    function = Template(template, "http://127.0.0.1", parameters).functions[WORKER]
    settings = WorkerSettings.from_env(function.environment)
    name = f"{job_id(source.rpartition('://')[2], source)}.txt"
    path = folder / "sitemaps" / name
    whole = read_sitemap(start, path, fetch, settings, say)
    return UrlList(source, f"sitemaps/{name}", path, text), whole


def run(
    lists: Sequence[UrlList],
    folder: Path,
    display: Display,
    *,
    workers: int,
    parameters: Mapping[str, str],
    template: Path = TEMPLATE,
    parsers: Path | None = None,
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

    Raises:
        InvalidJobError: the parameters or the template are wrong.
        OSError: the folder cannot be written.
    """
    local = _LocalRun(folder, display)
    cloud = local.cloud = LocalCloud(
        folder,
        workers=workers,
        parameters=parameters,
        on_put=local.on_put,
        report=display.say,
        template=template,
        parsers=parsers,
    )
    dead_letters = 0
    with interruptions() as received:
        try:
            cloud.start()
            notifications = dict(_upload(cloud, local, one, parameters) for one in lists)
            cloud.load(path.relative_to(folder).as_posix() for path in folder.glob("state/*.json"))
            letters = []
            for job in local.jobs.values():
                try:
                    letters += _load(cloud, local, job, folder)
                except InvalidJobError as error:
                    job.refused = str(error)
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


def _upload(
    cloud: LocalCloud, local: _LocalRun, url_list: UrlList, parameters: Mapping[str, str]
) -> tuple[str, str]:
    """Return the id of the job that the list is, and the notification that starts it."""
    if url_list.spec is not None:
        cloud.upload(f"{url_list.key.rpartition('/')[0]}/spec.yaml", url_list.spec)
    salt = (url_list.spec or b"") + _parser_code(url_list)
    if parameters.get("AllowPrivateNetworks") == "true":
        salt += b"private"  # what was skipped without it is to be fetched with it
    notification = cloud.upload(url_list.key, url_list.body, salt=salt)
    [uploaded] = decode_dispatch(notification)
    assert isinstance(uploaded, ListUploaded)
    job = uploaded_job(uploaded)
    local.jobs[job] = Job(job, url_list)
    return job, notification


def _load(cloud: LocalCloud, local: _LocalRun, job: Job, folder: Path) -> list[Defer]:
    """Load what earlier runs have left of a job; return its letters that are not at their end."""
    keys = kept_keys(folder, job)
    letters = letters_left(folder, job)
    closing = closing_keys(folder, job)
    cloud.load([*keys, *closing])
    if closing:
        local.closed.add(job.id)
    return letters


def _parser_code(url_list: UrlList) -> bytes:
    """Return the source of the list's parser, and of what it may import: another gives others."""
    name = parse_spec(url_list.name, url_list.spec or b"").parser
    if name is None:
        return b""
    folder = Path(inspect.getfile(inspect.unwrap(load_parser(name)))).parent
    return b"".join(file.read_bytes() for file in sorted(folder.rglob("*.py")))


def _finish(cloud: LocalCloud) -> None:
    """Let the invocations end that have said all, and not yet that they are through."""
    cloud.drain()
    deadline = time.monotonic() + _FINISH_SECONDS
    while not cloud.drained() and time.monotonic() < deadline:
        time.sleep(_TICK / 10)


def read_spec(path: Path) -> bytes:
    """
    Return the text of a spec that is in order.

    Raises:
        InvalidJobError: it is not, or it cannot be read.
    """
    text = _read(path, "spec")
    check_parser(str(path), parse_spec(str(path), text))
    return text


def check_parser(name: str, spec: Spec) -> None:
    """
    Check that there is the Python parser that a spec names.

    Args:
        name: Of the spec, for the message.
        spec: The spec.

    Raises:
        InvalidJobError: there is none, or it cannot be imported.
    """
    if spec.parser is not None:
        try:
            load_parser(spec.parser)
        except InvalidJobError as error:
            raise InvalidJobError(f"{name}: {error}") from error


def _check_readable(path: Path) -> None:
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise InvalidJobError(f"cannot read the URL list {path}: {error.strerror}") from error


def _read(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidJobError(f"cannot read the {what} {path}: {error.strerror}") from error
