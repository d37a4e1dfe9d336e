"""
What extruct and trafilatura find in pages.

Reads lines of JSON from stdin (`name`, `file`, `url`) and writes one for each: `jsonld`,
`microdata` and `opengraph` by extruct, `text` and `markdown` by trafilatura.
"""

import gzip
import json
import logging
import sys
import warnings
from pathlib import Path
from typing import Any

import extruct
import trafilatura
from w3lib.encoding import html_to_unicode

_FORMS = {"jsonld": "json-ld", "microdata": "microdata", "opengraph": "opengraph"}


def read(entry: dict[str, str]) -> dict[str, Any]:
    body = Path(entry["file"]).read_bytes()
    if body.startswith(b"\x1f\x8b"):
        body = gzip.decompress(body)
    try:
        html = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        html = html_to_unicode(None, body)[1]
    found: dict[str, Any] = {"name": entry["name"]}
    for name, form in _FORMS.items():
        try:
            found[name] = extruct.extract(html, entry["url"], syntaxes=[form])[form]
        except Exception as error:  # noqa: BLE001 -- whatever a page makes of it
            found[name] = []
            print(f"{entry['name']}: {form}: {error!r}"[:200], file=sys.stderr)
    for name, form in {"text": "txt", "markdown": "markdown"}.items():
        found[name] = trafilatura.extract(html, output_format=form, include_comments=False)
    return found


def main() -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    for line in sys.stdin:
        print(json.dumps(read(json.loads(line))), flush=True)


main()
