"""What of a page is not its content: navigation, sidebars, footers and the like. Pure."""

import re

from selectolax.lexbor import LexborNode

from functions.worker.extraction.documents.document import Document

_TAGS = frozenset(["aside", "dialog", "footer", "head", "header", "nav", "select", "svg"])
_ROLES = frozenset([
    "banner", "complementary", "contentinfo", "dialog", "menu", "menubar", "navigation", "search",
])  # fmt: skip
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_WORDS = re.compile(
    r"(?:^|[\s_-])(?:nav|navbar|navigation|(?:sub|main|mega|sub-|main-|mega-)?menu|sidebar|side-bar"
    r"|breadcrumbs?|crumbs|footer|masthead|cookies?|consent|pagination|pager|share|sharing|social|widgets?"
    r"|sns|related|recommended|recommendations?|ads?|advertisements?|sponsored|(?:left|right)-?(?:column|rail)"
    r"|modal|popup|newsletter|toc)(?:$|[\s_-])"
)


class Furniture:
    """Tells which elements of a page are no content of it."""

    def __init__(self) -> None:
        self._known: dict[int, bool] = {}

    def has(self, element: LexborNode) -> bool:
        """Tell whether an element, or one that it is in, is no content."""
        passed: list[int] = []
        place: LexborNode | None = element
        is_furniture = False
        while place is not None and place.tag not in {"body", "html", None}:
            known = self._known.get(place.mem_id)
            if known is not None:
                is_furniture = known
                break
            passed.append(place.mem_id)
            if _is_furniture(place):
                is_furniture = True
                break
            place = place.parent
        self._known.update(dict.fromkeys(passed, is_furniture))
        return is_furniture

    def types(self, document: Document) -> frozenset[str]:
        """Return the types of microdata, lower case, that are nowhere in the content."""
        aside: set[str] = set()
        inside: set[str] = set()
        for element in document.tree.css("[itemtype]"):
            types = (element.attributes.get("itemtype") or "").lower().split()
            names = [re.split(r"[/#]", name.rstrip("/#"))[-1] for name in types]
            # What the head says, it says of the page.
            in_content = element.tag in {"body", "html"} or not self.has(element)
            (inside if in_content or _is_in_head(element) else aside).update(names)
        return frozenset(aside - inside)


def _is_in_head(element: LexborNode) -> bool:
    place = element.parent
    while place is not None and place.tag != "head":
        place = place.parent
    return place is not None


def _is_furniture(element: LexborNode) -> bool:
    if element.tag in _TAGS:
        # The header of an article has its headline.
        return element.tag != "header" or element.css_first("h1") is None
    attributes = element.attributes
    if (attributes.get("role") or "").lower() in _ROLES:
        return True
    words = f"{attributes.get('class') or ''} {attributes.get('id') or ''}"
    if _WORDS.search(_CAMEL.sub("-", words).lower()) is None:
        return False
    # A wrapper says so too: <div class="has sidebar"> around all there is.
    return element.css_first("h1, main") is None
