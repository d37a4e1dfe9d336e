"""Links that a URL template makes of values of a page."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from functions.worker.extraction.documents.document import Document
from functions.worker.extraction.following.link import MAX_LINKS, Found, resolved
from functions.worker.extraction.values.conversion import to_text
from shared.crawl_spec import PLACEHOLDER, FollowSpec, RangeSpec

_RESERVED = ":/?#[]@!$&'()*+,;=%"  # RFC 6570 §3.2.3 leaves them as they are in {+name}
_MAX_DIGITS = 15
Values = Mapping[str, Any]
"""By their paths in `FollowSpec`, as in `with.next` and `range.page.to`."""


def compile_template(follow: FollowSpec) -> Callable[[Values, Document], Iterator[Found]]:
    """Return what makes links of values. If a value is missing, there is no link."""
    template = follow.url_template or ""
    numbers = next(iter(follow.range.items()), None)

    def make(values: Values, document: Document) -> Iterator[Found]:
        texts = {name: to_text(values[f"with.{name}"]) for name in follow.with_}
        if not all(texts.values()):
            return
        if numbers is None:
            yield resolved(_filled(template, texts), document)
            return
        name, spec = numbers
        counted = _counted(spec, {end: values.get(f"range.{name}.{end}") for end in spec.ends})
        for number in counted[:MAX_LINKS]:
            document.hurry()
            yield resolved(_filled(template, texts | {name: str(number)}), document)
        if len(counted) > MAX_LINKS:
            yield len(counted) - MAX_LINKS

    return make


def _filled(template: str, texts: Mapping[str, str | None]) -> str:
    return PLACEHOLDER.sub(
        lambda found: quote(texts[found[2]] or "", safe=_RESERVED if found[1] else ""),
        template,
    )


def _counted(spec: RangeSpec, values: Values) -> range:
    """Return the numbers of a range; none if an end is missing, or is no number."""
    first, last = (
        end if isinstance(end, int) else _whole(values[name]) for name, end in spec.ends.items()
    )
    if first is None or last is None:
        return range(0)
    return range(first, last + (spec.to is not None), spec.step)


def _whole(value: Any) -> int | None:  # noqa: ANN401 -- of a field of any type
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if abs(value) < 10**_MAX_DIGITS else None
