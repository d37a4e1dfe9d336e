"""The images of a `srcset`. Pure."""

import re

_CANDIDATE = re.compile(r"[\s,]*(\S+)")
_DESCRIPTOR = re.compile(r"(?:\A|\s)(\d{1,9}(?:\.\d{1,9})?)([wx])(?=\s|,|\Z)")


def best_candidate(link: str) -> str:
    """
    Return the largest image of a `srcset`, by width or else by density; one URL as it is.

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
