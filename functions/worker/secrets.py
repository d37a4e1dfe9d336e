"""
What a job has in secrets: its proxies, and values of headers, cookies and logins.

The only module that reads secrets. What it returns shows none of them when it is printed.
"""

import json
from collections.abc import Callable, Mapping
from random import Random
from types import MappingProxyType

from functions.worker.politeness.partition import PartitionState
from functions.worker.politeness.proxies import ProxyPool, Tiers, parse_proxies
from shared.errors import InvalidJobError, StorageError
from shared.header_spec import check_cookies, check_headers
from shared.manifest import Manifest
from shared.proxy_spec import ProxySpec
from shared.secret_spec import SecretName, SecretSpec
from shared.url_patterns import any_fitting
from shared.urls import Url

_MAX_AGE = 300  # seconds that a secret is kept by this process
_FOR_GOOD = {
    "AccessDeniedException",
    "DecryptionFailure",
    "InvalidKeyId",
    "InvalidParameterException",
    "InvalidRequestException",
    "ParameterNotFound",
    "ParameterVersionNotFound",
    "ResourceNotFoundException",
    "ValidationException",
}


ReadSecret = Callable[[SecretName], str]
"""Returns the text of a secret; raises InvalidJobError and StorageError as `read_secret` does."""


class Secrets:
    """
    The values of the headers, cookies and logins of a job that are secrets.

    Args:
        values: What each of them is, without its prefix.
    """

    def __init__(self, values: Mapping[SecretSpec, str] = MappingProxyType({})) -> None:
        self._values = dict(values)
        self._fits = {spec: any_fitting(spec.patterns, "for") for spec in self._values}

    def __repr__(self) -> str:
        return f"Secrets({len(self._values)})"

    def __bool__(self) -> bool:
        return bool(self._values)

    def sent(self, values: Mapping[str, str | SecretSpec], url: Url) -> dict[str, str]:
        """Return those of `values` that are secrets, and that the host of `url` may see."""
        return {
            name: value.prefix + self._values[value]
            for name, value in values.items()
            if isinstance(value, SecretSpec) and self._fits[value](f"https://{url.host}/")
        }


def secrets_of(job: Manifest, read: ReadSecret | None = None) -> Secrets:
    """
    Return the secrets of the headers, cookies and logins of `job`.

    Args:
        job: The job.
        read: Reads a secret; None: `read_secret`.

    Raises:
        InvalidJobError: one is not there, not for us to read, or cannot be sent.
        StorageError: one could not be read for the moment.
    """
    values = {}
    for path, spec in job.spec.secrets.items():
        try:
            value = values[spec] = _value(spec, (read or read_secret)(spec.secret))
            if path.startswith("login["):
                continue
            check = check_cookies if ".cookies." in path else check_headers
            check({path.rpartition(".")[2]: spec.prefix + value})
        except ValueError as error:
            raise InvalidJobError(f"job {job.job}: {spec.secret.name}: {error}") from error
        except InvalidJobError as error:
            raise InvalidJobError(f"job {job.job}: {path}: {error}") from error
    return Secrets(values)


def _value(spec: SecretSpec, text: str) -> str:
    if spec.key is None:
        return text.strip()
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    value = found.get(spec.key) if isinstance(found, dict) else None
    if not isinstance(value, str) or not value:
        raise InvalidJobError(
            f"the secret {spec.secret.name} is no JSON object with a text named {spec.key}"
        )
    return value


def proxy_pool(
    job: Manifest, state: PartitionState, rng: Random, read: ReadSecret | None = None
) -> ProxyPool | None:
    """
    Return the proxies of `job`, which do as `state` knows; None if it has none.

    Raises:
        InvalidJobError: its secret holds none.
        StorageError: the secret could not be read.
    """
    spec = job.spec.fetch.proxies
    if spec is None:
        return None
    try:
        return ProxyPool(proxy_tiers(spec, read), spec.strategy, rng, state.proxies)
    except InvalidJobError as error:
        raise InvalidJobError(f"job {job.job}: fetch.proxies: {error}") from error


def proxy_tiers(spec: ProxySpec, read: ReadSecret | None = None) -> Tiers:
    """
    Return the tiers of proxies that `spec` names.

    Raises:
        InvalidJobError: the secret holds no proxies, is not there, or is not for us to read.
        StorageError: the secret could not be read for the moment.
    """
    if spec.secret is None:
        return spec.tiers or (spec.urls,)
    return parse_proxies(spec.secret.name, (read or read_secret)(spec.secret))


def read_secret(secret: SecretName) -> str:
    """
    Return the text of a secret of AWS, which may be five minutes old.

    Raises:
        InvalidJobError: the secret is not there, is not for us to read, or is no text.
        StorageError: the secret could not be read for the moment.
    """
    # Half a second of imports that most jobs have no use for.
    from aws_lambda_powertools.utilities import parameters  # noqa: PLC0415
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    name = secret.name
    try:
        text: str | bytes = (
            parameters.get_secret(name, max_age=_MAX_AGE)
            if secret.secrets_manager
            else parameters.get_parameter(name, decrypt=True, max_age=_MAX_AGE)
        )
    except (parameters.exceptions.GetParameterError, BotoCoreError) as error:
        cause = error.__context__
        if isinstance(cause, ClientError) and cause.response["Error"]["Code"] in _FOR_GOOD:
            raise InvalidJobError(f"the secret {name} cannot be read: {cause}") from error
        raise StorageError(f"the secret {name} cannot be read: {error}") from error
    if isinstance(text, bytes):
        raise InvalidJobError(f"{name}: a binary secret; it must be kept as text")
    return text
