"""
The `extract` section of a spec: which values of a page make its rows.

Says what may be written; `shared.expressions` says whether selectors and patterns make sense, and
`docs/spec.md` describes all of it to its users. Every list in here has a limit.
"""

from collections import Counter
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

CONTENT = frozenset(["text", "markdown"])
MAX_FIELDS = 100
MAX_ALTERNATIVES = 10
MAX_LEVELS = 5  # of sources that read each what the one before has found

FieldName = Annotated[str, Meta(pattern=r"\A[A-Za-z_][A-Za-z0-9_-]{0,63}\Z")]
Locale = Annotated[str, Meta(pattern=r"\A[a-z]{2}(-[A-Z]{2})?\Z", description="as in de or en-US")]
Expression = Annotated[str, Meta(min_length=1, max_length=1_000)]
Text = Annotated[str, Meta(max_length=10_000)]
Scalar = Text | int | float | bool
Type = Literal["text", "number", "integer", "boolean", "price", "date", "url", "html", "json"]
ReadyMade = Literal[
    "page",
    "meta",
    "links",
    "jsonld",
    "microdata",
    "text",
    "markdown",
    "page_text",
    "tables",
    "feed",
    "sitemap",
]
# Who writes 1.234,56 for what others write as 1,234.56.
DECIMAL_COMMA = frozenset([
    "af", "az", "be", "bg", "bs", "ca", "cs", "da", "de", "el", "es", "et", "eu", "fi", "fr",
    "gl", "hr", "hu", "hy", "id", "is", "it", "ka", "kk", "lt", "lv", "mk", "mn", "nb", "nl",
    "nn", "no", "pl", "pt", "ro", "ru", "sk", "sl", "sq", "sr", "sv", "tr", "uk", "uz", "vi",
])  # fmt: skip
DECIMAL_POINT = frozenset([
    "ar", "bn", "cy", "en", "fa", "ga", "he", "hi", "ja", "ko", "mr", "ms", "mt", "sw", "ta",
    "te", "th", "tl", "ur", "zh",
])  # fmt: skip
# Regions that differ from their language.
POINT_REGIONS = frozenset([
    "de-CH", "de-LI", "es-DO", "es-GT", "es-HN", "es-MX", "es-NI", "es-PA", "es-PE", "es-PR",
    "es-SV", "es-US", "fr-CH", "it-CH",
])  # fmt: skip
COMMA_REGIONS = frozenset(["ar-DZ", "ar-LY", "ar-MA", "ar-TN", "en-ZA"])
ORDERED = ("number", "integer", "price", "date")
ROW_SOURCES = frozenset(["css", "jsonld", "microdata", "jmespath"])
_SOURCES = ("css", "xpath", "jsonld", "microdata", "opengraph", "jmespath", "input", "url")
_NOT_OF_PAGE = frozenset(["input", "url", "const"])


