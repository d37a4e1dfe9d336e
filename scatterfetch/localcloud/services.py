"""
moto's services as a WSGI application: which of them a request is for, and what it answers.

moto's own application is one of Flask for each service. That takes longer to import, and to find
what answers a request, than most requests take.
"""

from collections.abc import Callable, Iterable
from functools import cache, partial
from importlib import import_module
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import boto3
import moto.core.base_backend
import moto.core.utils
from botocore.exceptions import ClientError
from moto.core import loaders
from moto.core.request import Request
from moto.s3.responses import S3Response
from werkzeug import exceptions
from werkzeug.wrappers import Response

from scatterfetch.localcloud.sdk import QuickLoader, session


class _Loader(QuickLoader, loaders.Loader):
    """moto's."""


Answer = Callable[[Request, str, dict[str, str]], tuple[int, dict[str, Any], Any]]


class _Request(Request):
    from_wsgi_server = True


def share_sdk() -> None:
    """Have moto read the SDK's descriptions of services once; it does anew for each service."""
    moto.core.utils.create_loader = _loader  # type: ignore[attr-defined]
    moto.core.base_backend.Session = partial(boto3.Session, botocore_session=session())  # type: ignore[attr-defined, assignment]


@cache
def _loader() -> loaders.Loader:
    return _Loader(extra_search_paths=[loaders.moto_root])


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer a request; moto must not be asked by two threads at once."""
    request = _Request(environ)
    try:
        response = _answer(request)
    except exceptions.HTTPException as error:
        response = error.get_response(environ)
    except ClientError as error:
        response = Response(error.response["Error"]["Message"], 400)
    return response(environ, start_response)


def _answer(request: _Request) -> Response:
    service = _service(request.headers.get("Authorization", ""))
    answer = _of_s3(request.path) if service == "s3" else _of(service)
    status, headers, body = answer(request, request.raw_url, dict(request.headers))
    response = Response(body, status, headers)
    if request.method == "HEAD" and "content-length" in headers:
        response.headers["Content-Length"] = headers["content-length"]
    return response


def _service(authorization: str) -> str:
    """Return the service that a request is signed for: ``… Credential=KEY/DAY/REGION/sqs/…, …``."""
    scope = authorization.partition(",")[0].split("/")
    return scope[3].lower() if len(scope) > 3 else "s3"  # noqa: PLR2004 -- as above


def _of_s3(path: str) -> Answer:
    bucket, slash, key = path.lstrip("/").partition("/")
    if slash and key:
        return S3Response.key_dispatch
    return S3Response.ambiguous_dispatch if bucket else S3Response.bucket_dispatch


@cache
def _of(service: str) -> Answer:
    """Return what answers all requests to a service but S3."""
    try:
        paths = import_module(f"moto.{service}.urls").url_paths
    except ModuleNotFoundError as error:
        raise exceptions.NotImplemented(f"there is no {service} here") from error
    answer: Answer = next(iter(paths.values()))
    return answer
