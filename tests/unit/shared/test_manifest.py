import msgspec
import pytest

from shared.errors import InvalidJobError
from shared.manifest import SHARD_BYTES, Manifest, decode_manifest, encode_manifest
from shared.spec import FetchSpec, Spec

MANIFEST = Manifest(
    job="j", spec=Spec(fetch=FetchSpec(timeout=5)), partitions=8, batch_size=10, created_at="now"
)


def test_a_manifest_survives_the_bucket() -> None:
    assert decode_manifest(encode_manifest(MANIFEST)) == MANIFEST


def test_what_is_no_manifest_is_refused() -> None:
    with pytest.raises(InvalidJobError, match="not a manifest"):
        decode_manifest(b'{"type":"manifest.v9"}')


@pytest.mark.parametrize(
    ("size", "shards"),
    [(0, 1), (1, 1), (SHARD_BYTES, 1), (SHARD_BYTES + 1, 2)],
)
def test_a_list_is_cut_into_shards_by_its_size(size: int, shards: int) -> None:
    manifest = msgspec.structs.replace(MANIFEST, size=size, shard_bytes=SHARD_BYTES)

    assert manifest.shards == shards


def test_a_job_under_way_keeps_the_shards_it_began_with() -> None:
    """A manifest of an earlier release says nothing of their size."""
    body = (
        b'{"type":"manifest.v1","job":"j","spec":{},"partitions":8,"batch_size":10,'
        b'"created_at":"now","size":8388609}'
    )

    assert decode_manifest(body).shards == 2
