"""
What a page says in data: JSON-LD, microdata, meta elements; and what paths find in such data.

Knows documents and raw values, and neither fields nor rows. Start with `objects`. Upwards:
`json_ld`, `microdata`, `meta_elements`, each a form of data; `nodes`, one object; `graph`, objects
that are one and what they refer to; `main_entity`, `bindings`, `choice`, which of them count;
`objects`. Beside them `statements`: what data and elements say of how the page writes.
"""
