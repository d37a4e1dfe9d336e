"""
The dispatcher's work: what each message of the dispatch queue asks for, and who does it.

Everything here may happen twice and then does nothing twice: a manifest and the plan of a shard are
written only where there is none, what is sent is what is written, and equal receipts have equal
keys.
"""

import math
from collections.abc import Callable
from datetime import datetime

from msgspec.structs import replace

from functions.dispatcher.close import TICK_FIRST
from functions.dispatcher.jobs import Jobs, is_list
from functions.dispatcher.plan import Plan
from functions.dispatcher.ranges import Ranges
from functions.dispatcher.shards import Shards, new_plan
from functions.dispatcher.streams import Streams
from functions.dispatcher.written import message_of
from shared.errors import InvalidJobError
from shared.manifest import Manifest
from shared.messages import Defer, ListUploaded, Shard, Submit, Tick, encode
from shared.queue import MAX_DELAY, Message, Queue
from shared.settings import DispatcherSettings
from shared.store import Bucket
from shared.wakes import LEFT_SECONDS, Wakes

TURN_SECONDS = 300
"""Between two looks whether a job that waits for the last one of its name may start."""


class Dispatcher:
    """The dispatcher of one deployment. `now` is the clock; it must know its time zone."""

    def __init__(
        self,
        settings: DispatcherSettings,
        *,
        data: Bucket,
        dispatch_queue: Queue,
        work_queue: Queue,
        wakes: Wakes,
        now: Callable[[], datetime],
    ) -> None:
        self._jobs = Jobs(settings, data=data, now=now)
        self._shards = Shards(data=data, work_queue=work_queue, wakes=wakes)
        self._ranges = Ranges(self._shards, self.postpone)
        self._streams = Streams(self._shards, self.postpone)
        self._dispatch_queue = dispatch_queue
        self._work_queue = work_queue
        self._wakes = wakes
        self._now = now

    def start(self, request: Submit | ListUploaded, *, message_id: str) -> Manifest | None:
        """
        Start the job that `request` asks for, unless it is started already.

        Its list is not read yet, but for URLs that came with the message. Returns None where the
        object is not meant to be a list (a spec, a note, a folder), or has a message of its own,
        and where the job waits for the last one of its name.

        Args:
            request: From the dispatch queue.
            message_id: Of SQS; tells one submission from the next where it has no id of its own.
        """
        if isinstance(request, ListUploaded) and not is_list(request.place.key):
            return None
        manifest = self._jobs.start(request, message_id=message_id)
        if manifest is None and isinstance(request, Submit):
            # The same job, whatever SQS calls its next message.
            again = encode(replace(request, id=request.id or message_id))
            self._dispatch_queue.send([Message(again, delay=TURN_SECONDS)])
        if manifest is None or manifest.error:
            return manifest
        # First of all, or a job whose dispatcher crashes could be one that nobody looks at.
        tick = Tick(job=manifest.job)
        self._dispatch_queue.send([Message(encode(tick), delay=TICK_FIRST)])
        if isinstance(request, Submit) and request.list is None:
            urls = request.urls or tuple(start.location for start in manifest.spec.starts)
            return self._shards.dispatch(manifest, 0, 1, lambda: _plan_of(manifest, urls))
        self.postpone(Shard(job=manifest.job))
        return manifest

    def dispatch(self, shard: Shard, *, time_left: Callable[[], float]) -> Manifest:
        """
        See to it that the batches of `shard` are sent to the work queue, and of those behind it.

        Args:
            shard: From the dispatch queue.
            time_left: Returns the seconds until the invocation is ended.

        Raises:
            InvalidJobError: there is no such job.
        """
        manifest = self._jobs.find(shard.job)
        if manifest is None or manifest.source is None:
            raise InvalidJobError(f"shard of a job that has no list: {shard.job}")
        if manifest.error:
            return manifest
        way = self._streams if manifest.streamed else self._ranges
        return way.dispatch(manifest, manifest.source, shard, time_left)

    def forward(self, defer: Defer) -> None:
        """Put a deferred batch into its partition's group, once it is due or its job cancelled."""
        wait = defer.not_before - self._now().timestamp()
        if wait > 0 and not self._jobs.is_cancelled(defer.batch.job):
            # SQS waits for a quarter of an hour at most; a longer wait takes several hops.
            delay = min(math.ceil(wait), MAX_DELAY)
            self._dispatch_queue.send([Message(encode(defer), delay=delay)])
        else:
            self._work_queue.send([message_of(defer.batch, encode(defer.batch))])
            # What a worker has handed back it takes again, as a rule; where it was led to, others.
            led_to = any(one.redirects or one.found_on for one in defer.batch.targets)
            self._wakes.for_another(after=0.0 if led_to else LEFT_SECONDS)

    def postpone(self, message: Shard | Tick) -> None:
        """Leave `message` to a later invocation."""
        self._dispatch_queue.send([Message(encode(message))])


def _plan_of(manifest: Manifest, urls: tuple[str, ...]) -> Plan:
    """Return the plan of URLs that came with a message."""
    plan = new_plan(manifest, 0)
    for line, url in enumerate(urls, start=1):
        plan.add(line, url)
    return plan
