"""
The AWS SDK's clients.

Of botocore alone: what boto3 adds to it, a transfer manager above all, takes 60 ms of each cold
start, and nobody here uses it.
"""

from functools import cache
from typing import Any

from botocore.config import Config
from botocore.session import Session

READ_SECONDS = 20
"""That an answer is waited for; then the call is made again. One that SQS answers later is lost."""
_CONFIG = Config(
    connect_timeout=5,
    read_timeout=READ_SECONDS,
    retries={"mode": "standard", "total_max_attempts": 5},
    user_agent="scatterfetch",  # botocore's own, put together anew, takes a tenth of each call
)


@cache
def session() -> Session:
    """Return this process's session: what it has read of a service serves all of its clients."""
    return Session()


def new_client(service: str, *, connections: int = 10, patience: float | None = None) -> Any:  # noqa: ANN401 -- who asks knows
    """
    Return a client of `service` that has so many connections; for its owner to keep.

    With `patience` it tries each call once, for so many seconds, in place of five times for longer.
    """
    config = _CONFIG.merge(Config(max_pool_connections=connections))
    if patience is not None:
        hasty = Config(
            connect_timeout=patience, read_timeout=patience, retries={"total_max_attempts": 1}
        )
        config = config.merge(hasty)
    return session().create_client(service, config=config)
