"""The manifest: a job as it was started."""

import msgspec
from msgspec import Struct

from shared.errors import InvalidJobError
from shared.messages import JobId, Place
from shared.spec import Spec

# Seconds of work for one invocation, and 350 MB of memory where every line is a URL of 11 bytes.
SHARD_BYTES = 16 * 1024 * 1024
DEFAULT_SPEC = "the default: no spec.yaml in the folders of the list"
MESSAGE_SPEC = "the message"


class Manifest(Struct, frozen=True, kw_only=True, tag="manifest.v1", omit_defaults=True):
    """
    A job as it was started; written once, except that `error` may follow before its first batch.

    `size` is the list's in bytes, `etag` what it must still be when it is read. Without a
    `source` the URLs came in the message itself.

    A list that is `streamed` can only be read from its beginning: its shards come out of it one
    after another, and how many there are is known at its end. A `sitemap` may name others, which
    are targets.

    `spec_from` says where the `spec` was found: the address of a `spec.yaml`, `MESSAGE_SPEC`, or
    `DEFAULT_SPEC` where there was none. Nothing, where an earlier release has started the job.
    """

    job: JobId
    source: Place | None = None
    etag: str = ""
    size: int = 0
    shard_bytes: int = 8 * 1024 * 1024  # of jobs that began before it was a field
    streamed: bool = False
    sitemap: bool = False
    spec: Spec
    spec_from: str = ""
    partitions: int
    batch_size: int
    created_at: str
    scraper: str = ""
    """Whose job it is: the folder of the list. What is remembered is the scraper's."""
    list_id: str = ""
    """What its job has in common with the other jobs of its list."""
    error: str | None = None

    @property
    def takes(self) -> bool:
        """
        Whether each partition writes down which pages of the job it has taken.

        So it is in crawls, and in lists that are cut into several shards.
        """
        return self.follows or (self.shards is not None and self.shards > 1)

    @property
    def follows(self) -> bool:
        """Whether its pages lead to further targets."""
        return self.spec.follows or self.sitemap

    @property
    def has_limit(self) -> bool:
        """Whether the job may have so many pages and no more."""
        return self.follows and self.spec.crawl.max_pages is not None

    @property
    def shards(self) -> int | None:
        """Into how many shards the list is cut; None: the receipt of the last one will say."""
        return None if self.streamed else max(1, -(-self.size // self.shard_bytes))


_manifest_decoder = msgspec.json.Decoder(Manifest)


def encode_manifest(manifest: Manifest) -> bytes:
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"


def decode_manifest(body: bytes) -> Manifest:
    """
    Return the manifest in `body`.

    Raises:
        InvalidJobError: it is none, or of a later release.
    """
    try:
        return _manifest_decoder.decode(body)
    except msgspec.MsgspecError as error:
        raise InvalidJobError(f"not a manifest: {error}") from error
