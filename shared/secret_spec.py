"""
The secrets that a spec names: where they are kept, and which hosts may see them.

A spec is written into manifests and messages. A secret itself is in none of these structs.
"""

from typing import Annotated

from msgspec import Meta, Struct, field

from shared.extract_spec import Expression

HostPatterns = Expression | Annotated[tuple[Expression, ...], Meta(min_length=1, max_length=100)]


class SecretName(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a secret is: one of the two."""

    secrets_manager: Annotated[str, Meta(min_length=1, max_length=512)] | None = None
    """Name or ARN of a secret in AWS Secrets Manager."""
    ssm: Annotated[str, Meta(min_length=1, max_length=1_011)] | None = None
    """Name of a parameter in the AWS Systems Manager Parameter Store."""

    def __post_init__(self) -> None:
        if (self.secrets_manager is None) == (self.ssm is None):
            raise ValueError("name the secret by one of secrets_manager and ssm")

    @property
    def name(self) -> str:
        """The one that is there."""
        return self.secrets_manager or self.ssm or ""


class SecretSpec(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A value that is a secret, and the only hosts that it is sent to."""

    secret: SecretName
    """Where the value is kept."""
    for_: HostPatterns = field(name="for")
    """The hosts that may see it: `api.example`, or `*.api.example` for it and all below it."""
    key: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    """The name of the value, where the secret is a JSON object. null: the secret is the value."""
    prefix: Annotated[str, Meta(max_length=100)] = ""
    """Text that stands before the secret, such as `Bearer `."""

    @property
    def patterns(self) -> tuple[str, ...]:
        """Those of `for`."""
        return (self.for_,) if isinstance(self.for_, str) else self.for_
