"""The section `login` of a spec: how a session at a website begins. `docs/spec.md` describes it."""

from typing import Annotated

from msgspec import Meta, Struct

from shared.errors import InvalidUrlError
from shared.extract_spec import Expression
from shared.secret_spec import SecretSpec
from shared.urls import parse_url

MAX_LOGINS = 100
_Location = Annotated[str, Meta(min_length=1, max_length=8_000)]
_Values = Annotated[dict[str, str | SecretSpec], Meta(max_length=50)]


class TokenSpec(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where an answer of JSON has a token."""

    jmespath: Expression
    """The path to it, as in `access_token`."""


class LoggedOutSpec(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An answer to a request for a page that tells that the session has ended: one of the two."""

    status: Annotated[int, Meta(ge=400, le=499)] | None = None
    """The status of the answer."""
    redirect: Expression | None = None
    """A URL pattern that fits where the answer leads."""

    def __post_init__(self) -> None:
        if (self.status is None) == (self.redirect is None):
            raise ValueError("name one of status and redirect")


class LoginSpec(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is sent before the pages of an origin are."""

    url: _Location
    """Where `data` or `json` is sent, by POST. It holds for the pages of its scheme, host, port."""
    form: _Location | None = None
    """A page of the same origin with the form: its hidden fields are sent along."""
    data: _Values = {}
    """Names and values, sent as a form."""
    json: _Values = {}
    """Names and values, sent as an object of JSON."""
    token: TokenSpec | None = None
    """A token in the answer, which pages are asked for with: `Authorization: Bearer …`."""
    logged_out: Annotated[tuple[LoggedOutSpec, ...], Meta(max_length=20)] = ()
    """By what answers to requests for pages tell that it is to be done again."""
    renew_after: Annotated[float, Meta(ge=60, le=86_400)] = 86_400.0
    """Seconds after which it is done again."""

    def __post_init__(self) -> None:
        if bool(self.data) == bool(self.json):
            raise ValueError("name what is sent by one of data and json")
        if self.form is not None and self.json:
            raise ValueError("a form is sent by data")

    @property
    def origin(self) -> str:
        """``https://host``, as `Url.origin`; it is empty where `url` is none."""
        try:
            return parse_url(self.url).origin
        except InvalidUrlError:
            return ""

    @property
    def values(self) -> dict[str, str | SecretSpec]:
        """What is sent."""
        return self.data or self.json

    @property
    def secrets(self) -> dict[str, SecretSpec]:
        """Those values that are secrets, each by its path."""
        section = "data" if self.data else "json"
        return {
            f"{section}.{name}": value
            for name, value in self.values.items()
            if isinstance(value, SecretSpec)
        }
