"""What the worker and the floor take from a page; bench/peers say the same in their own words."""

from bench.subjects import CONCURRENCY, PER_HOST
from shared.extract_spec import ExtractSpec, FieldSpec
from shared.spec import FetchSpec, Spec

SPEC = Spec(
    fetch=FetchSpec(pause=0, concurrency=CONCURRENCY, per_host=PER_HOST),
    extract=ExtractSpec(
        include=("page", "jsonld"),
        fields={
            "og_title": FieldSpec(opengraph="og:title"),
            "og_image": FieldSpec(opengraph="og:image", type="url"),
            "heading": FieldSpec(css="h1"),
            "sections": FieldSpec(css="h2", many=True),
            "summary": FieldSpec(css="p"),
        },
    ),
)
