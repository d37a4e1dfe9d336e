"""
What a spec may say of the headers and cookies of its requests.

Pure. Which of them are secret, and who may see them, others know.
"""

import re
from collections.abc import Mapping

from shared.secret_spec import SecretSpec

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 §5.6.2
_VALUE = re.compile(r"(?:[!-~](?:[\t -~]*[!-~])?)?")
_PREFIX = re.compile(r"[!-~][\t -~]*|")  # of a secret
_COOKIE_VALUE = re.compile(r"[ -:<-~]*")
# Headers that would break the transport, and those that the spec has a better place for.
_NOT_HEADERS = {
    **dict.fromkeys(
        (
            *("connection", "content-length", "expect", "host", "keep-alive", "proxy-connection"),
            *("te", "trailer", "transfer-encoding", "upgrade", "accept-encoding"),
        ),
        "it belongs to the transport",
    ),
    "cookie": "use fetch.cookies",
    "proxy-authorization": "write USER:PASSWORD@ into the proxy's URL",
    "user-agent": "use fetch.user_agent, or fetch.user_agents with fetch.profiles",
}


def check_headers(headers: Mapping[str, str | SecretSpec]) -> None:
    """
    Check headers that somebody wants to have sent.

    Raises:
        ValueError: one is no header, or is not theirs to set.
    """
    names = set()
    for name, value in headers.items():
        if not TOKEN.fullmatch(name):
            raise ValueError(f"headers: {name[:60]!r} is no name of a header")
        lower = name.lower()
        if lower in _NOT_HEADERS:
            raise ValueError(f"headers: {name} cannot be set here; {_NOT_HEADERS[lower]}")
        if lower in names:
            raise ValueError(f"headers: {name} is there twice; case does not count")
        if not (_VALUE if isinstance(value, str) else _PREFIX).fullmatch(_written(value)):
            raise ValueError(
                f"headers: the value of {name} must be printable ASCII on one line, "
                "without white space around it"
            )
        names.add(lower)


def plain(values: Mapping[str, str | SecretSpec]) -> dict[str, str]:
    """Return those headers or cookies that are no secrets."""
    return {name: value for name, value in values.items() if isinstance(value, str)}


def check_cookies(cookies: Mapping[str, str | SecretSpec]) -> None:
    for name, value in cookies.items():
        if not TOKEN.fullmatch(name):
            raise ValueError(f"cookies: {name[:60]!r} is no name of a cookie")
        if not _COOKIE_VALUE.fullmatch(_written(value)):
            raise ValueError(
                f"cookies: the value of {name} must be printable ASCII without a semicolon"
            )


def _written(value: str | SecretSpec) -> str:
    """Return what the spec itself says of a value."""
    return value if isinstance(value, str) else value.prefix
