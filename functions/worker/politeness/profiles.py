"""
Who a request says it comes from: us, or a browser.

A browser is more than its User-Agent: Accept, Accept-Language, client hints and the order of all
of them belong to it, and follow from it. Accept-Encoding is left to the transport, which knows
what it can decode. Only headers: the TLS handshake remains Python's.
"""

import re
from collections.abc import Container
from functools import lru_cache
from itertools import permutations
from random import Random
from zlib import crc32

from shared.header_spec import plain
from shared.spec import FetchSpec, Spec
from shared.urls import Url, registrable_domain

Headers = tuple[tuple[str, str], ...]

# The most frequent desktop browsers in apify_fingerprint_datapoints 0.15.0 (Apache-2.0; of May
# 2026). Why they are not taken from a library: docs/decisions/browser-profiles.md
_WINDOWS, _MAC, _LINUX = (
    "Windows NT 10.0; Win64; x64",
    "Macintosh; Intel Mac OS X 10_15_7",
    "X11; Linux x86_64",
)
_CHROME = "Mozilla/5.0 ({}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 Safari/537.36"
_FIREFOX = "Mozilla/5.0 ({}; rv:150.0) Gecko/20100101 Firefox/150.0"
_SAFARI = "Mozilla/5.0 ({}) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.4 Safari/605.1.15"
USER_AGENTS = (
    _CHROME.format(_WINDOWS, 148),
    _CHROME.format(_WINDOWS, 147),
    _CHROME.format(_MAC, 147),
    _CHROME.format(_LINUX, 147),
    _CHROME.format(_WINDOWS, 147) + " Edg/147.0.0.0",
    _FIREFOX.format(_WINDOWS),
    _FIREFOX.format("Macintosh; Intel Mac OS X 10.15"),
    _SAFARI.format(_MAC),
)

_ACCEPT = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
_ACCEPT_CHROMIUM = (
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,"
    "*/*;q=0.8,application/signed-exchange;v=b3;q=0.7"
)
_CHROMIUM = re.compile(r"Chrome/([0-9]{1,4})\.[0-9.]* (?:Mobile )?Safari/[0-9.]+(?: Edg/[0-9.]+)?")
BLANK = "[blanked]"
# What is in the name of a header whose value lets somebody in.
_SECRET = re.compile(
    r"auth|cookie|credential|csrf|key|pass(?:w|phrase)|secret|session|signature|token|xsrf",
    re.IGNORECASE,
)
_PLATFORMS = {
    "Windows NT": "Windows",
    "Macintosh": "macOS",
    "Android": "Android",
    "CrOS": "Chrome OS",
    "Linux": "Linux",
}


def headers_for(
    spec: FetchSpec, host: str, *, user_agent: str, secure: bool, rng: Random
) -> Headers:
    """
    Return the headers of a request to `host`, in the order in which to send them.

    Args:
        spec: Says whom to pretend to be; its own headers and cookies, as far as they are no
            secrets, replace those of a browser.
        host: With ``profiles: host``, it decides which browser it sees: the same one from all
            workers and in all jobs.
        user_agent: The deployment's honest one, for a spec that names none.
        secure: Whether the URL is https: browsers give hints to such only.
        rng: Source of chance, for ``profiles: request``.
    """
    browsers = spec.user_agents or USER_AGENTS
    if spec.profiles == "none":
        headers: Headers = (("User-Agent", spec.user_agent or user_agent), ("Accept", _ACCEPT))
    elif spec.profiles == "host":
        headers = browser_headers(browsers[crc32(host.encode()) % len(browsers)], secure=secure)
    else:
        headers = browser_headers(rng.choice(browsers), secure=secure)
    own = {name.lower(): (name, value) for name, value in plain(spec.headers).items()}
    kept = tuple(own.pop(name.lower(), (name, value)) for name, value in headers)
    cookie = "; ".join(f"{name}={value}" for name, value in plain(spec.cookies).items())
    return (*kept, *own.values(), *([("Cookie", cookie)] if cookie else []))


