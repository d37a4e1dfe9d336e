"""
The sessions that jobs have at websites, as workers leave them to each other.

The state object of a partition is the only place where they are. Pure; times in epoch seconds.
"""

from collections.abc import Mapping

from msgspec import Struct

MAX_LOGINS = 200
MAX_BYTES = 16_384
"""Of the cookies, the token and the form of one."""
MAX_AGE = 24 * 60 * 60.0  # seconds
MAX_FAILURES = 2
MAX_DOUBTS = 2
BEGUN_SECONDS = 600.0  # after which one that was begun begins anew


class Login(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One job's login at one origin, in the making, made, or failed."""

    at: float
    """When it became what it is."""
    cookies: tuple[tuple[str, str], ...] = ()
    """Each value of Set-Cookie, with the URL that it came from."""
    token: str | None = None
    form: dict[str, str] | None = None
    """The fields of the form; None where it is not asked for, or sent already."""
    check: str | None = None
    """A page that tells whether it is made: the answer has led back to it."""
    is_made: bool = False
    failures: int = 0
    """In a row."""
    doubts: int = 0
    """How often it was made anew in vain, in a row."""
    why: str | None = None
    """The last one, in words."""

    def __repr__(self) -> str:
        """Show no secrets."""
        return f"Login(at={self.at}, is_made={self.is_made}, failures={self.failures})"

    @property
    def size(self) -> int:
        """Of what the website has said, in characters."""
        form = sum(len(name) + len(value) for name, value in (self.form or {}).items())
        return sum(len(value) for _, value in self.cookies) + len(self.token or "") + form


def login_key(job: str, origin: str) -> str:
    return f"{job} {origin}"


def worth_keeping(logins: Mapping[str, Login], now: float) -> dict[str, Login]:
    """Return those that are not too old: the newest, where there are too many."""
    fresh = [(key, login) for key, login in logins.items() if now - login.at < MAX_AGE]
    fresh.sort(key=lambda entry: entry[1].at, reverse=True)
    return dict(fresh[:MAX_LOGINS])


def known_together(ours: Mapping[str, Login], theirs: Mapping[str, Login]) -> dict[str, Login]:
    """Return the newer one of each."""
    both = dict(theirs)
    for key, login in ours.items():
        both[key] = max(login, both.get(key, login), key=lambda one: one.at)
    return both
