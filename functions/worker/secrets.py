"""The proxies of a job, wherever they are kept. The only module that reads secrets."""

from random import Random

from functions.worker.politeness.partition import PartitionState
from functions.worker.politeness.proxies import ProxyPool, Tiers, parse_proxies
from shared.errors import InvalidJobError, StorageError
from shared.manifest import Manifest
from shared.proxy_spec import ProxySpec

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


def proxy_pool(job: Manifest, state: PartitionState, rng: Random) -> ProxyPool | None:
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
        return ProxyPool(proxy_tiers(spec), spec.strategy, rng, state.proxies)
    except InvalidJobError as error:
        raise InvalidJobError(f"job {job.job}: fetch.proxies: {error}") from error


def proxy_tiers(spec: ProxySpec) -> Tiers:
    """
    Return the tiers of proxies that `spec` names.

    Raises:
        InvalidJobError: the secret holds no proxies, is not there, or is not for us to read.
        StorageError: the secret could not be read for the moment.
    """
    if spec.secret is None:
        return spec.tiers or (spec.urls,)
    # Half a second of imports that most jobs have no use for.
    from aws_lambda_powertools.utilities import parameters  # noqa: PLC0415
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    name = spec.secret.secrets_manager or spec.secret.ssm or ""
    try:
        text: str | bytes = (
            parameters.get_secret(name, max_age=_MAX_AGE)
            if spec.secret.secrets_manager
            else parameters.get_parameter(name, decrypt=True, max_age=_MAX_AGE)
        )
    except (parameters.exceptions.GetParameterError, BotoCoreError) as error:
        cause = error.__context__
        if isinstance(cause, ClientError) and cause.response["Error"]["Code"] in _FOR_GOOD:
            raise InvalidJobError(f"the secret {name} cannot be read: {cause}") from error
        raise StorageError(f"the secret {name} cannot be read: {error}") from error
    if isinstance(text, bytes):
        raise InvalidJobError(f"{name}: a binary secret; proxies must be kept as text")
    return parse_proxies(name, text)