def may_be_told(url: Url, home: Url) -> bool:
    """
    Tell whether a request for `url` may hold the secrets that were meant for `home`.

    Not where a redirect has led from https to http, or to another registrable domain.
    """
    downgraded = home.href.startswith("https:") and not url.href.startswith("https:")
    return not downgraded and registrable_domain(url.host) == registrable_domain(home.host)


def without_secrets(headers: Headers, spec: FetchSpec) -> Headers:
    """Return the `headers` that anybody may see: no cookies, no tokens, no `secret_headers`."""
    named = {name.lower() for name in spec.secret_headers}
    return tuple(header for header in headers if not _is_secret(header[0], named))


def without_values(headers: Headers, spec: Spec) -> Headers:
    """Return `headers` with `BLANK` for the values that not everybody may see."""
    named = {name.lower() for name in spec.fetch.secret_headers}
    named |= {path.partition(".headers.")[2].lower() for path in spec.secrets}
    return tuple((name, BLANK if _is_secret(name, named) else value) for name, value in headers)


def _is_secret(name: str, named: Container[str]) -> bool:
    return _SECRET.search(name) is not None or name.lower() in named


@lru_cache(maxsize=2_048)
def browser_headers(user_agent: str, *, secure: bool) -> Headers:
    """
    Return what the browser of that name sends when somebody types in a URL.

    A name that is none of Chrome, Edge, Firefox and Safari gets what they have in common.
    """
    if chromium := _CHROMIUM.search(user_agent):
        headers = {
            **_client_hints(user_agent, int(chromium[1])),
            "Upgrade-Insecure-Requests": "1",
            "User-Agent": user_agent,
            "Accept": _ACCEPT_CHROMIUM,
            "Sec-Fetch-Site": "none",
            "Sec-Fetch-Mode": "navigate",
            "Sec-Fetch-User": "?1",
            "Sec-Fetch-Dest": "document",
            "Accept-Language": "en-US,en;q=0.9",
        }
    elif " Firefox/" in user_agent:
        headers = {
            "User-Agent": user_agent,
            "Accept": _ACCEPT,
            "Accept-Language": "en-US,en;q=0.5",
            "Upgrade-Insecure-Requests": "1",
            "Sec-Fetch-Dest": "document",
            "Sec-Fetch-Mode": "navigate",
            "Sec-Fetch-Site": "none",
            "Sec-Fetch-User": "?1",
            "Priority": "u=0, i",
        }
    elif " Version/" in user_agent and " Safari/" in user_agent:
        headers = {
            "Accept": _ACCEPT,
            "User-Agent": user_agent,
            "Accept-Language": "en-US,en;q=0.9",
            "Sec-Fetch-Dest": "document",
            "Sec-Fetch-Mode": "navigate",
            "Sec-Fetch-Site": "none",
        }
    else:
        headers = {"User-Agent": user_agent, "Accept": _ACCEPT, "Accept-Language": "en-US,en;q=0.9"}
    return tuple(
        (name, value)
        for name, value in headers.items()
        if secure or not name.lower().startswith(("sec-", "priority"))
    )


def _client_hints(user_agent: str, version: int) -> dict[str, str]:
    """
    Return the client hints of a Chromium.

    The brand that is none, and the order, follow from the version as in Chromium's
    components/embedder_support/user_agent_utils.cc.
    """
    marks, versions = " (:-./);=?_", ("8", "99", "24")
    none = f"Not{marks[version % 11]}A{marks[(version + 1) % 11]}Brand"
    product = "Microsoft Edge" if " Edg/" in user_agent else "Google Chrome"
    brands = (
        f'"{none}";v="{versions[version % 3]}"',
        f'"Chromium";v="{version}"',
        f'"{product}";v="{version}"',
    )
    places = tuple(permutations(range(3)))[version % 6]
    ordered = [brand for _, brand in sorted(zip(places, brands, strict=True))]
    platform = next((name for mark, name in _PLATFORMS.items() if mark in user_agent), "Unknown")
    return {
        "sec-ch-ua": ", ".join(ordered),
        "sec-ch-ua-mobile": "?1" if " Mobile " in user_agent else "?0",
        "sec-ch-ua-platform": f'"{platform}"',
    }
