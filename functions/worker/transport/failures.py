"""
What went wrong, as a `Reason`.

Pure: aiohttp's exceptions and HTTP's statuses in, reasons and words out. The words never hold what
a proxy's URL holds.
"""

import ssl
from collections.abc import Mapping

import aiohttp
from aiohttp.http_exceptions import ContentLengthError, LineTooLong, TransferEncodingError
from multidict import istr
from yarl import URL

from functions.worker.transport.connections import (
    SOCKS,
    NoAnswerError,
    PrivateAddressError,
    ProxyCredentialsError,
    TunnelError,
)
from functions.worker.transport.dns import NO_SUCH_NAME
from functions.worker.transport.framing import words_of
from shared.errors import FetchError, Reason

BLOCKS = {403, 429}
"""What a host answers that does not want us this way; it may by another proxy, or connection."""
_STATUSES = {
    304: Reason.NOT_MODIFIED,
    404: Reason.HTTP_404,
    408: Reason.HTTP_408,
    425: Reason.HTTP_425,
    429: Reason.HTTP_429,
    503: Reason.HTTP_503,
}
_PROXY_STATUSES = {
    407: Reason.PROXY_AUTH,
    502: Reason.PROXY_GATEWAY,
    503: Reason.PROXY_GATEWAY,
    504: Reason.PROXY_GATEWAY,
}
_SOCKS_GATEWAY = {3, 4, 5, 6}  # RFC 1928 §6: no network, no host, refused, expired

# What content networks say of an answer that is a challenge and not the page.
_CHALLENGES = {
    istr("x-amzn-waf-action"): {"challenge", "captcha"},
    istr("cf-mitigated"): {"challenge"},
    istr("sg-captcha"): {"challenge"},
    istr("x-vercel-mitigated"): {"challenge"},
}
_SLOW_DOWN = {429, 503}

_CUT_OFF = (ContentLengthError, TransferEncodingError)
_CLOSED = (ConnectionResetError, ssl.SSLEOFError, ssl.SSLZeroReturnError)
_HUNG_UP = "the connection closed before an answer"

_Finding = tuple[Reason, str]


def challenge(status: int, headers: Mapping[str, str]) -> str | None:
    """
    Return in words what a content network wants us to solve instead of showing the page.

    Returns None where its headers do not say that, or where the status asks us to slow down.
    """
    if status in _SLOW_DOWN:
        return None
    for name, values in _CHALLENGES.items():
        value = headers.get(name)
        if value is not None and value.strip().lower() in values:
            return (
                f"the server answered {status} with a challenge ({name}: {value.strip().lower()})"
            )
    return None


def is_cut_off(error: aiohttp.ClientPayloadError) -> bool:
    """Tell whether `error` is that the connection closed before the end of the body."""
    return isinstance(error.__cause__, _CUT_OFF)


