"""What an AWS account allows, as far as a deployment depends on it. Loads the AWS SDK."""

from collections.abc import Mapping
from contextlib import closing

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

_QUOTA = "https://console.aws.amazon.com/servicequotas/home/services/lambda/quotas/L-B99A9384"
_WORKERS, _DISPATCHERS = "WorkerConcurrency", "DispatcherConcurrency"
_LEAST = 2  # of each; Lambda's own lower bound for an event source


def concurrency_problem(
    stack: str, parameters: Mapping[str, str], defaults: Mapping[str, str], region: str | None
) -> str | None:
    """
    Say what is wrong if the account cannot run as many functions at once as the stack will want.

    Returns None if it can, or if it does not tell: a deployment does not need the permission.

    Args:
        stack: Its name. Parameters that it has already stay as they are if nobody names them.
        parameters: Those that are named.
        defaults: What the template has for the others.
        region: None means the SDK's own.
    """
    try:
        session = boto3.Session(region_name=region)
        config = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 1})
        with closing(session.client("lambda", config=config)) as client:
            settings = client.get_account_settings()
        allowed = settings["AccountLimit"]["UnreservedConcurrentExecutions"]
        wanted = {**defaults, **_of_stack(session, config, stack), **parameters}
    except (BotoCoreError, ClientError):
        return None
    workers, dispatchers = int(wanted[_WORKERS]), int(wanted[_DISPATCHERS])
    least = min(_LEAST, workers)  # none, where machines do the work
    if workers + dispatchers <= allowed:
        return None
    fewer = max(_LEAST, min(dispatchers, allowed - least))
    left = max(least, min(workers, allowed - fewer))
    return (
        f"the account runs at most {allowed:,} functions at once in {session.region_name}, and "
        f"{_WORKERS}={workers} and {_DISPATCHERS}={dispatchers} are {workers + dispatchers:,}: "
        "Lambda would refuse some, and what it refuses too often becomes a dead letter. Deploy "
        f"with {_WORKERS}={left} {_DISPATCHERS}={fewer}, or ask for a higher quota: {_QUOTA}"
    )


def _of_stack(session: boto3.Session, config: Config, stack: str) -> dict[str, str]:
    """Return the parameters that a stack has; none if nobody can tell, or there is no stack."""
    with closing(session.client("cloudformation", config=config)) as client:
        try:
            found = client.describe_stacks(StackName=stack)
        except ClientError:
            return {}
    parameters = found["Stacks"][0].get("Parameters", [])
    return {one["ParameterKey"]: one["ParameterValue"] for one in parameters}
