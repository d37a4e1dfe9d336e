"""A parser whose module cannot be imported."""

from nowhere import at_all  # type: ignore[import-not-found] # noqa: F401


def parse(_: object) -> list[object]:
    return []