def refusal(status: int, *, proxied: bool, conditional: bool = False) -> tuple[Reason, str]:
    """
    Return what an answer of `status`, not 2xx, stands for.

    Args:
        status: Of the answer.
        proxied: Whether a proxy may have given it.
        conditional: Whether the request has asked for a page only if it has changed.
    """
    detail = f"the server answered {status}"
    if status == 304 and not conditional:  # noqa: PLR2004
        return Reason.HTTP_3XX, "the server answered 304, and was not asked whether it has changed"
    if status == 407 and proxied:  # noqa: PLR2004
        return Reason.PROXY_AUTH, "the proxy wants other credentials"
    if status in _STATUSES:
        return _STATUSES[status], detail
    if status < 500:  # noqa: PLR2004
        classes = {3: Reason.HTTP_3XX, 4: Reason.HTTP_4XX}
        return classes.get(status // 100, Reason.PROTOCOL), detail
    # 520 to 530 are what a content network says of the server behind it.
    if status in {500, 502, 504} or 520 <= status <= 530:  # noqa: PLR2004
        return Reason.HTTP_5XX, detail
    return Reason.HTTP_5XX_FINAL, detail


def no_answer(
    url: str, proxy: str | None, error: BaseException, response: aiohttp.ClientResponse | None
) -> FetchError:
    """
    Return what `error` stands for.

    Args:
        url: That was asked for.
        proxy: The URL of the proxy, if there was one.
        error: What aiohttp or one of its friends raised.
        response: Where the headers had come.
    """
    finding = None
    if proxy is not None and response is None:
        finding = _of_proxy(error, URL(proxy), tunnel=url.startswith("https:"))
    reason, detail = finding or _of_host(error, answered=response is not None)
    known = response if response is not None else error
    address = None if proxy else getattr(known, "remote_address", None)
    status = response.status if response is not None else _status_of_proxy(error)
    latency = getattr(response, "latency", None)
    return FetchError(url, reason, detail, status=status, remote_address=address, latency=latency)


def _of_host(error: BaseException, *, answered: bool) -> _Finding:
    cause = _cause(error)
    match error:
        case NoAnswerError():
            finding = _of_headers(cause)
        case aiohttp.ConnectionTimeoutError():
            finding = Reason.CONNECT_TIMEOUT, "no connection within the time limit"
        case TimeoutError():
            finding = Reason.TIMEOUT, "no complete answer within the time limit"
        # a name that DNS cannot carry, such as a..b
        case UnicodeError() | aiohttp.InvalidURL():
            finding = Reason.UNKNOWN_HOST, "the host name is none"
        case aiohttp.ClientConnectorDNSError():
            unknown = getattr(cause, "errno", None) in NO_SUCH_NAME
            finding = (Reason.UNKNOWN_HOST if unknown else Reason.DNS), _words(cause)
        case aiohttp.ClientPayloadError() if isinstance(cause, _CUT_OFF):
            finding = Reason.TRUNCATED, "the connection closed before the end of the body"
        case aiohttp.ClientPayloadError():
            finding = Reason.PROTOCOL, f"the body is not what its headers say: {words_of(cause)}"
        case aiohttp.ClientResponseError():
            finding = Reason.PROTOCOL, f"the answer is not HTTP: {words_of(cause)}"
        case _ if answered:
            finding = Reason.TRUNCATED, "the connection broke in the body"
        case _:
            finding = _of_socket(cause, connecting=isinstance(error, aiohttp.ClientConnectorError))
    return finding


def _of_headers(cause: BaseException) -> _Finding:
    if not isinstance(cause, aiohttp.ClientResponseError):
        return Reason.CONNECTION_RESET, _HUNG_UP
    parser_error = _cause(_cause(cause))
    if isinstance(parser_error, LineTooLong) or "Too many headers" in str(parser_error):
        return Reason.HEADERS_TOO_LARGE, "the headers are larger than those of a page"
    return Reason.PROTOCOL, f"the answer is not HTTP: {words_of(parser_error)}"


def _of_socket(cause: BaseException, *, connecting: bool) -> _Finding:
    match cause:
        case PrivateAddressError():
            finding = Reason.PRIVATE_ADDRESS, "the host has no public address"
        case ssl.SSLCertVerificationError():
            finding = Reason.TLS_CERTIFICATE, cause.verify_message
        case _ if isinstance(cause, _CLOSED):
            finding = Reason.CONNECTION_RESET, _HUNG_UP
        case ssl.SSLError():
            finding = Reason.TLS, f"no TLS connection: {cause.reason}"
        case TimeoutError():
            finding = Reason.CONNECT_TIMEOUT, "no connection within the time limit"
        case _ if connecting:
            finding = Reason.CONNECTION, f"cannot connect: {_words(cause)}"
        case _:
            finding = Reason.CONNECTION_RESET, _HUNG_UP
    return finding


def _of_proxy(error: BaseException, proxy: URL, *, tunnel: bool) -> _Finding | None:
    """Return what `error` says of the proxy, None where it says something of the host."""
    socks = proxy.scheme in SOCKS
    cause = _cause(error)
    finding: _Finding | None = Reason.PROXY_CONNECTION, "no connection to the proxy"
    match error:
        case aiohttp.ClientHttpProxyError():
            finding = _of_connect(error)
        case aiohttp.ConnectionTimeoutError() if tunnel or socks:
            detail = "no connection through the proxy within the time limit"
            finding = Reason.PROXY_GATEWAY, detail
        case NoAnswerError():
            finding = None
        case UnicodeError() if socks:
            finding = None
        case TimeoutError() if not isinstance(error, aiohttp.ConnectionTimeoutError):
            finding = None
        case aiohttp.ClientConnectorError() if not _is_of(error, proxy):
            finding = None
            if isinstance(cause, _CLOSED):  # so do proxies that say yes before they know
                finding = Reason.PROXY_GATEWAY, "the way through the proxy closed before TLS"
        case _ if isinstance(cause, PrivateAddressError):
            finding = Reason.PROXY_CONNECTION, "the proxy has no public address"
        case ProxyCredentialsError():
            finding = Reason.PROXY_AUTH, str(error)
        case _ if isinstance(cause, ssl.SSLError) and socks:
            finding = None
        case _ if socks and hasattr(error, "error_code"):
            finding = _of_socks(error)
    return finding


def _of_connect(error: aiohttp.ClientHttpProxyError) -> _Finding:
    if isinstance(error, TunnelError):
        return Reason.PROXY_REFUSED, "the proxy answered CONNECT with a page of its own"
    detail = f"the proxy answered {error.status} to CONNECT"
    return _PROXY_STATUSES.get(error.status, Reason.PROXY_REFUSED), detail


def _status_of_proxy(error: BaseException) -> int | None:
    return error.status if isinstance(error, aiohttp.ClientHttpProxyError) else None


def _of_socks(error: BaseException) -> _Finding:
    code = getattr(error, "error_code", None)
    words = str(error)
    if code in _SOCKS_GATEWAY:
        return Reason.PROXY_GATEWAY, f"the proxy answered: {words}"
    if code is None and "authentication" in words:
        return Reason.PROXY_AUTH, "the proxy wants other credentials"
    if code is None:
        return Reason.PROXY_CONNECTION, "the proxy does not speak SOCKS 5"
    return Reason.PROXY_REFUSED, f"the proxy answered: {words}"


def _is_of(error: aiohttp.ClientConnectorError, proxy: URL) -> bool:
    return isinstance(error, aiohttp.ClientProxyConnectionError) or (
        (error.host, error.port) == (proxy.raw_host, proxy.port)
    )


def _cause(error: BaseException) -> BaseException:
    if isinstance(error, aiohttp.ClientConnectorError):
        return error.os_error
    return error.__cause__ or error


def _words(error: BaseException) -> str:
    return (getattr(error, "strerror", None) or type(error).__name__)[:200]
