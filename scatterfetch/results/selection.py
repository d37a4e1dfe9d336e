"""Which outcomes are in a table, by the names that `status` and the summary of a run have."""

from collections.abc import Iterable

from shared.errors import InvalidJobError, Reason
from shared.outcomes import FINAL, Kind, Outcome
from shared.receipts import outcome_name
from shared.wording import meant

WITH_PROBLEMS = "problems"
"""Of pages whose rows have problems."""
_FINAL = [kind for kind in Kind if kind in FINAL]


def read_selection(texts: Iterable[str]) -> frozenset[str]:
    """
    Return the names in `texts`, each of which may hold several with commas between them.

    A name is an outcome (`failed`), a reason (`http_404`), both (`failed-http_404`), or
    `problems`.

    Raises:
        InvalidJobError: a name is none of these.
    """
    names = frozenset(name.strip().lower() for text in texts for name in text.split(","))
    for name in sorted(names):
        _check(name)
    return names


def _check(name: str) -> None:
    kind, dash, reason = name.partition("-")
    known = [*_FINAL, *Reason, WITH_PROBLEMS]
    if name == Kind.DEFERRED:
        raise InvalidJobError(
            "--outcome deferred: a deferred URL has no final outcome yet, and is in no table"
        )
    if name in known or (dash and kind in _FINAL and reason in [*Reason]):
        return
    wrong = reason if dash and kind in _FINAL else name
    guess = meant(wrong, [*map(str, known)]) or "."
    raise InvalidJobError(
        f"--outcome: there is no outcome {name!r}{guess} Name {', '.join(_FINAL[:-1])} or "
        f"{_FINAL[-1]}, a reason such as {Reason.HTTP_404}, both as in "
        f"{outcome_name(Kind.FAILED, Reason.HTTP_404)}, or {WITH_PROBLEMS}"
    )


def is_selected(outcome: Outcome, names: frozenset[str]) -> bool:
    """Tell whether one of `names` is about `outcome`."""
    if outcome.problems and WITH_PROBLEMS in names:
        return True
    kind, reason = outcome.outcome, outcome.reason
    return not names.isdisjoint((kind, reason, outcome_name(kind, reason)))
