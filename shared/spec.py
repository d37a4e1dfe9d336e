"""The spec: how to fetch the pages of a job. `docs/spec.md` describes it to its users."""

from typing import Annotated

from msgspec import Meta, Struct, field


class FetchSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How pages are fetched. Times in seconds, sizes in bytes."""

    timeout: Annotated[float, Meta(ge=1, le=100)] = 30.0
    """For one request, from connecting to the last byte."""
    max_bytes: Annotated[int, Meta(ge=1_000, le=50_000_000)] = 10_000_000
    """Of one body, after decompression."""
    concurrency: Annotated[int, Meta(ge=1, le=500)] = 64
    """Requests that one worker has open at once."""
    per_host: Annotated[int, Meta(ge=1, le=100)] = 2
    """Of these, to one host."""


class Spec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `spec.yaml`."""

    fetch: FetchSpec = field(default_factory=FetchSpec)
