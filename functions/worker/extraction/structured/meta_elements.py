"""The properties that the meta elements of a page have, those of Open Graph among them."""

from functions.worker.extraction.documents.document import Document


def properties(document: Document) -> dict[str, list[str]]:
    """
    Return the contents of meta elements, lower case names.

    What has a name by `property` goes before what has it by `name`.
    """
    by_property: dict[str, list[str]] = {}
    by_name: dict[str, list[str]] = {}
    for element in document.about["meta"]:
        attributes = element.attrs
        content = attributes.get("content")
        if not content:
            continue
        for attribute, found in (("property", by_property), ("name", by_name)):
            value = attributes.get(attribute)
            if value:
                for name in value.lower().split():
                    found.setdefault(name, []).append(content)
    return by_name | by_property
