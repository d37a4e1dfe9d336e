"""
What of a spec tells pages that were not asked for: captchas, "please wait", empty shells.

Such a page comes with status 200 and is a failed attempt.
"""

from typing import Annotated

from msgspec import Meta, Struct

from shared.extract_spec import Expression

_OK = range(200, 300)
_REDIRECTS = range(300, 400)


class UnwantedSpec(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A condition: a page for which all that it names holds is not the one that was asked for."""

    status: Annotated[int, Meta(ge=200, le=599)] | None = None
    """The status of the answer."""
    text: Annotated[str, Meta(min_length=1, max_length=1_000)] | None = None
    """Text that the page shows, its title included. Case and white space do not matter."""
    css: Expression | None = None
    """A CSS selector that matches."""
    xpath: Expression | None = None
    """An XPath 1.0 expression that finds something."""
    no_match: bool = False
    """No field finds anything, or the Python parser returns no rows."""

    def __post_init__(self) -> None:
        others = self.text is not None or self.css is not None or self.xpath is not None
        if self.status is None and not (others or self.no_match):
            raise ValueError("name one of status, text, css, xpath and no_match")
        if self.status in _REDIRECTS:
            raise ValueError(f"an answer of status {self.status} is followed, and is no page")
        if self.status is not None and self.status not in _OK and (others or self.no_match):
            raise ValueError(
                f"an answer of status {self.status} is not read: name the status alone"
            )

    @property
    def is_status_alone(self) -> bool:
        """Whether the status decides, whatever the page is."""
        return self == UnwantedSpec(status=self.status) if self.status is not None else False
