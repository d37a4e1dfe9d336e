"""Proxies from Secrets Manager and SSM, against moto's own."""

import boto3
import pytest
from aws_lambda_powertools.utilities import parameters

from functions.worker.secrets import proxy_tiers
from shared.errors import InvalidJobError, StorageError
from shared.proxy_spec import ProxySpec, SecretName


@pytest.fixture(autouse=True)
def _endpoint(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    parameters.clear_caches()


def test_proxies_can_be_in_the_spec() -> None:
    assert proxy_tiers(ProxySpec(urls=("http://a.example",))) == (("http://a.example",),)
    assert proxy_tiers(ProxySpec(tiers=(("http://a.example",),))) == (("http://a.example",),)


def test_proxies_are_read_from_secrets_manager(endpoint: str) -> None:
    client = boto3.client("secretsmanager", endpoint_url=endpoint)
    client.create_secret(Name="acme/proxies", SecretString='[["http://u:p@a.example"]]')

    tiers = proxy_tiers(ProxySpec(secret=SecretName(secrets_manager="acme/proxies")))

    assert tiers == (("http://u:p@a.example",),)


def test_proxies_are_read_from_ssm(endpoint: str) -> None:
    client = boto3.client("ssm", endpoint_url=endpoint)
    client.put_parameter(Name="/acme/proxies", Type="SecureString", Value="socks5://a.example:1")

    tiers = proxy_tiers(ProxySpec(secret=SecretName(ssm="/acme/proxies")))

    assert tiers == (("socks5://a.example:1",),)


@pytest.mark.parametrize("name", [SecretName(secrets_manager="nowhere"), SecretName(ssm="nowhere")])
def test_a_secret_that_is_not_there_is_a_mistake_of_the_job(name: SecretName) -> None:
    with pytest.raises(InvalidJobError, match="the secret nowhere cannot be read"):
        proxy_tiers(ProxySpec(secret=name))


def test_a_secret_that_cannot_be_read_for_the_moment_goes_back_to_the_queue(
    unreachable_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", unreachable_url)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")

    with pytest.raises(StorageError, match="the secret elsewhere cannot be read"):
        proxy_tiers(ProxySpec(secret=SecretName(secrets_manager="elsewhere")))


def test_a_secret_that_is_wrong_is_not_shown(endpoint: str) -> None:
    client = boto3.client("ssm", endpoint_url=endpoint)
    client.put_parameter(Name="/bad", Type="String", Value="ftp://joe:hunter2@a.example")

    with pytest.raises(InvalidJobError, match="/bad: proxy 1 must start with") as caught:
        proxy_tiers(ProxySpec(secret=SecretName(ssm="/bad")))

    assert "hunter2" not in str(caught.value)


def test_a_binary_secret_is_refused(endpoint: str) -> None:
    client = boto3.client("secretsmanager", endpoint_url=endpoint)
    client.create_secret(Name="binary", SecretBinary=b"http://a.example")

    with pytest.raises(InvalidJobError, match="binary: a binary secret"):
        proxy_tiers(ProxySpec(secret=SecretName(secrets_manager="binary")))
