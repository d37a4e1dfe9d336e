"""moto's services without moto's server."""

import boto3
import moto.core.utils
import pytest
from botocore.exceptions import ClientError
from botocore.loaders import Loader, UnknownServiceError

from scatterfetch.localcloud.sdk import QuickLoader
from tests.cloud import Deployment


def test_any_service_of_moto_is_there(endpoint: str) -> None:
    client = boto3.client("events", endpoint_url=endpoint)

    assert client.list_event_buses()["EventBuses"][0]["Name"] == "default"


def test_what_is_no_service_of_moto_is_refused(endpoint: str) -> None:
    client = boto3.client("notifications", endpoint_url=endpoint)

    with pytest.raises(ClientError, match="501"):
        client.list_notification_hubs()


@pytest.mark.parametrize("key", ["a", "a/b", "a//b", "/a", "ä b+c%2F?"])
def test_objects_have_any_keys(deployment: Deployment, key: str) -> None:
    deployment.s3.put_object(Bucket=deployment.data_bucket, Key=key, Body=b"12345")

    asked = {"Bucket": deployment.data_bucket, "Key": key}
    assert deployment.s3.head_object(**asked)["ContentLength"] == 5  # type: ignore[arg-type]
    assert deployment.s3.get_object(**asked)["Body"].read() == b"12345"  # type: ignore[arg-type]
    assert [*deployment.data.keys("")] == [key]


def test_the_sdk_is_read_once(endpoint: str) -> None:
    """It is read by whoever makes a loader: moto does for each service, boto3 for each session."""
    del endpoint

    assert moto.core.utils.create_loader() is moto.core.utils.create_loader()  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["service-2", "endpoint-rule-set-1"])
@pytest.mark.parametrize("service", ["events", "s3", "secretsmanager", "sqs", "ssm"])
def test_a_quick_loader_reads_what_the_sdk_reads(service: str, name: str) -> None:
    quick, slow = QuickLoader(), Loader()

    assert quick.load_service_model(service, name) == slow.load_service_model(service, name)
    with pytest.raises(UnknownServiceError):
        quick.load_service_model("no-such-service", name)
