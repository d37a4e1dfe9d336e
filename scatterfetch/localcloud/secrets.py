"""Secrets in the embedded Secrets Manager and Parameter Store, which keep them in memory alone."""

from collections.abc import Mapping
from typing import Any

from scatterfetch.localcloud.template import REGION
from shared.clients import session
from shared.secret_spec import SecretName


def put_secrets(endpoint: str, texts: Mapping[SecretName, str]) -> None:
    """Let workers of the local cloud at `endpoint` read secrets, as those of a stack read AWS's."""
    for name, text in texts.items():
        client: Any = session().create_client(
            "secretsmanager" if name.secrets_manager else "ssm",
            endpoint_url=endpoint,
            region_name=REGION,
            aws_access_key_id="local",
            aws_secret_access_key="local",  # noqa: S106 -- of nobody
        )
        if name.secrets_manager:
            client.create_secret(Name=name.name, SecretString=text)
        else:
            client.put_parameter(Name=name.name, Value=text, Type="SecureString")
