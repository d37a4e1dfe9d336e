"""The images of a `srcset`, and of what is written like one. Pure."""

import re

_CANDIDATE = re.compile(r"[\s,]*(\S+)")
_DESCRIPTOR = re.compile(r"(?:\A|\s)(\d{1,9}(?:\.\d{1,9})?)([wxh])(?=\s|,|\Z)")
_DESCRIBED = r"\s*+[^\s,]\S*+(?:\s++\d{1,9}(?:\.\d{1,9})?[wxh](?=[\s,]|\Z))++\s*+"
_ALL_DESCRIBED = re.compile(rf"{_DESCRIBED}(?:,{_DESCRIBED})+,?\s*")
# A size in front of a comma, or the condition of lazysizes: a.jpg [(max-width: 600px)] | b.jpg
_DOUBT = re.compile(r"\s\d{1,9}(?:\.\d{1,9})?[wxh]\s*,|\s\[(?:\(|--)")


def best_candidate(link: str) -> str:
    """
    Return the largest image of a `srcset`, by its first size; one URL as it is.

    As the HTML standard splits it (§4.8.4.2.1): a comma within a URL is a part of it.
    """
    if len(link.split(None, 1)) < 2 or not (  # noqa: PLR2004 -- it is one URL
        ", " in link or _DESCRIPTOR.search(link)
    ):
        return link
    best, largest, place = "", 0.0, 0
    while (found := _CANDIDATE.match(link, place)) is not None:
        place, url, size = found.end(), found[1].rstrip(","), 1.0
        if url == found[1]:
            end = link.find(",", place)
            end = len(link) if end < 0 else end
            if descriptor := _DESCRIPTOR.search(link, place, end):
                size = float(descriptor[1])
            place = end
        if url and size > largest:
            best, largest = url, size
    return best or link


def one_url(text: str) -> str | None:
    """
    Return the URL in a text of which nobody says that it lists images.

    That is all of it, unless it can be nothing else than such a list: each URL has its size. None
    where there is doubt.
    """
    if ("," not in text and "[" not in text) or _DOUBT.search(text) is None:
        return text
    return best_candidate(text) if _ALL_DESCRIBED.fullmatch(text) else None
