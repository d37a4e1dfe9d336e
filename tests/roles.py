"""
What a role of template.yaml may do to the buckets, for clients that are to keep to it.

No S3 in these tests asks for rights, so whoever needs one more would learn of it on AWS.
"""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import boto3
import yaml

from shared.store import Bucket
from tests import ROOT
from tests.cloud import Deployment

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

_ACTIONS = {
    "GetObject": "s3:GetObject",
    "HeadObject": "s3:GetObject",
    "PutObject": "s3:PutObject",
    "DeleteObject": "s3:DeleteObject",
    "ListObjectsV2": "s3:ListBucket",
}


class Right(NamedTuple):
    """`pattern` is of keys; empty of the bucket itself."""

    action: str
    bucket: str
    pattern: str


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation: of a tag there is its value."""


def _untagged(loader: _Loader, _suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    assert isinstance(node, yaml.SequenceNode)
    return loader.construct_sequence(node, deep=True)


_Loader.add_multi_constructor("!", _untagged)


@cache
def rights_of(role: str) -> frozenset[Right]:
    """Return what a role, by its logical id, may do to the buckets."""
    template = yaml.load((ROOT / "template.yaml").read_text("utf-8"), _Loader)
    policies = template["Resources"][role]["Properties"]["Policies"]
    return frozenset(
        right
        for policy in policies
        for statement in policy["PolicyDocument"]["Statement"]
        if isinstance(statement, dict)  # others are about secrets that a stack may have
        for right in _rights(statement)
    )


def _rights(statement: dict[str, Any]) -> Iterator[Right]:
    action, resource = statement["Action"], statement["Resource"]
    if action.startswith("s3:"):
        name, _, pattern = resource.removeprefix("${").replace("}/", "/", 1).partition("/")
        yield Right(action, name.removesuffix(".Arn"), pattern)


def restricted(deployment: Deployment, role: str) -> "S3Client":
    """Return a client that does what `role` may, and fails a test that wants more."""
    client: S3Client = boto3.client("s3", endpoint_url=deployment.s3.meta.endpoint_url)
    buckets = {deployment.input_bucket: "InputBucket", deployment.data_bucket: "DataBucket"}
    rights = rights_of(role)

    def check(params: dict[str, Any], model: Any, **_: Any) -> None:
        action, key = _ACTIONS[model.name], params.get("Key", "")
        name = buckets[params["Bucket"]]
        assert any(
            (right.action, right.bucket) == (action, name) and fnmatchcase(key, right.pattern)
            for right in rights
        ), f"{role} may not {action} {name}/{key}"

    client.meta.events.register("before-parameter-build.s3", check)
    return client


def restricted_data(deployment: Deployment, role: str) -> Bucket:
    """Return the data bucket as `role` has it."""
    return Bucket(deployment.data_bucket, restricted(deployment, role))
