"""Whether the logins of a spec make sense. Pure."""

from shared.errors import InvalidSpecError, InvalidUrlError
from shared.expressions import compile_jmespath
from shared.login_spec import LoginSpec
from shared.spec import Spec
from shared.url_patterns import any_fitting, regex_of
from shared.urls import parse_url


def check_logins(spec: Spec) -> None:
    """
    Check what the form of the logins alone does not tell.

    Raises:
        InvalidSpecError: a URL is none, a path is none, a secret is not for the host that it would
            be sent to, or two logins are for one origin. It names the path.
    """
    origins: set[str] = set()
    for number, login in enumerate(spec.logins):
        path = "login" if isinstance(spec.login, LoginSpec) else f"login[{number}]"
        try:
            url = parse_url(login.url)
        except InvalidUrlError as error:
            raise InvalidSpecError(f"{path}.url", str(error)) from error
        if login.origin in origins:
            raise InvalidSpecError(f"{path}.url", f"another login is for {login.origin}")
        origins.add(login.origin)
        if login.form is not None:
            try:
                origin = parse_url(login.form).origin
            except InvalidUrlError as error:
                raise InvalidSpecError(f"{path}.form", str(error)) from error
            if origin != login.origin:
                raise InvalidSpecError(f"{path}.form", f"it must be at {login.origin}, as url is")
        for place, out in enumerate(login.logged_out):
            if out.redirect is not None:
                regex_of(out.redirect, f"{path}.logged_out[{place}].redirect")
        if login.token is not None:
            compile_jmespath(login.token.jmespath, f"{path}.token.jmespath")
        for name, secret in login.secrets.items():
            if not any_fitting(secret.patterns, f"{path}.{name}.for")(f"https://{url.host}/"):
                raise InvalidSpecError(f"{path}.{name}.for", f"the secret is not for {url.host}")
