"""
From a field of a spec to a function that reads it from a page.

All that can be decided once is decided here, so that what runs for each value is as short as if
somebody had written it for the page. Knows no row but the one that is read. Start with `field`.
Upwards: `finders`, `context`, `marks`; `selectors` and `data`, where raw values are; `sources`;
`taking`, `checks`, `lists`; `field`, `scopes`.
"""
