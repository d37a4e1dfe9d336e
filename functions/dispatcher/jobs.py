"""
Starting a job: from a submission or an upload to its manifest, which is written once.

Knows nothing of what the list holds: it is looked at, and not read.
"""

from collections.abc import Callable
from datetime import datetime

from msgspec.structs import replace

from functions.dispatcher.lists import check_list, format_of
from functions.dispatcher.names import (
    job_name,
    list_id,
    scraper_name,
    submitted_job,
    submitted_name,
    uploaded_job,
)
from functions.dispatcher.specs import parse_spec, spec_in
from functions.dispatcher.turns import Turns, Verdict
from shared.errors import InvalidJobError
from shared.keys import SCHEDULED, SUBMITTED, cancelled_key, manifest_key
from shared.manifest import (
    DEFAULT_SPEC,
    MESSAGE_SPEC,
    SHARD_BYTES,
    Manifest,
    decode_manifest,
    encode_manifest,
)
from shared.messages import ListUploaded, Place, Submit
from shared.settings import DispatcherSettings
from shared.spec import Spec
from shared.store import Bucket, head

_NOT_LISTS = (".yaml", ".yml", ".md", "/")


def is_list(key: str) -> bool:
    """
    Tell whether an object that was uploaded as `key` starts a job.

    A spec, a note and a folder do not, nor does a list that has a message of its own.
    """
    return not (key.startswith((SUBMITTED, SCHEDULED)) or key.lower().endswith(_NOT_LISTS))


class Jobs:
    """The jobs of one deployment. `now` is the clock; it must know its time zone."""

    def __init__(
        self, settings: DispatcherSettings, *, data: Bucket, now: Callable[[], datetime]
    ) -> None:
        self._settings = settings
        self._data = data
        self._now = now
        self._turns = Turns(data, now)

    def find(self, job: str) -> Manifest | None:
        """Return the manifest of a job, or None if there is no such job."""
        body = self._data.get(manifest_key(job))
        return None if body is None else decode_manifest(body)

    def is_cancelled(self, job: str) -> bool:
        return self._data.get(cancelled_key(job)) is not None

    def start(self, request: Submit | ListUploaded, *, message_id: str) -> Manifest | None:
        """
        Return the manifest of the job that `request` asks for, started now or before.

        Returns None if the job waits for the end of the last one of its name.

        Args:
            request: From the dispatch queue.
            message_id: Of SQS; tells one submission from the next where it has no id of its own.
        """
        if isinstance(request, ListUploaded):
            place: Place | None = request.place
            job = uploaded_job(request)
        else:
            place = request.list
            job = submitted_job(request, message_id)
        if found := self.find(job):
            return found
        skipped = None
        if isinstance(request, Submit) and request.overlap != "run":
            verdict, other = self._turns.ask(submitted_name(request), job, request.overlap)
            if verdict is Verdict.WAIT:
                return None
            if verdict is Verdict.SKIP:
                skipped = f"skipped: {other}, the last job of this name, is not complete"
        return self._create(job, request, place, skipped)

    def _create(
        self, job: str, request: Submit | ListUploaded, place: Place | None, skipped: str | None
    ) -> Manifest:
        manifest = Manifest(
            job=job,
            source=place,
            spec=Spec(),
            partitions=self._settings.partitions,
            batch_size=self._settings.batch_size,
            shard_bytes=SHARD_BYTES,
            created_at=self._now().isoformat(timespec="milliseconds"),
            scraper=scraper_name(_name_of(request, place)),
            list_id=list_id(_name_of(request, place), ""),
            error=skipped,
        )
        try:
            manifest = manifest if skipped else _examined(manifest, request)
        except InvalidJobError as error:
            manifest = replace(manifest, error=str(error))
        if not self._data.put_new(manifest_key(job), encode_manifest(manifest)):
            # Another delivery of the same event was faster: its word counts.
            return self.find(job) or manifest
        return manifest


def _name_of(request: Submit | ListUploaded, place: Place | None) -> str:
    """Return the name of the list, or what else tells whose job it is, if anything does."""
    if isinstance(request, Submit):
        spec_place = request.spec_place.key.rpartition("/")[0] if request.spec_place else ""
        return request.name or (job_name(place.key) if place else spec_place)
    return job_name(request.place.key)


def _examined(manifest: Manifest, request: Submit | ListUploaded) -> Manifest:
    """Return `manifest` with the spec and what is known of the list before it is read."""
    spec, spec_from = _spec_of(request)
    if spec.memory and not manifest.scraper:
        raise InvalidJobError(
            "the spec has `remember`, and nothing tells whose job this is: give the submit.v1 "
            "message a `name`, the same one each time"
        )
    place = manifest.source
    if place is None:
        return replace(manifest, spec=spec, spec_from=spec_from)
    form = format_of(str(place))
    size, etag, version = head(place)
    check_list(str(place), size, b"")
    return replace(
        manifest,
        spec=spec,
        spec_from=spec_from,
        source=Place(place.bucket, place.key, version),
        size=size,
        etag=etag,
        list_id=list_id(_name_of(request, place), etag),
        streamed=form.is_streamed,
        sitemap=form.name == "xml",
    )


def _spec_of(request: Submit | ListUploaded) -> tuple[Spec, str]:
    """Return the spec that `request` asks for, and where it was found."""
    if isinstance(request, ListUploaded):
        return _nearest_spec(request.place)
    if request.list is not None and request.urls is not None:
        raise InvalidJobError("a submit.v1 message must have one of `list` and `urls`")
    spec, spec_from = _named_spec(request)
    if request.list is None and request.urls is None and not spec.start:
        raise InvalidJobError(
            "a submit.v1 message must have one of `list` and `urls`, or a spec with `start`"
        )
    return spec, spec_from


def _named_spec(request: Submit) -> tuple[Spec, str]:
    if request.spec is not None:
        return spec_in(request.spec), MESSAGE_SPEC
    if request.spec_place is not None:
        return _spec_at(request.spec_place), str(request.spec_place)
    return _nearest_spec(request.list) if request.list else (Spec(), DEFAULT_SPEC)


def _nearest_spec(place: Place) -> tuple[Spec, str]:
    """
    Return the spec of the list at `place`: the nearest `spec.yaml` up its folders, or the default.

    Also returns where it is, as `Manifest.spec_from` has it.

    Raises:
        InvalidJobError: there is one, and it is wrong.
    """
    bucket = Bucket(place.bucket)
    folder = place.key
    while folder:
        folder = folder.rpartition("/")[0]
        key = f"{folder}/spec.yaml" if folder else "spec.yaml"
        text = bucket.get(key)
        if text is not None:
            name = f"s3://{place.bucket}/{key}"
            return parse_spec(name, text), name
    return Spec(), DEFAULT_SPEC


def _spec_at(place: Place) -> Spec:
    """
    Return the spec at `place`.

    Raises:
        InvalidJobError: there is none, or it is wrong.
    """
    text = Bucket(place.bucket).get(place.key)
    name = str(place)
    if text is None:
        raise InvalidJobError(f"there is no spec at {name}")
    return parse_spec(name, text)