class SourceSpec(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a value is, and which part of it is meant."""

    css: Expression | None = None
    """A CSS selector; the value is the text of the first element that matches."""
    xpath: Expression | None = None
    """An XPath 1.0 expression: text, attributes, elements, or a number."""
    jsonld: Expression | None = None
    """A path into JSON-LD, such as `Product.offers.price`."""
    microdata: Expression | None = None
    """The same into microdata."""
    opengraph: Expression | None = None
    """A property of a meta element, such as `og:title`; `og:` may be left out."""
    jmespath: Expression | None = None
    """A JMESPath expression, for pages that are JSON, and for JSON behind `then`."""
    input: Expression | None = None
    """What the list says about the URL: the name of a column, or a path such as `product.id`."""
    url: Expression | None = None
    """What is searched for in the page's URL, in RE2's syntax: the first group, or else all that
    matches."""
    const: Scalar | UnsetType = UNSET
    """The value itself, the same for all."""
    attr: Annotated[str, Meta(min_length=1, max_length=100)] | None = None
    """Of the element of `css`, or else of the row's own: this attribute in place of the text."""
    html: bool = False
    """Not the text of the element, but the HTML between its tags."""
    regex: Expression | None = None
    """What is searched for in that, in RE2's syntax: the first group, or else all that matches.
    Without another source, in the HTML of the row or the page."""
    then: "SourceSpec | None" = None
    """A source that reads what this one finds, as if it were a page: JSON in a script, HTML in
    JSON, JSON in an attribute."""

    def __post_init__(self) -> None:
        self._check()

    @property
    def chain(self) -> "list[SourceSpec]":
        """The source, and those that read what it finds, one behind the other."""
        return [self, *(self.then.chain if self.then is not None else ())]

    @property
    def is_of_elements(self) -> bool:
        """Whether it reads elements: those that CSS selects, or the one that is read."""
        return self.named in ([], ["css"])

    @property
    def is_of_page(self) -> bool:
        """Whether it is about the page itself, and can tell whether that is the right one."""
        return _NOT_OF_PAGE.isdisjoint(self.named)

    @property
    def finds_elements(self) -> bool:
        """Whether what it finds are elements, and no part of them."""
        return self.css is not None and self.attr is None and self.regex is None and not self.html

    def _check(self) -> None:
        self._check_then()
        named = self.named
        if len(named) > 1:
            raise ValueError(f"{' and '.join(named)}: name one source")
        if not named and self.attr is None and self.regex is None:
            raise ValueError("there is no source; name one of css, xpath, jsonld, ...")
        other = [name for name in named if name != "css"]
        if self.attr is not None and other:
            raise ValueError(f"attr belongs to css, not to {other[0]}")
        if self.html and (self.attr is not None or (other and other != ["xpath"]) or not named):
            raise ValueError("html is for the elements of css and xpath")
        if self.regex is not None and (self.const is not UNSET or self.url is not None):
            raise ValueError(f"{named[0]} needs no regex")

    def _check_then(self) -> None:
        then = self.then
        if then is None:
            return
        if self.const is not UNSET:
            raise ValueError("const is the value itself: leave out then")
        if len(self.chain) > MAX_LEVELS:
            raise ValueError(f"then leads through more than {MAX_LEVELS} sources")
        if not then.is_of_page:
            raise ValueError(f"{then.named[0]} reads nothing of a page, and cannot stand in then")
        if then.attr is not None and then.css is None and not self.finds_elements:
            raise ValueError("attr without css, in then, is for the elements that css finds")

    @property
    def named(self) -> list[str]:
        """The names of its sources: one, unless it is about the element or text that is read."""
        named = [name for name in _SOURCES if getattr(self, name) is not None]
        return named + ["const"] * (self.const is not UNSET)


class RowsSpec(SourceSpec, frozen=True, kw_only=True, omit_defaults=True):
    """
    What of a page makes its rows.

    Each element of `css`, each object that a path of `jsonld` or `microdata` leads to, and each
    element of the list that `jmespath` finds is a row; with `then` those of its last source.
    """

    def _check(self) -> None:
        super()._check()
        last = self.chain[-1]
        kinds = last.named
        if not self.is_of_page:
            raise ValueError(f"{self.named[0]} is nothing of the page, and makes no rows")
        if len(kinds) != 1 or kinds[0] not in ROW_SOURCES:
            raise ValueError(
                "rows are what one of css, jsonld, microdata and jmespath finds; "
                "other sources need then"
            )
        if last.attr is not None or last.regex is not None or last.html:
            part = "attr" if last.attr is not None else "html" if last.html else "regex"
            raise ValueError(f"a row is all that {kinds[0]} finds: leave out {part}")

    @property
    def kind(self) -> str:
        """What a row is of: `css`, or a kind of data."""
        return self.chain[-1].named[0]


class FieldSpec(SourceSpec, frozen=True, kw_only=True, omit_defaults=True):
    """One column of the rows."""

    any: Annotated[tuple[SourceSpec, ...], Meta(max_length=MAX_ALTERNATIVES)] = ()
    """Sources in place of one: the first that has a value counts."""
    type: Type = "text"
    """What the value is turned into."""
    entities: Literal["decode", "keep"] = "decode"
    """What becomes of `&amp;` and the like in texts of JSON-LD, where they should not be."""
    locale: Locale | None = None
    """How numbers and days are written there, such as `de` or `en-US`; null: as it looks."""
    many: bool = False
    """Whether all matches are wanted, as a list."""
    required: bool = False
    """Whether a row without it has a problem."""
    default: Scalar | tuple[Scalar, ...] | UnsetType = UNSET
    """In place of a missing value. Not of one that cannot be read."""
    min: float | Text | None = None
    """The smallest number, or the first date as YYYY-MM-DD, that is no problem."""
    max: float | Text | None = None
    """The largest number, or the last date."""
    pattern: Expression | None = None
    """What a whole value must match, in RE2's syntax."""
    enum: Annotated[tuple[Scalar, ...], Meta(max_length=1_000)] = ()
    """The values that are no problem; none: all."""

    def _check(self) -> None:
        if self.any:
            beside = [*self.named, *(["attr"] if self.attr else []), *["html"] * self.html]
            if beside or self.regex is not None:
                raise ValueError(f"{(*beside, 'regex')[0]} goes into the alternatives of any")
            if self.then is not None:
                raise ValueError("then goes into the alternatives of any")
        else:
            super()._check()
        if self.required and self.default is not UNSET:
            raise ValueError("a field with a default is never missing: leave out required")
        if (self.min is not None or self.max is not None) and self.type not in ORDERED:
            raise ValueError(f"min and max are for the types {', '.join(ORDERED)}")
        if self.pattern is not None and self.type not in {"text", "url", "html", "date"}:
            raise ValueError(f"pattern is for text; of the type {self.type} use min, max or enum")
        if self.locale is not None:
            if self.type not in ORDERED:
                raise ValueError("locale is for the types number, integer, price and date")
            if self.locale[:2] not in DECIMAL_COMMA | DECIMAL_POINT:
                raise ValueError(f"locale {self.locale} is not known")


class ContentSpec(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What of the main content is in `text` and `markdown`."""

    comments: bool = False
    """Whether readers' comments are in it."""
    links: bool = False
    """Whether links have their addresses, as in Markdown, absolute."""


class ExtractSpec(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is taken from a page."""

    rows: Expression | RowsSpec | None = None
    """A CSS selector: each element that matches is a row; or another source of rows, such as
    `{jsonld: Product}`. null: the page is one."""
    fields: Annotated[dict[FieldName, FieldSpec], Meta(max_length=MAX_FIELDS)] = {}
    """The columns of a row."""
    include: Annotated[tuple[ReadyMade, ...], Meta(max_length=11)] = ()
    """Ready-made columns about the page; they are in each of its rows."""
    content: ContentSpec | None = None
    """What is in the columns `text` and `markdown`; null: neither comments nor addresses."""
    on_problem: Literal["keep", "drop", "fail"] = "keep"
    """What becomes of a row with a problem: kept, dropped, or it makes the target fail."""
    key: FieldName | Annotated[tuple[FieldName, ...], Meta(min_length=1, max_length=10)] | None = (
        None
    )
    """The column, or the columns, that tell a row from all others of the scraper, in every job."""

    def __post_init__(self) -> None:
        if not self.fields and not self.include:
            raise ValueError("there is nothing to extract; name fields, or something to include")
        if self.content is not None and not CONTENT & set(self.include):
            raise ValueError("content is about text and markdown: include one of them")
        if self.rows is not None and not self.fields:
            raise ValueError("rows needs fields: which values of each match?")
        if self.row_kind not in {None, "css"} and any(
            source.attr is not None and source.css is None for _, source in self.alternatives
        ):
            raise ValueError("attr without css is for rows that are elements")
        columns = Counter(list(self.fields))
        columns.update(f"{n}_currency" for n, field in self.fields.items() if field.type == "price")
        for included in self.include:
            columns.update(READY_MADE_COLUMNS.get(included, (included,)))
        twice = next((name for name, count in columns.items() if count > 1), None)
        if twice is not None:
            raise ValueError(f"the column {twice} is there twice")
        for name in self.key_columns:
            if name not in columns:
                raise ValueError(
                    f"key: there is no column {name}; it is one of {', '.join(columns)}"
                )

    @property
    def key_columns(self) -> tuple[str, ...]:
        """The columns of `key`."""
        if self.key is None:
            return ()
        return (self.key,) if isinstance(self.key, str) else self.key

    @property
    def alternatives(self) -> list[tuple[str, SourceSpec]]:
        """All sources, each with its path below `extract`."""
        return [
            (f"fields.{name}.any[{number}]" if field.any else f"fields.{name}", source)
            for name, field in self.fields.items()
            for number, source in enumerate(field.any or (field,))
        ]

    @property
    def inputs(self) -> frozenset[str]:
        """What its fields want of what the list says."""
        return frozenset(source.input for _, source in self.alternatives if source.input)

    @property
    def looks_for_something(self) -> bool:
        """Whether a field is about the page, so that a page without any of it is another one."""
        return any(source.is_of_page for _, source in self.alternatives)

    @property
    def row_kind(self) -> str | None:
        """What a row is of: `css`, or a kind of data; None: the page is the row."""
        return self.rows.kind if isinstance(self.rows, RowsSpec) else self.rows and "css"

    @property
    def reads_more_than_html(self) -> bool:
        """Whether a page that is no HTML can have a row."""
        return (
            (isinstance(self.rows, RowsSpec) and self.rows.css is None)
            or any(
                source.css is None and source.attr is None and source.input is source.url is None
                for _, source in self.alternatives
            )
            or not {"feed", "sitemap"}.isdisjoint(self.include)
        )


READY_MADE_COLUMNS = {"page": ("title", "description", "canonical", "links")}
DEFAULT_EXTRACT = ExtractSpec(include=("page",))
