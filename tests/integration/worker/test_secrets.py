"""Proxies from Secrets Manager and SSM, against moto's own."""

import traceback
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities import parameters

from functions.dispatcher.specs import checked_spec
from functions.worker.secrets import Secrets, proxy_tiers, read_secret, secrets_of
from shared.errors import InvalidJobError, StorageError
from shared.manifest import Manifest
from shared.proxy_spec import ProxySpec
from shared.secret_spec import SecretName
from shared.urls import parse_url


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


# ---- of headers and cookies


def job(**fetch: Any) -> Manifest:
    spec = checked_spec({"fetch": fetch})
    return Manifest(job="j", spec=spec, partitions=1, batch_size=1, created_at="")


def sent(found: Secrets, manifest: Manifest, url: str) -> dict[str, str]:
    fetch = manifest.spec.fetch
    return found.sent({**fetch.headers, **fetch.cookies}, parse_url(url))


def test_headers_and_cookies_are_read_and_told_to_their_hosts_alone(endpoint: str) -> None:
    client = boto3.client("secretsmanager", endpoint_url=endpoint)
    client.create_secret(Name="acme/shop", SecretString='{"sid": "s3cr3t", "n": 7}')
    ssm = boto3.client("ssm", endpoint_url=endpoint)
    ssm.put_parameter(Name="/acme/token", Type="SecureString", Value="t0k3n\n")
    manifest = job(
        headers={
            "Authorization": {"secret": {"ssm": "/acme/token"}, "for": "a.example", "prefix": "B "},
            "Accept": "text/html",
        },
        cookies={
            "sid": {
                "secret": {"secrets_manager": "acme/shop"},
                "key": "sid",
                "for": ["*.shop.example"],
            }
        },
    )

    found = secrets_of(manifest)

    assert sent(found, manifest, "http://a.example/") == {"Authorization": "B t0k3n"}
    assert sent(found, manifest, "https://www.shop.example:8443/x") == {"sid": "s3cr3t"}
    for url in ("http://www.a.example/", "http://b.example/a.example", "http://xshop.example/"):
        assert sent(found, manifest, url) == {}
    assert "t0k3n" not in f"{found!r}{vars(found).keys()}{manifest!r}"


@pytest.mark.parametrize(
    ("value", "key", "problem"),
    [
        pytest.param(None, None, "the secret /acme/x cannot be read", id="not there"),
        pytest.param("hunter2\nx", None, "value of X must be printable ASCII", id="two lines"),
        pytest.param("hunter2", "a", "is no JSON object with a text named a", id="no JSON"),
        pytest.param('{"b": "hunter2"}', "a", "is no JSON object with a text named a", id="no key"),
    ],
)
def test_a_secret_that_cannot_be_sent_is_named_and_not_shown(
    endpoint: str, value: str | None, key: str | None, problem: str
) -> None:
    ssm = boto3.client("ssm", endpoint_url=endpoint)
    if value is None:
        ssm.delete_parameters(Names=["/acme/x"])
    else:
        ssm.put_parameter(Name="/acme/x", Type="String", Value=value, Overwrite=True)
    header = {"secret": {"ssm": "/acme/x"}, "for": "a.example"} | ({"key": key} if key else {})

    with pytest.raises(InvalidJobError, match=problem) as caught:
        secrets_of(job(headers={"X": header}))

    assert "/acme/x" in str(caught.value)
    shown = "".join(traceback.format_exception(caught.value))
    assert "hunter2" not in shown


def test_a_renewed_secret_is_read_after_five_minutes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parameters, "get_parameter", lambda _name, **how: f"{how['max_age']}")

    assert read_secret(SecretName(ssm="/acme/x")) == "300"
