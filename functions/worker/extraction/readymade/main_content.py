"""
The main content of a page, without navigation and the like, by trafilatura: as text or Markdown.

Needs the package, which is an extra; see docs/spec.md.
"""

from functions.worker.extraction.documents.document import Document
from functions.worker.extraction.documents.lexbor import html_of, parse_html
from functions.worker.extraction.documents.trees import html_tree
from shared.extract_spec import ContentSpec

_BYTES_PER_CHARACTER = 30  # that trafilatura takes, measured
_BYTES_PER_TAG = 1_500


def main_content(document: Document, form: str, spec: ContentSpec) -> str | None:
    """
    Return the main content of a page, None where there is none.

    Args:
        document: The page.
        form: `txt` or `markdown`.
        spec: Whether comments count, and addresses of links.

    Raises:
        MemoryError: there is not enough of it for this page.
    """
    from trafilatura import extract  # noqa: PLC0415 -- half a second, and an extra

    if not document.is_html or document.exceeds(len(document.page.body)):
        return None
    html = _with_absolute_links(document) if spec.links else html_of(document.tree)

    def found_in(page: object, *, fast: bool) -> str | None:
        text: str | None = extract(
            page,
            output_format=form,
            fast=fast,
            include_comments=spec.comments,
            include_links=spec.links,
            include_tables=True,
        )
        return text

    # What is slow asks two other extractors as well, which on whole articles makes it worse.
    found = found_in(html, fast=True) or found_in(html, fast=False)
    if found is None:
        # It says nothing where memory is short. This takes none, but tells whether it is there.
        bytes(_BYTES_PER_CHARACTER * len(html) + _BYTES_PER_TAG * html.count("<"))
        # Nor does it where elements are nested more than 255 deep, which a tree may be.
        tree = parse_html(html)
        found = found_in(html_tree(tree.root, for_lxml_html=True), fast=True) if tree.root else None
    return found


def _with_absolute_links(document: Document) -> str:
    tree = parse_html(html_of(document.tree))
    for element in tree.css("a[href]"):
        url = document.resolve(element.attrs.get("href") or "")
        if url is None:
            del element.attrs["href"]
        else:
            element.attrs["href"] = url
    return html_of(tree)
