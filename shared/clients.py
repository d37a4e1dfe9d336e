"""
The AWS SDK's clients.

Of botocore alone: what boto3 adds to it, a transfer manager above all, takes 60 ms of each cold
start, and nobody here uses it.
"""

from datetime import datetime
from functools import cache
from typing import Any

from botocore.config import Config
from botocore.session import Session
from botocore.utils import parse_timestamp

_CONFIG = Config(
    connect_timeout=5,
    read_timeout=20,
    retries={"mode": "standard", "total_max_attempts": 5},
    user_agent="scatterfetch",  # botocore's own, put together anew, takes a tenth of each call
)


@cache
def _session() -> Session:
    session = Session()
    factory = session.get_component("response_parser_factory")
    factory.set_parser_defaults(timestamp_parser=read_time)
    return session


def read_time(value: Any) -> datetime:  # noqa: ANN401 -- whatever a service says
    """Return what `parse_timestamp` does, in a fraction of the time where it is ISO 8601."""
    # Half of the time that a listing takes, with one in each of its thousand entries.
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):
        found: datetime = parse_timestamp(value)
        return found


def new_client(service: str, *, connections: int = 10) -> Any:  # noqa: ANN401 -- who asks knows
    """Return a client of `service` that has so many connections; for its owner to keep."""
    config = _CONFIG.merge(Config(max_pool_connections=connections))
    return _session().create_client(service, config=config)
