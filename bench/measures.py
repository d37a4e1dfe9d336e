"""
Whether two readings of a page are the same: values, objects, and texts.

Pure. What differs in white space, entities, or case is the same; so is a duration and its minutes.
"""

import html
import json
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

SHINGLE = 4  # words
_WORD = re.compile(r"\w+")
_TAG = re.compile(r"<[^<>]*>")
_ADDRESS = re.compile(r"\]\([^()]*\)")
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.\d+)?S)?)?")


# ---- values


def plain(value: object) -> str:
    """Return a text as it is compared."""
    text = _TAG.sub(" ", html.unescape(html.unescape(str(value))))
    return " ".join(text.replace("\N{ZERO WIDTH SPACE}", "").split()).casefold()


def same(field: str, found: Any, expected: Any) -> bool:  # noqa: ANN401 -- whatever a field holds
    """Tell whether a field has the value that is expected."""
    if isinstance(expected, list):
        values = found if isinstance(found, list) else [found]
        return [_words(value) for value in values] == [_words(value) for value in expected]
    if field == "total_time":
        return str(minutes(found)) in re.findall(r"\d+", str(expected))
    if field == "yields":
        return set(re.findall(r"\d+", str(expected))) <= set(re.findall(r"\d+", str(found)))
    if isinstance(expected, str) and expected.startswith("http"):
        return _address(str(found)) == _address(expected)
    return plain(found) == plain(expected)


def _words(value: object) -> list[str]:
    """Return the words alone: punctuation between the parts of a line is each library's own."""
    return _WORD.findall(plain(value))


def _address(url: str) -> str:
    parts = urlsplit(html.unescape(url))
    return parts.netloc.removeprefix("www.") + parts.path.rstrip("/") + parts.query


def minutes(text: object) -> int | None:
    """Return the minutes of a duration such as PT1H30M."""
    found = _DURATION.fullmatch(str(text).strip().upper())
    if found is None or not any(found.groups()):
        return None
    days, hours, rest, seconds = (int(number or 0) for number in found.groups())
    return (days * 24 + hours) * 60 + rest + seconds // 60


def is_in(expected: Any, texts: set[str]) -> bool:  # noqa: ANN401
    """Tell whether a value is among the texts of a page's data."""
    values = expected if isinstance(expected, list) else [expected]
    return all(plain(value) in texts for value in values)


def texts_of(data: object) -> set[str]:
    """Return all texts in JSON, as they are compared."""
    found: set[str] = set()
    waiting = [data]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
        elif value is not None:
            found.add(plain(value))
    return found


# ---- objects


def json_ld(data: Iterable[Any]) -> Counter[str]:
    """Return the objects of JSON-LD that stand on their own, each as a text."""
    values = [item for value in data for item in (value if isinstance(value, list) else [value])]
    return Counter(json.dumps(_folded(value), sort_keys=True) for value in values if value)


def _folded(value: Any) -> Any:  # noqa: ANN401 -- JSON
    if isinstance(value, dict):
        return {name: _folded(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_folded(item) for item in value]
    return " ".join(value.split()) if isinstance(value, str) else value


def microdata(items: Iterable[Any], url: str) -> Counter[str]:
    """
    Return the types of items, those within others too, and each of their properties.

    What is empty says nothing, nor does an empty address, which extruct makes that of the page.
    """
    found: Counter[str] = Counter()
    waiting = list(items)
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            kinds = value.get("type", value.get("@type")) or []
            names = [kinds] if isinstance(kinds, str) else kinds
            kind = " ".join(sorted(map(_last, names)))
            properties = value.get("properties", {})  # extruct's form, or else ours
            if not {"type", "properties"} & value.keys() and value.keys() != {"value"}:
                properties = {name: value[name] for name in value.keys() - {"@type", "@id"}}
            found[kind or "an item"] += 1
            for name, inner in properties.items():
                values = inner if isinstance(inner, list) else [inner]
                found[f"{kind}.{name}"] += sum(
                    one not in {None, "", url} for one in map(_told, values)
                )
                waiting += [one for one in values if isinstance(one, dict)]
    return +found


def _told(value: object) -> str | None:
    if isinstance(value, str):
        return value.strip().partition("#")[0]
    return repr(value) if value else None


def _last(kind: str) -> str:
    return kind.rstrip("/#").rpartition("/")[2].rpartition("#")[2]


def open_graph(objects: Iterable[dict[str, Any]]) -> dict[str, str]:
    """Return the properties that extruct has found, of several the first that says something."""
    found: dict[str, str] = {}
    for entity in objects:
        for name, value in entity["properties"]:
            if value.strip():
                found.setdefault(name.strip().lower(), " ".join(value.split()))
    return found


# ---- texts


def f1(texts: Iterable[tuple[str | None, str]]) -> float:
    """
    Return how well texts agree with those that are right, from 0 to 1.

    F1 of shingles of four words, each text with the same weight: the measure of
    https://github.com/scrapinghub/article-extraction-benchmark.
    """
    hits = extra = missed = 0.0
    for found, expected in texts:
        ours, theirs = _shingles(found or ""), _shingles(expected)
        both = (ours & theirs).total()
        union = ours.total() + theirs.total() - both
        if union:
            hits += both / union
            extra += (ours.total() - both) / union
            missed += (theirs.total() - both) / union
    return 2 * hits / (2 * hits + extra + missed) if hits else 0.0


def _shingles(text: str) -> Counter[tuple[str, ...]]:
    words = _WORD.findall(text)
    count = max(len(words) - SHINGLE + 1, min(len(words), 1))
    return Counter(tuple(words[n : n + SHINGLE]) for n in range(count))


def without_addresses(markdown: str | None) -> str | None:
    """Return Markdown without the addresses of its links, of which an article's text has none."""
    return None if markdown is None else _ADDRESS.sub("]", markdown)
